// tamp_pays: prunes a model, stores it sparse, and prints what that pays: quality, bytes in memory and
// on disk, and tokens a second, beside the dense model and the bound that reading the weights sets.

#include <fmt/format.h>
#include <omp.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <llama/stored_file.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "command_line.hpp"
#include "csv_file.hpp"
#include "data_files.hpp"
#include "data_settings.hpp"
#include "pays.hpp"
#include "prune_model.hpp"
#include "result_files.hpp"
#include "run_file.hpp"
#include "step_progress.hpp"
#include "subject.hpp"

namespace {

volatile std::sig_atomic_t interrupted = 0;

struct pays_settings {
  std::string model, method = "sparsegpt";
  study::result_places results;
  study::data_settings data;
  study::speed_settings speed;
  std::vector<double> sparsities{0.5};
  bool is_synthetic = false;
};

// One form of storage of one model.
struct row {
  llama::storage form;
  double sparsity = 0;
  std::vector<double> quality;
  std::size_t memory = 0;
  std::optional<std::size_t> file;  // of random weights none is written
  std::unique_ptr<llama::stored_model> model;
};

std::size_t file_size(const llama::stored_model& m) {
  const auto path =
      std::filesystem::temp_directory_path() / fmt::format("tamp_pays_{}.safetensors", ::getpid());
  llama::save(path.string(), m);
  const auto size = static_cast<std::size_t>(std::filesystem::file_size(path));
  std::filesystem::remove(path);
  return size;
}

double megabytes(std::size_t bytes) { return static_cast<double>(bytes) / 1e6; }

// Prints all rows and writes them to the files of results.
void print(const pays_settings& s, const std::string& settings,
           const std::vector<study::column>& qualities, const std::vector<row>& rows,
           const std::vector<std::vector<study::speed>>& speeds) {
  std::string header = fmt::format("{:<14}{:>9}", "weights", "sparsity");
  for (const auto& quality : qualities) header += fmt::format("{:>11}", quality.name);
  header += fmt::format("{:>10}{:>10}", "MB memory", "MB file");
  study::result_table table{settings,
                            study::around({{"form", "", true}, {"sparsity"}}, qualities,
                                          {{"memory", "bytes"},
                                           {"file", "bytes"},
                                           {"threads"},
                                           {"tokens_per_second", "tokens/s"},
                                           {"bound", "tokens/s"},
                                           {"prefill", "tokens/s"}}),
                            {}};
  for (const auto& speed : speeds.front())
    header += fmt::format(" | {:>9} {:>9} {:>8}",
                          fmt::format("{} thread{}", speed.threads, speed.threads == 1 ? "" : "s"),
                          "of bound", "prefill");
  fmt::print("{}\n", header);
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const row& r = rows[k];
    fmt::print("{:<14}{:>8.0f}%", llama::label(r.form), 100 * r.sparsity);
    for (std::size_t q = 0; q < qualities.size(); ++q)
      fmt::print("{:>11.{}f}", r.quality[q], r.quality[q] >= 10 ? 1 : 3);
    fmt::print("{:>10.1f}{:>10}", megabytes(r.memory),
               r.file ? fmt::format("{:.1f}", megabytes(*r.file)) : "-");
    for (const auto& speed : speeds[k]) {
      fmt::print(" | {:>7.1f}/s {:>8.0f}% {:>6.0f}/s", speed.tokens_per_second,
                 100 * speed.tokens_per_second / speed.bound, speed.prefill);
      auto& cells = table.rows.emplace_back();
      cells = {std::string(llama::label(r.form)), study::cell_of(r.sparsity)};
      for (const double value : r.quality) cells.push_back(study::cell_of(value));
      cells.push_back(fmt::format("{}", r.memory));
      cells.push_back(r.file ? fmt::format("{}", *r.file) : "");
      cells.push_back(fmt::format("{}", speed.threads));
      for (const double rate : {speed.tokens_per_second, speed.bound, speed.prefill})
        cells.push_back(fmt::format("{:.3f}", rate));
    }
    fmt::print("\n");
  }
  study::save(s.results, table);
}

constexpr std::array dense_forms{llama::storage::dense_float, llama::storage::dense_bf16};
constexpr std::array sparse_forms{llama::storage::sparse_float, llama::storage::sparse_bf16,
                                  llama::storage::sparse_int8};

// The steps of run().
std::size_t steps_of(const pays_settings& s) {
  const std::size_t generating = 1, sparsities = s.sparsities.size();
  if (s.is_synthetic) return dense_forms.size() + sparsities * sparse_forms.size() + generating;
  const std::size_t loading = 1, of_form = 2, planning = 1, pruning = 1, comparing = 1;
  return loading + of_form * (dense_forms.size() + 1) +
         sparsities * (planning + pruning + of_form * sparse_forms.size() + comparing) + generating;
}

