// tamp_reach_cost: what measuring the reach of tokens takes, as a ratio to sending the same samples
// through the dense model, which are run in turns.
//
//     tamp_reach_cost                             a model of SmolLM2-135M's shapes, random numbers
//     tamp_reach_cost --hidden 1024 --heads 16 ...  other shapes

#include <fmt/format.h>
#include <omp.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <exception>
#include <llama/tamp_host.hpp>
#include <random>
#include <string>
#include <tamp/execute/openmp.hpp>
#include <tamp/stat/reach.hpp>
#include <vector>

#include "optimised.hpp"

namespace {

struct settings {
  llama::Index hidden = 576, heads = 9, kv_heads = 3, head_dim = 64, ffn = 1536, blocks = 6;
  std::size_t tokens = 700, samples = 2, rounds = 5;
  int threads = 0;
};

llama::model random_model(const settings& s) {
  llama::config c;
  c.hidden = s.hidden;
  c.layers = s.blocks;
  c.heads = s.heads;
  c.kv_heads = s.kv_heads;
  c.head_dim = s.head_dim;
  c.ffn = s.ffn;
  c.vocabulary = 32;
  c.positions = static_cast<llama::Index>(s.tokens);
  std::mt19937 random(1);
  return llama::assemble(c, [&](const std::string&, llama::Index rows, llama::Index cols) {
    std::normal_distribution<float> normal(rows == 1 ? 1.0f : 0.0f,
                                           1.0f / std::sqrt(static_cast<float>(cols)));
    return llama::matrix(llama::matrix::NullaryExpr(rows, cols, [&] { return normal(random); }));
  });
}

double seconds_of(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  return numbers[numbers.size() / 2];
}

void run(const settings& s) {
  if (s.threads != 0) omp_set_num_threads(s.threads);
  llama::model model = random_model(s);
  std::vector<llama::calibration_sample> samples;
  for (unsigned k = 0; k < s.samples; ++k) {
    std::vector<int> ids(s.tokens);
    std::mt19937 random(k);
    for (int& id : ids) id = static_cast<int>(random() % 32);
    samples.push_back({llama::embed(model, ids), std::vector(s.tokens, tamp::modality::text)});
  }
  llama::tamp_host host(model, samples);
  const tamp::execute::openmp exec{s.threads};
  const auto forward = [&] {
    host.rewind();
    for (std::size_t b = 0; b < host.blocks(); ++b) host.advance(b);
  };
  const auto reach = [&] {
    tamp::token_weights weights;
    tamp::stat::reach::measure(exec, host, weights);
  };
  forward();
  std::vector<double> forwards, ratios;
  for (std::size_t round = 0; round < s.rounds; ++round) {
    const double plain = seconds_of(forward);
    forwards.push_back(plain);
    ratios.push_back(seconds_of(reach) / plain);
  }
  fmt::print(
      "{} samples of {} tokens through {} blocks, hidden {}, {} heads of {} ({} of keys), ffn {}, "
      "{} threads\n"
      "forward pass {:.3f} s; measuring reach takes {:.2f} times that (medians of {})\n",
      s.samples, s.tokens, s.blocks, s.hidden, s.heads, s.head_dim, s.kv_heads, s.ffn,
      s.threads == 0 ? omp_get_max_threads() : s.threads, median(forwards), median(ratios),
      s.rounds);
}

}  // namespace

int main(int argc, char** argv) {
  settings s;
  CLI::App app("Measures what the reach of tokens costs.");
  app.add_option("--hidden", s.hidden)->capture_default_str();
  app.add_option("--heads", s.heads)->capture_default_str();
  app.add_option("--kv-heads", s.kv_heads)->capture_default_str();
  app.add_option("--head-dim", s.head_dim)->capture_default_str();
  app.add_option("--ffn", s.ffn)->capture_default_str();
  app.add_option("--blocks", s.blocks)->capture_default_str();
  app.add_option("--tokens", s.tokens)->capture_default_str();
  app.add_option("--samples", s.samples)->capture_default_str();
  app.add_option("--rounds", s.rounds)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--threads", s.threads, "0: all")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (const char* const problem = bench::why_not_measured()) {
    fmt::print(stderr, "tamp_reach_cost: {}\n", problem);
    return 1;
  }
  try {
    run(s);
  } catch (const std::exception& problem) {
    fmt::print(stderr, "tamp_reach_cost: {}\n", problem.what());
    return 1;
  }
  return 0;
}
