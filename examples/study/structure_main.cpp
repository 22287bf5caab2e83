// tamp_structure: takes units out of a model, and prints what stays of its quality, bytes and speed,
// beside single weights dropped and stored sparse in the same number of bytes.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
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
#include "structured.hpp"
#include "subject.hpp"

namespace {

volatile std::sig_atomic_t interrupted = 0;

struct structure_settings {
  std::string model;
  study::result_places results;
  study::data_settings data;
  study::speed_settings speed;
  std::vector<double> sparsities{0.1, 0.2, 0.3};
  std::vector<std::string> allocations{"uniform", "global"};
  std::vector<std::string> single{"magnitude", "wanda", "sparsegpt"};
  unsigned seed = 0;
};

struct row {
  std::string what;
  double sparsity = 0;
  std::size_t parameters = 0, bytes = 0;  // of the blocks' layers, as bf16
  std::vector<double> quality;
  std::unique_ptr<llama::stored_model> model;
};

std::size_t layer_bytes(const llama::stored_model& m) { return m.bytes() - m.head.bytes(); }

std::vector<study::structured_recipe> recipes_at(const structure_settings& s, double sparsity) {
  std::vector<study::structured_recipe> all;
  for (const std::string& allocate : s.allocations)
    for (const bool biases : {false, true})
      all.push_back({"flap", allocate, sparsity, biases, false});
  all.push_back({"wanda", "uniform", sparsity, false, false});
  all.push_back({"magnitude", "uniform", sparsity, false, false});
  all.push_back({"block_influence", "uniform", sparsity, false, true});
  return all;
}

// The sparsity of each block by an allocation for single weights.
std::vector<double> of_blocks(study::planner& planner, const std::string& allocate, double sparsity,
                              std::size_t blocks) {
  if (allocate != "owl" && allocate != "das") return {};
  const auto plan = planner.plan({"wanda", allocate, "per_row", sparsity}, {});
  std::vector<double> sums(blocks), sizes(blocks);
  for (const tamp::planned_layer& l : plan->layers) {
    sums[l.block] += static_cast<double>(l.size()) * l.sparsity;
    sizes[l.block] += static_cast<double>(l.size());
  }
  for (std::size_t b = 0; b < blocks; ++b) sums[b] /= sizes[b];
  return sums;
}

int run(const structure_settings& s) {
  study::check(s.results);
  std::size_t models = 1;
  for (const double sparsity : s.sparsities)
    models += recipes_at(s, sparsity).size() + s.single.size();
  study::step_progress steps(models + 3);
  const auto on_progress = [&](double part) { steps.show(part); };
  steps.begin(s.data.text.empty() ? "loading the model"
                                  : "loading the model, which reads the text");
  const auto subject = study::load_subject(s.model, s.data, on_progress);
  steps.clear();
  const llama::model& dense = subject->dense();
  const auto samples = subject->calibration_samples(s.seed);
  const std::string settings =
      fmt::format("{}: {}", study::model_name(s.model), subject->description());
  fmt::print("{}\n\n", settings);
  steps.begin("the samples go through the dense model");
  const auto seen = study::observe_structure(dense, samples, [&](const tamp::progress& now) {
    steps.show(static_cast<double>(now.block) / static_cast<double>(now.blocks));
    return true;
  });
  study::planner planner(dense, samples, 0);
  std::vector<row> rows;
  const auto add = [&](std::string what, double sparsity, const llama::model& m,
                       llama::storage form) {
    steps.begin(fmt::format("judging {} at {:.2f}", what, sparsity));
    llama::stored_model stored = llama::store(m, form);
    auto quality = subject->measure(llama::restored(m, stored), nullptr, on_progress);
    auto kept = std::make_unique<llama::stored_model>(std::move(stored));
    const std::size_t bytes = layer_bytes(*kept);
    rows.push_back({std::move(what), sparsity, study::parameters(m), bytes, std::move(quality),
                    std::move(kept)});
    steps.clear();
    const row& done = rows.back();
    fmt::print("{} {:.2f}: {} parameters, {:.2f} MB,", done.what, done.sparsity, done.parameters,
               static_cast<double>(done.bytes) / 1e6);
    for (const double q : done.quality) fmt::print(" {:.3f}", q);
    fmt::print("\n");
    std::fflush(stdout);
  };
  add("dense", 0, dense, llama::storage::dense_bf16);
  const auto dense_bytes = static_cast<double>(rows[0].bytes);
  for (const double sparsity : s.sparsities) {
    std::size_t bytes = 0;
    for (const auto& recipe : recipes_at(s, sparsity)) {
      if (interrupted != 0) return 130;
      const auto ties = study::ties_of(dense, recipe);
      const auto plan = study::plan_structure(
          dense, recipe, seen, of_blocks(planner, recipe.allocate, sparsity, dense.blocks.size()));
      add(study::label(recipe), sparsity,
          study::without(dense, ties, plan, recipe.compensates ? &seen : nullptr),
          llama::storage::dense_bf16);
      if (bytes == 0) bytes = rows.back().bytes;
    }
    // Single weights in as many bytes: a bit for each, and 16 for each that stays.
    for (const std::string& name : s.single) {
      if (interrupted != 0) return 130;
      study::named_recipe recipe = study::methods.at(name);
      recipe.sparsity = std::max(0.0, 1 + 1.0 / 16 - static_cast<double>(bytes) / dense_bytes);
      llama::model pruned = dense;
      const auto weights_plan = planner.plan(recipe, {});
      static_cast<void>(study::prune_by_method(recipe, *weights_plan, pruned, samples, 0, {}));
      add(fmt::format("{}, single weights, {:.3f}", name, *recipe.sparsity), sparsity, pruned,
          llama::storage::sparse_bf16);
    }
  }
  std::vector<const llama::stored_model*> stored;
  for (const row& r : rows) stored.push_back(r.model.get());
  steps.begin("generating text");
  const auto speeds = study::measure_speeds(stored, s.speed, [&](double part) {
    steps.show(part);
    return interrupted == 0;
  });
  steps.clear();
  if (interrupted != 0) return 130;
  const auto qualities = subject->columns();
  study::result_table table{
      settings,
      study::around({{"what", "", true}, {"sparsity"}, {"parameters"}, {"bytes", "bytes"}},
                    qualities,
                    {{"threads"}, {"tokens_per_second", "tokens/s"}, {"prefill", "tokens/s"}}),
      {}};
  fmt::print("{:<38}{:>9}{:>12}{:>9}", "what", "asked", "parameters", "MB bf16");
  for (const study::column& quality : qualities) fmt::print("{:>12}", quality.name);
  fmt::print("{:>12}{:>12}\n", "tokens/s", "prefill/s");
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const row& r = rows[k];
    fmt::print("{:<38}{:>9.2f}{:>12}{:>9.2f}", r.what, r.sparsity, r.parameters,
               static_cast<double>(r.bytes) / 1e6);
    for (const double q : r.quality) fmt::print("{:>12.{}f}", q, q >= 10 ? 1 : 3);
    fmt::print("{:>12.1f}{:>12.0f}\n", speeds[k][0].tokens_per_second, speeds[k][0].prefill);
    for (const auto& speed : speeds[k]) {
      auto& cells = table.rows.emplace_back();
      cells = {r.what, fmt::format("{}", r.sparsity), fmt::format("{}", r.parameters),
               fmt::format("{}", r.bytes)};
      for (const double q : r.quality) cells.push_back(study::cell_of(q));
      cells.push_back(fmt::format("{}", speed.threads));
      for (const double rate : {speed.tokens_per_second, speed.prefill})
        cells.push_back(fmt::format("{:.3f}", rate));
    }
  }
  study::save(s.results, table);
  return 0;
}

