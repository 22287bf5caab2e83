// tamp_whole_model: what pruning all layers of a model takes, and where the time goes.
//
//     tamp_whole_model                                 layers of LLaMA-7B's shapes, random numbers
//     tamp_whole_model --model M.gguf --text T.txt     a language model, calibrated on prose
//
// The random model never lies in memory as a whole: one block's numbers are made anew for every
// block, and the time that takes is not counted.

#include <fmt/format.h>
#include <omp.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <llama/quality.hpp>
#include <new>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <study/progress_bar.hpp>
#include <study/samples.hpp>
#include <tamp/execute/instructions.hpp>
#include <tamp/execute/openmp.hpp>
#include <tamp/tamp.hpp>
#include <vector>

#include "optimised.hpp"

namespace {

volatile std::sig_atomic_t interrupted = 0;

struct settings {
  std::string model, text, json;
  std::vector<std::string> elements{"bf16", "float"}, patterns{"per_row", "2:4"};
  std::vector<int> threads{1, 2};
  std::size_t blocks = 32, hidden = 4096, ffn = 11008, tokens = 2048;
  std::size_t sequences = 8, sequence_length = 128;
};

/// The seconds of one run, by what they were spent on.
struct outcome {
  std::string model, element, pattern;
  int threads;
  std::size_t weights = 0;
  std::size_t buffers = 0;  ///< bytes of random numbers in memory
  double forward = 0, statistics = 0, select = 0, apply = 0;

  double total() const { return forward + statistics + select + apply; }
};

double seconds_of(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Nearly normal, and the same on any number of threads: four 16-bit parts of a hashed counter
/// (that of splitmix64), and a fraction so that there are few equals.
float nearly_normal(std::uint64_t counter) {
  std::uint64_t z = counter * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  z ^= z >> 31;
  const auto part = [&](int shift) { return static_cast<int>((z >> shift) & 0xffff); };
  const int sum = part(0) + part(16) + part(32) + part(48) - 2 * 65535;
  const auto fraction = static_cast<float>((z * 0x9E3779B97F4A7C15u) >> 40) * 0x1p-24f;
  return (static_cast<float>(sum) + fraction) / 37837;  // the sum's standard deviation
}

/// Random rows; `scales` has one number a column, or is empty.
template <class T>
void fill(std::vector<T>& numbers, std::size_t cols, std::uint64_t seed,
          std::span<const float> scales = {}) {
  const tamp::execute::openmp everybody;
  everybody.for_each_range(numbers.size() / cols, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      for (std::size_t j = 0; j < cols; ++j) {
        const float scale = scales.empty() ? 0.02f : scales[j];
        numbers[i * cols + j] =
            tamp::element_traits<T>::store(scale * nearly_normal((seed << 40) + i * cols + j));
      }
  });
}

/// The linear layers of one block, and what goes into them: q, k and v see the same, and gate and
/// up do.
template <class T>
class random_block {
 public:
  struct layer {
    std::size_t rows, cols, input;
  };
  static constexpr std::size_t inputs = 4;

  explicit random_block(const settings& s)
      : layers_{{{s.hidden, s.hidden, 0},
                 {s.hidden, s.hidden, 0},
                 {s.hidden, s.hidden, 0},
                 {s.hidden, s.hidden, 1},
                 {s.ffn, s.hidden, 2},
                 {s.ffn, s.hidden, 2},
                 {s.hidden, s.ffn, 3}}},
        tokens_(s.tokens) {
    for (std::size_t k = 0; k < layers_.size(); ++k)
      fresh_[k].resize(layers_[k].rows * layers_[k].cols);
    for (const layer& l : layers_) activations_[l.input].resize(tokens_ * l.cols);
  }

  void fill_weights(std::size_t block) {
    for (std::size_t k = 0; k < layers_.size(); ++k)
      fill(fresh_[k], layers_[k].cols, 16 * block + k);
  }
  /// The weights as they were before anything was dropped.
  void refresh() { weights_ = fresh_; }
  void fill_activations(std::size_t block) {
    for (std::size_t k = 0; k < inputs; ++k) {
      std::vector<float> scales(activations_[k].size() / tokens_);
      for (std::size_t j = 0; j < scales.size(); ++j)
        scales[j] = std::exp(0.5f * nearly_normal(j)) * (j % 512 == 7 ? 50.0f : 1.0f);
      fill(activations_[k], scales.size(), 16 * block + layers_.size() + k, scales);
    }
  }

  /// Bytes of all these numbers, the weights counted twice: fresh, and as they are pruned.
  std::size_t bytes() const {
    std::size_t count = 0;
    for (const auto& numbers : fresh_) count += 2 * numbers.size();
    for (const auto& numbers : activations_) count += numbers.size();
    return count * sizeof(T);
  }
  auto activations(std::size_t input) {
    auto& numbers = activations_[input];
    return tamp::row_major(numbers.data(), tokens_, numbers.size() / tokens_);
  }
  /// Calls `visit(weight, number of its input)`.
  void for_each_layer(const auto& visit) {
    for (std::size_t k = 0; k < layers_.size(); ++k)
      visit(tamp::row_major(weights_[k].data(), layers_[k].rows, layers_[k].cols),
            layers_[k].input);
  }

