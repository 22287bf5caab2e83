// tamp_study: prunes a fresh copy of a model with every combination of policies, or with published
// methods, and prints what is left of its quality.

#include <fmt/format.h>
#include <omp.h>

#include <csignal>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "csv_file.hpp"
#include "data_files.hpp"
#include "file_name.hpp"
#include "progress_bar.hpp"
#include "prune_model.hpp"
#include "prune_settings.hpp"
#include "results.hpp"
#include "save_plan.hpp"
#include "save_samples.hpp"
#include "save_weights.hpp"
#include "subject.hpp"

namespace {

volatile std::sig_atomic_t interrupted = 0;

// A file of one recipe in a folder, which is made.
std::filesystem::path file_in(const std::string& folder, const study::named_recipe& recipe,
                              unsigned seed, const char* extension) {
  std::filesystem::create_directories(folder);
  return std::filesystem::path(folder) / (study::file_name(recipe, seed) + extension);
}

int run(const study::prune_settings& s) {
  if (s.threads != 0) omp_set_num_threads(s.threads);
  study::progress_bar bar;
  bar.show(0, "loading the model");
  const auto subject = study::load_subject(s.model, s.data);
  bar.clear();

  const std::string model = study::model_name(s.model);
  fmt::print("{}: {}\n\n", model, subject->description());
  study::results results(subject->columns(), model + ": " + subject->description(), s.results);
  study::row dense;
  dense.recipe.score = "dense";
  if (results.known(dense)) {
    results.repeat(dense);
  } else if (!s.plan_only) {
    bar.show(0, "measuring the dense model");
    dense.quality = subject->measure(subject->dense());
    bar.clear();
    results.add(dense);
  }

  const auto recipes = study::recipes_of(s);
  std::size_t done = 0;
  for (const unsigned seed : s.seeds) {
    const auto samples = subject->calibration_samples(seed);
    study::planner planner(subject->dense(), samples, s.threads,
                           study::calibration_file_of(s, seed));
    study::reach_of_samples reach(subject->dense(), samples, s.threads);
    if (!s.densities.empty() && seed == s.seeds.front()) {
      std::filesystem::create_directories(std::filesystem::absolute(s.densities).parent_path());
      std::string table = "layer,image,text,across\n";
      for (const auto& [layer, image, text, across] : planner.densities({}))
        table += fmt::format("{},{:.6f},{:.6f},{:.6f}\n", layer, image, text, across);
      study::write_whole(s.densities, table);
    }
    for (const study::named_recipe& recipe : recipes) {
      study::row row;
      row.recipe = recipe;
      row.seed = seed;
      row.asked = study::asked_sparsity(recipe);
      const auto fraction = [&, done](double part) {
        return (static_cast<double>(done) + part) /
               static_cast<double>(recipes.size() * s.seeds.size());
      };
      ++done;
      if (!study::depends_on_calibration(recipe) && seed != s.seeds.front()) continue;
      const bool keeps_more = !s.weights.empty() || !s.masks.empty() || !s.reports.empty();
      if (results.known(row) && s.plans.empty() && !keeps_more) {
        results.repeat(row);
        continue;
      }
      const auto on_progress = [&](const tamp::progress& now) {
        const double share =
            now.dense ? 0.0
                      : static_cast<double>(now.layers_done) / static_cast<double>(now.layers);
        bar.show(fraction(0.8 * share),
                 fmt::format("{} {} {} {:.2f}: {}block {} of {} {}", study::weighed_score(recipe),
                             recipe.allocate, recipe.pattern, row.asked,
                             now.dense ? "the dense model, " : "", now.block + 1, now.blocks,
                             now.layer.empty() ? "calibrating" : now.layer));
        return interrupted == 0;
      };
      const auto plan = planner.plan(recipe, on_progress);
      if (plan && !s.plans.empty()) {
        study::save_plan(file_in(s.plans, recipe, seed, ".json"), *plan);
        if (results.known(row) && !keeps_more) continue;
      }
      if (plan && !s.plan_only) {
        llama::model copy = subject->dense();
        const auto report =
            study::prune_model(recipe, *plan, copy, samples, s.threads, on_progress, &reach);
        if (!report.cancelled) {
          if (!s.weights.empty())
            study::save_weights(file_in(s.weights, recipe, seed, ".safetensors"), copy);
          if (!s.masks.empty())
            study::save_masks(file_in(s.masks, recipe, seed, ".safetensors"), copy);
          if (!s.reports.empty())
            study::save_report(file_in(s.reports, recipe, seed, ".json"), report);
          if (results.known(row)) {
            bar.clear();
            continue;
          }
          bar.show(fraction(0.8), "measuring what is left");
          row.achieved = report.achieved();
          row.error = study::error_left(report);
          std::vector<double> of_samples;
          row.quality = subject->measure(copy, s.samples.empty() ? nullptr : &of_samples);
          if (!s.samples.empty())
            study::save_samples(file_in(s.samples, recipe, seed, ".csv"), of_samples);
          row.calibrate = report.calibrate;
          row.select = report.select();
          row.apply = report.apply();
          bar.clear();
          results.add(row);
          if (s.layers) std::cout << report << '\n';
        }
      }
      bar.clear();
      if (interrupted != 0) {
        fmt::print("interrupted; {}\n", s.results.csv.empty()
                                            ? "with --csv FILE it could be continued"
                                            : "the same command continues it");
        return 130;
      }
    }
  }
  results.finish();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGINT, [](int) { interrupted = 1; });
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of writing
  try {
    const int status = run(study::parse_prune_settings(argc, argv));
    std::cout << std::flush;
    study::flush_table();
    return status;
  } catch (const std::exception& problem) {
    fmt::print(stderr, "tamp_study: {}\n", problem.what());
    return 1;
  }
}