int run(const pays_settings& s) {
  using llama::storage;
  study::check(s.results);
  study::step_progress steps(steps_of(s));
  const auto on_progress = [&](double part) { steps.show(part); };
  std::vector<row> rows;
  std::vector<study::column> qualities;
  std::string settings = "random weights, the shapes of LLaMA 3.2 1B with a vocabulary of 32,000";
  const auto stopped = [&] {
    steps.clear();
    fmt::print("interrupted\n");
    return 130;
  };
  const auto add = [&](storage form, double sparsity, llama::stored_model stored) -> row& {
    auto kept = std::make_unique<llama::stored_model>(std::move(stored));
    const std::size_t memory = kept->bytes();
    return rows.emplace_back(row{form, sparsity, {}, memory, std::nullopt, std::move(kept)});
  };
  if (s.is_synthetic) {
    fmt::print("{}\n\n", settings);
    const auto make = [&](storage form, double sparsity) {
      steps.begin(fmt::format("making {} at {:.2f}", llama::label(form), sparsity));
      add(form, sparsity, study::random_model(form, sparsity, on_progress));
    };
    for (const storage form : dense_forms) make(form, 0);
    for (const double sparsity : s.sparsities)
      for (const storage form : sparse_forms) make(form, sparsity);
  } else {
    steps.begin(s.data.text.empty() ? "loading the model"
                                    : "loading the model, which reads the text");
    const auto subject = study::load_subject(s.model, s.data, on_progress);
    if (interrupted != 0) return stopped();
    qualities = subject->columns();
    steps.clear();
    const study::named_recipe& method = study::methods.at(s.method);
    settings = fmt::format("{}: {}", study::model_name(s.model), subject->description());
    fmt::print("{}\nrecipe: {}, {}, {}\n\n", settings, method.score, method.pattern,
               method.allocate);
    const llama::model& dense = subject->dense();
    // Returns false if the user stopped it.
    const auto judge = [&](storage form, double sparsity, const llama::model& m) {
      const std::string what = fmt::format("{} at {:.2f}", llama::label(form), sparsity);
      steps.begin("storing " + what);
      row& made = add(form, sparsity, llama::store(m, form));
      made.file = file_size(*made.model);
      steps.begin("judging " + what);
      made.quality = subject->measure(llama::restored(m, *made.model), nullptr, on_progress);
      return interrupted == 0;
    };
    for (const storage form : dense_forms)
      if (!judge(form, 0, dense)) return stopped();
    // 9.5 bits a weight; 8.5 without the mask
    if (!judge(storage::sparse_int8, 0, dense)) return stopped();
    const auto samples = subject->calibration_samples();
    study::planner planner(dense, samples, 0);
    for (const double sparsity : s.sparsities) {
      study::named_recipe recipe = method;
      recipe.sparsity = sparsity;
      const auto go_on = [&](const tamp::progress& now) {
        steps.show(static_cast<double>(now.block) / static_cast<double>(now.blocks));
        return interrupted == 0;
      };
      steps.begin(fmt::format("planning for {:.2f}", sparsity));
      const auto plan = planner.plan(recipe, go_on);
      if (!plan) return stopped();
      steps.begin(fmt::format("pruning to {:.2f}", sparsity));
      llama::model pruned = dense;
      const auto report = study::prune_by_method(recipe, *plan, pruned, samples, 0, go_on);
      if (report.cancelled) return stopped();
      for (const storage form : sparse_forms)
        if (!judge(form, report.achieved(), pruned)) return stopped();
      steps.begin("comparing sparse and dense storage");
      const bool is_same = study::same_logits(llama::store(pruned, storage::dense_bf16),
                                              *rows[rows.size() - 2].model, 16, 16);
      steps.clear();
      fmt::print("{:.0f} % dropped: sparse and dense storage of the pruned model give {}\n",
                 100 * report.achieved(),
                 is_same ? "the same logits, to the bit" : "DIFFERENT logits");
      if (!is_same) return 1;
    }
    fmt::print("\n");
  }
  std::vector<const llama::stored_model*> models;
  for (const row& r : rows) models.push_back(r.model.get());
  steps.begin("generating text");
  const auto speeds = study::measure_speeds(models, s.speed, [&](double part) {
    steps.show(part);
    return interrupted == 0;
  });
  steps.clear();
  if (interrupted != 0) return stopped();
  print(s, settings, qualities, rows, speeds);
  return 0;
}

pays_settings parse(int argc, char** argv) {
  pays_settings s;
  s.model = STUDY_MODEL;
  CLI::App app("Prunes a model, stores it sparse, and prints what that pays.");
  app.add_option("--model", s.model, "a .safetensors of the multimodal kind, or a .gguf")
      ->check(CLI::ExistingFile)
      ->capture_default_str();
  app.add_flag("--synthetic", s.is_synthetic, "a billion random weights in place of a model");
  app.add_option("--method", s.method, "the published method to prune by")
      ->check(study::one_of(study::methods))
      ->capture_default_str();
  app.add_option("--sparsity", s.sparsities, "fractions of the weights to drop")
      ->delimiter(',')
      ->check(study::fraction())
      ->capture_default_str();
  app.add_option("--text", s.data.text, "prose for a language model: half calibrates, half judges")
      ->check(CLI::ExistingFile);
  app.add_option("--calibration", s.data.calibration,
                 "how many scenes or sequences to calibrate on");
  app.add_option("--evaluation", s.data.evaluation, "how many scenes or sequences to judge by");
  app.add_option("--tokens", s.speed.tokens, "tokens to generate for the speed")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--prompt", s.speed.prompt, "tokens of the prompt before them")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--rounds", s.speed.rounds, "rounds, of which the fastest counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--threads", s.speed.threads, "numbers of threads to generate with")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  const auto data = [&] { return study::data_files(s.model, s.data); };
  study::run_file(app, "tamp_pays", s.model, data, s.results).parse(argc, argv);
  return s;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGINT, [](int) { interrupted = 1; });
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of writing
  try {
    const int status = run(parse(argc, argv));
    study::flush_table();
    return status;
  } catch (const std::exception& problem) {
    fmt::print(stderr, "tamp_pays: {}\n", problem.what());
    return 1;
  }
}