structure_settings parse(int argc, char** argv) {
  structure_settings s;
  s.model = STUDY_MODEL;
  s.speed.threads = {1};
  CLI::App app("Takes units out of a model, and prints what stays of quality, bytes and speed.");
  app.add_option("--model", s.model, "a .safetensors of the multimodal kind, or a .gguf")
      ->check(CLI::ExistingFile)
      ->capture_default_str();
  app.add_option("--sparsity", s.sparsities, "fractions of the parameters to take out")
      ->delimiter(',')
      ->check(study::fraction(0.95))
      ->capture_default_str();
  app.add_option("--allocate", s.allocations, "how FLAP's units are spread over the blocks")
      ->delimiter(',')
      ->check(study::one_of({"uniform", "global", "owl", "das"}))
      ->capture_default_str();
  app.add_option("--single", s.single, "methods that drop single weights, to compare with")
      ->delimiter(',')
      ->check(study::one_of({"magnitude", "wanda", "ria", "sparsegpt"}))
      ->capture_default_str();
  app.add_option("--text", s.data.text, "prose for a language model: half calibrates, half judges")
      ->check(CLI::ExistingFile);
  app.add_option("--calibration", s.data.calibration,
                 "how many scenes or sequences to calibrate on");
  app.add_option("--evaluation", s.data.evaluation, "how many scenes or sequences to judge by");
  app.add_option("--seed", s.seed, "which of them calibrate; 0: the first")->capture_default_str();
  app.add_option("--tokens", s.speed.tokens, "tokens to generate for the speed")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--rounds", s.speed.rounds, "rounds, of which the fastest counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  const auto data = [&] { return study::data_files(s.model, s.data); };
  study::run_file(app, "tamp_structure", s.model, data, s.results).parse(argc, argv);
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
    fmt::print(stderr, "tamp_structure: {}\n", problem.what());
    return 1;
  }
}
