// tamp_study: prunes a fresh copy of a model with every combination of policies, and prints what is
// left of its quality.

#include <fmt/format.h>
#include <omp.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "progress_bar.hpp"
#include "prune_model.hpp"
#include "results.hpp"
#include "subject.hpp"

namespace {

volatile std::sig_atomic_t interrupted = 0;

struct settings {
  std::string model = STUDY_MODEL;
  std::vector<std::string> scores{"magnitude", "wanda"}, allocations{"uniform"},
      patterns{"per_row", "2:4"};
  std::vector<double> sparsities{0.3, 0.5, 0.7};
  std::string csv;
  int threads = 0;
  bool layers = false;
  study::data_settings data;
};

settings parse(CLI::App& app, int argc, char** argv) {
  settings s;
  app.add_option("--model", s.model, "a .safetensors of the multimodal kind, or a .gguf")
      ->check(CLI::ExistingFile)
      ->capture_default_str();
  const auto list = [&](const char* name, auto& values, const char* text) {
    return app.add_option(name, values, text)->delimiter(',')->capture_default_str();
  };
  list("--score", s.scores, "scores")->check(CLI::IsMember(study::score_names));
  list("--allocate", s.allocations, "allocations")->check(CLI::IsMember(study::allocate_names));
  list("--pattern", s.patterns, "patterns")->check(CLI::IsMember(study::pattern_names));
  list("--sparsity", s.sparsities, "fractions of the weights to drop")->check(CLI::Range(0.0, 1.0));
  app.add_option("--csv", s.csv, "write rows to this file, too; an interrupted study is continued");
  app.add_option("--text", s.data.text, "prose for a language model: half calibrates, half judges")
      ->check(CLI::ExistingFile);
  app.add_option("--calibration-scenes", s.data.calibration_scenes,
                 "scenes to calibrate on (default: tiny_calib.safetensors beside the model)");
  app.add_option("--evaluation-scenes", s.data.evaluation_scenes,
                 "scenes to judge by (default: tiny_eval.safetensors beside the model)");
  app.add_option(
      "--calibration", s.data.calibration,
      "how many scenes or sequences to calibrate on (default: all scenes, 32 sequences)");
  app.add_option("--evaluation", s.data.evaluation,
                 "how many scenes or sequences to judge by (default: all scenes, 32 sequences)");
  app.add_option("--sequence-length", s.data.sequence_length, "tokens of a sequence of text")
      ->check(CLI::Range(2, 8192))
      ->capture_default_str();
  app.add_option("--threads", s.threads, "threads to use (default: all)")
      ->check(CLI::Range(0, 1024));
  app.add_flag("--layers", s.layers, "print what happened to every layer, too");
  app.parse(argc, argv);
  return s;
}

int run(const settings& s) {
  if (s.threads != 0) omp_set_num_threads(s.threads);
  study::progress_bar bar;
  bar.show(0, "loading the model");
  const auto subject = study::load_subject(s.model, s.data);
  const std::vector<llama::matrix> samples = subject->calibration_samples();
  bar.clear();

  const std::string model = std::filesystem::path(s.model).filename().string();
  fmt::print("{}: {}\n\n", model, subject->description());
  study::results results(subject->columns(), model + ": " + subject->description(), s.csv);
  study::row dense{{"dense", "", "", {}}, 0, 0, {}, 0, 0, 0};
  if (results.known(dense)) {
    results.repeat(dense);
  } else {
    bar.show(0, "measuring the dense model");
    dense.quality = subject->measure(subject->dense());
    bar.clear();
    results.add(dense);
  }

  const auto recipes = study::combinations(s.scores, s.allocations, s.patterns, s.sparsities);
  for (std::size_t k = 0; k < recipes.size(); ++k) {
    study::row row;
    row.recipe = recipes[k];
    row.asked = study::asked_sparsity(recipes[k]);
    if (results.known(row)) {
      results.repeat(row);
      continue;
    }
    llama::model copy = subject->dense();
    const auto fraction = [&](double part) {
      return (static_cast<double>(k) + part) / static_cast<double>(recipes.size());
    };
    const auto report =
        study::prune_model(recipes[k], copy, samples, s.threads, [&](const tamp::progress& now) {
          const double share =
              static_cast<double>(now.layers_done) / static_cast<double>(now.layers);
          bar.show(fraction(0.8 * share),
                   fmt::format("{} {} {:.2f}: block {} of {} {}", recipes[k].score,
                               recipes[k].pattern, row.asked, now.block + 1, now.blocks,
                               now.layer.empty() ? "calibrating" : now.layer));
          return interrupted == 0;
        });
    if (!report.cancelled) {
      bar.show(fraction(0.8), "measuring what is left");
      row.achieved = report.achieved();
      row.quality = subject->measure(copy);
      row.calibrate = report.calibrate;
      row.select = report.select();
      row.apply = report.apply();
    }
    bar.clear();
    if (!report.cancelled) results.add(row);
    if (interrupted != 0) {
      fmt::print("interrupted; {}\n", s.csv.empty() ? "with --csv FILE it could be continued"
                                                    : "the same command continues it");
      return 130;
    }
    if (s.layers) std::cout << report << '\n';
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGINT, [](int) { interrupted = 1; });
  CLI::App app("Prunes a fresh copy of a model with every combination of policies.");
  try {
    return run(parse(app, argc, argv));
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem);
  } catch (const std::exception& problem) {
    fmt::print(stderr, "tamp_study: {}\n", problem.what());
    return 1;
  }
}