 private:
  std::array<layer, 7> layers_;
  std::size_t tokens_;
  std::array<std::vector<T>, 7> fresh_, weights_;
  std::array<std::vector<T>, inputs> activations_;
};

void stop_if_interrupted() {
  if (interrupted != 0) throw std::runtime_error("interrupted");
}

/// Calls `use` with Wanda in the pattern of that name.
template <class Use>
auto with_recipe(const std::string& pattern, const Use& use) {
  const tamp::score::wanda score;
  if (pattern == "2:4") return use(tamp::compose(score, tamp::pattern::n_of_m<2, 4>{}));
  return use(tamp::compose(score, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5}));
}

/// Prunes a block and adds what that takes to `done`.
template <class T, class Recipe>
void prune_block(random_block<T>& block, const Recipe& recipe, outcome& done) {
  const tamp::execute::openmp exec{done.threads};
  std::array<tamp::stat::column_norm, random_block<T>::inputs> norms;
  done.statistics += seconds_of([&] {
    for (std::size_t k = 0; k < norms.size(); ++k) norms[k].add(exec, block.activations(k));
  });
  block.refresh();
  block.for_each_layer([&](auto weight, std::size_t input) {
    tamp::mask::bitmask keep;
    done.select += seconds_of([&] { keep = tamp::select(exec, weight, norms[input], recipe); });
    done.apply += seconds_of([&] { tamp::apply(exec, weight, keep); });
    done.weights += weight.size();
  });
}

/// One run for each pattern and number of threads, with nothing done yet.
std::vector<outcome> planned_runs(const settings& s, const std::string& model,
                                  const std::string& element) {
  std::vector<outcome> runs;
  for (const std::string& pattern : s.patterns)
    for (const int threads : s.threads) runs.push_back({model, element, pattern, threads});
  return runs;
}

/// All runs take turns on each block.
template <class T>
std::vector<outcome> prune_random_blocks(const settings& s, const std::string& element,
                                         study::progress_bar& bar) {
  auto runs = planned_runs(s, fmt::format("{} random blocks", s.blocks), element);
  random_block<T> block(s);
  for (std::size_t b = 0; b < s.blocks; ++b) {
    bar.show(static_cast<double>(b) / static_cast<double>(s.blocks),
             fmt::format("{}: block {} of {}", element, b + 1, s.blocks));
    block.fill_weights(b);
    block.fill_activations(b);
    for (outcome& run : runs) {
      stop_if_interrupted();
      run.buffers = block.bytes();
      with_recipe(run.pattern, [&](const auto& recipe) { prune_block(block, recipe, run); });
    }
  }
  bar.clear();
  return runs;
}

template <class Recipe>
void prune_copy(const llama::model& dense, const std::vector<llama::calibration_sample>& samples,
                const Recipe& recipe, study::progress_bar& bar, outcome& done) {
  omp_set_num_threads(done.threads);
  llama::model copy = dense;
  llama::tamp_host host(copy, samples);
  const auto report = tamp::prune_model(
      tamp::execute::openmp{done.threads}, host, recipe, [&](const tamp::progress& now) {
        bar.show(static_cast<double>(now.layers_done) / static_cast<double>(now.layers),
                 fmt::format("{}, {} threads: block {} of {}", done.pattern, done.threads,
                             now.block + 1, now.blocks));
        return interrupted == 0;
      });
  bar.clear();
  stop_if_interrupted();
  done.forward = report.calibrate - report.observe();
  done.statistics = report.observe();
  done.select = report.select();
  done.apply = report.apply();
  for (const auto& layer : report.layers) done.weights += layer.size();
}

std::size_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

/// Bytes of the most random numbers that were in memory.
std::size_t buffers_of(const std::vector<outcome>& runs) {
  std::size_t most = 0;
  for (const outcome& run : runs) most = std::max(most, run.buffers);
  return most;
}

void print_header() {
  fmt::print("{:28}{:>6}{:>9}{:>8}{:>9}{:>8}{:>9}{:>11}{:>8}{:>7}{:>10}\n", "model", "of",
             "pattern", "threads", "weights", "seconds", "forward", "statistics", "select", "apply",
             "weights/s");
  fmt::print("{:>60}{:>8}{:>9}{:>11}{:>8}{:>7}{:>10}\n", "10^9", "", "%", "%", "%", "%", "10^9");
}

void print(const outcome& run) {
  const auto share = [&](double part) { return 100 * part / run.total(); };
  const double pruning = run.statistics + run.select + run.apply;
  fmt::print("{:28}{:>6}{:>9}{:>8}{:9.2f}{:8.2f}{:9.1f}{:11.1f}{:8.1f}{:7.1f}{:10.2f}\n", run.model,
             run.element, run.pattern, run.threads, static_cast<double>(run.weights) / 1e9,
             run.total(), share(run.forward), share(run.statistics), share(run.select),
             share(run.apply), static_cast<double>(run.weights) / 1e9 / pruning);
  std::fflush(stdout);
}

void save(const std::string& path, const std::vector<outcome>& runs, const settings& s) {
  nlohmann::ordered_json document;
  document["instructions"] = label(tamp::execute::current_instructions());
  document["peak_memory_bytes"] = peak_memory();
  document["random_numbers_bytes"] = buffers_of(runs);
  document["tokens"] = s.model.empty() ? s.tokens : s.sequences * s.sequence_length;
  for (const outcome& run : runs)
    document["runs"].push_back({{"model", run.model},
                                {"element", run.element},
                                {"pattern", run.pattern},
                                {"threads", run.threads},
                                {"weights", run.weights},
                                {"forward_s", run.forward},
                                {"statistics_s", run.statistics},
                                {"select_s", run.select},
                                {"apply_s", run.apply}});
  std::ofstream file(path);
  file << document.dump(1) << '\n';
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

settings parse(CLI::App& app, int argc, char** argv) {
  settings s;
  const auto list = [&](const char* name, auto& values, const char* text) {
    return app.add_option(name, values, text)->delimiter(',')->capture_default_str();
  };
  const auto count = [&](const char* name, std::size_t& value, const char* text) {
    return app.add_option(name, value, text)->check(CLI::Range(1, 1 << 17))->capture_default_str();
  };
  auto* const text = app.add_option("--text", s.text, "prose to calibrate the language model on")
                         ->check(CLI::ExistingFile);
  app.add_option("--model", s.model, "a .gguf of a language model, instead of random layers")
      ->check(CLI::ExistingFile)
      ->needs(text);
  text->needs("--model");
  list("--element", s.elements, "types of the random weights and activations")
      ->check(CLI::IsMember({"bf16", "float"}));
  list("--pattern", s.patterns, "half of each row, or two of four")
      ->check(CLI::IsMember({"per_row", "2:4"}));
  list("--threads", s.threads, "numbers of threads")->check(CLI::Range(1, 1024));
  count("--blocks", s.blocks, "random blocks");
  count("--hidden", s.hidden, "features of the residual stream of random blocks");
  count("--ffn", s.ffn, "channels of the feed-forward part of random blocks");
  count("--tokens", s.tokens, "random activations that each layer sees");
  count("--sequences", s.sequences, "sequences of text to calibrate the language model on");
  count("--sequence-length", s.sequence_length, "tokens of a sequence");
  app.add_option("--json", s.json, "write the figures to this file, too");
  app.parse(argc, argv);
  return s;
}

std::vector<outcome> prune_language_model(const settings& s, study::progress_bar& bar) {
  bar.show(0, "loading the model");
  const auto language = llama::load_gguf(s.model);
  std::vector<llama::calibration_sample> samples;
  const std::vector<int> tokens = study::tokens_of(language, s.text);
  for (const auto& part :
       llama::sequences(tokens, s.sequence_length, s.sequences, language.tokenizer.start()))
    samples.push_back(
        {llama::embed(language.model, part), std::vector(part.size(), tamp::modality::text)});
  auto runs = planned_runs(s, std::filesystem::path(s.model).stem().string(), "float");
  for (outcome& run : runs)
    with_recipe(run.pattern,
                [&](const auto& recipe) { prune_copy(language.model, samples, recipe, bar, run); });
  return runs;
}

int run(const settings& s) {
  if (!s.json.empty() && !std::ofstream(s.json, std::ios::app))
    throw std::runtime_error("cannot write " + s.json);
  study::progress_bar bar;
  std::vector<outcome> runs;
  const auto add = [&](std::vector<outcome> more) {
    if (runs.empty()) print_header();
    for (const outcome& run : more) print(run);
    runs.insert(runs.end(), more.begin(), more.end());
  };
  if (!s.model.empty()) {
    add(prune_language_model(s, bar));
  } else {
    for (const std::string& element : s.elements)
      add(element == "float" ? prune_random_blocks<float>(s, element, bar)
                             : prune_random_blocks<tamp::bf16>(s, element, bar));
  }
  fmt::print("{} instructions; at most {:.2f} GB of memory",
             label(tamp::execute::current_instructions()),
             static_cast<double>(peak_memory()) / 1e9);
  if (const std::size_t bytes = buffers_of(runs); bytes != 0)
    fmt::print(", {:.2f} GB of it random numbers", static_cast<double>(bytes) / 1e9);
  fmt::print("\n");
  if (!s.json.empty()) save(s.json, runs, s);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGINT, [](int) { interrupted = 1; });
  if (const char* const problem = bench::why_not_measured()) {
    fmt::print(stderr, "tamp_whole_model: {}\n", problem);
    return 1;
  }
  CLI::App app("Measures what pruning all layers of a model takes.");
  try {
    return run(parse(app, argc, argv));
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem);
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "tamp_whole_model: there is not enough memory for a block of this size\n");
    return 1;
  } catch (const std::exception& problem) {
    fmt::print(stderr, "tamp_whole_model: {}\n", problem.what());
    return interrupted != 0 ? 130 : 1;
  }
}
