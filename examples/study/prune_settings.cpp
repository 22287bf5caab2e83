#include "prune_settings.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <regex>
#include <string>

#include "command_line.hpp"
#include "data_files.hpp"
#include "file_name.hpp"
#include "named_files.hpp"
#include "run_file.hpp"

namespace study {
namespace {

// The patterns that fix the sparsity: N:M.
std::vector<std::string> fixed_patterns(std::vector<std::string> patterns) {
  std::erase_if(patterns, [](const auto& name) { return !fixes_sparsity(name); });
  return patterns;
}

// What is written beside the results.
std::vector<output_file> files_of(const prune_settings& s) {
  std::vector<output_file> all;
  if (!s.densities.empty()) all.push_back({"--densities", s.densities, written::in_a_folder});
  for (const unsigned seed : s.seeds)
    all.push_back({"--calibration-file", calibration_file_of(s, seed)});
  const auto recipes = recipes_of(s);
  const auto add = [&](const char* option, const std::string& folder, const char* extension) {
    if (folder.empty()) return;
    for (const unsigned seed : s.seeds)
      for (const named_recipe& recipe : recipes) {
        const auto path = std::filesystem::path(folder) / (file_name(recipe, seed) + extension);
        all.push_back({option, path.string(), written::in_a_folder});
      }
  };
  add("--plans", s.plans, ".json");
  add("--reports", s.reports, ".json");
  add("--weights", s.weights, ".safetensors");
  add("--masks", s.masks, ".safetensors");
  add("--samples", s.samples, ".csv");
  return all;
}

}  // namespace

std::vector<named_recipe> recipes_of(const prune_settings& s) {
  return with_refinements(
      s.methods.empty()
          ? combinations(s.scores, s.weightings, s.allocations, s.patterns, s.sparsities)
          : combinations(s.methods, fixed_patterns(s.patterns), s.sparsities),
      s.refinements);
}

std::string calibration_file_of(const prune_settings& s, unsigned seed) {
  if (s.calibration_file.empty()) return "";
  return fmt::format("{}.{}.safetensors", s.calibration_file, seed);
}

prune_settings parse_prune_settings(int argc, char** argv) {
  prune_settings s;
  s.model = STUDY_MODEL;
  CLI::App app("Prunes a fresh copy of a model with every combination of policies.");
  app.add_option("--model", s.model, "a .safetensors of the multimodal kind, or a .gguf")
      ->check(CLI::ExistingFile)
      ->capture_default_str();
  const auto list = [&](const char* name, auto& values, const char* text) {
    return app.add_option(name, values, text)->delimiter(',')->capture_default_str();
  };
  list("--score", s.scores, "scores")->check(one_of(score_names));
  list(
      "--tokens", s.weightings,
      "which tokens the statistics of scores count: all, those that AMIA selects, text alone, text "
      "and image the same in all, or each by its reach")
      ->check(one_of(weighting_names));
  list("--allocate", s.allocations, "allocations")->check(one_of(allocate_names));
  list("--pattern", s.patterns, "patterns")->check(one_of(pattern_names));
  list("--refine", s.refinements,
       "refinements of masks: none, swaps:25 (at most 25 swaps a row), repair, swaps:25+repair, "
       "dsnot")
      ->check([](const std::string& name) {
        static const std::regex known("none|dsnot|repair|swaps:[0-9]{1,6}(\\+repair)?");
        return std::regex_match(name, known) ? std::string() : "there is no refinement " + name;
      });
  list("--method", s.methods,
       "published methods, instead of scores and allocations; of the patterns only N:M are used")
      ->check(one_of(methods));
  list("--seed", s.seeds, "calibration sets: 0 takes the first samples, others a random choice");
  app.add_option("--calibration-file", s.calibration_file,
                 "keep what the dense model showed in FILE.SEED.safetensors, after every block; an "
                 "interrupted calibration is continued");
  app.add_option("--plans", s.plans, "write each plan as JSON into this folder");
  app.add_option("--reports", s.reports,
                 "write what each recipe did to each layer as JSON into this folder");
  app.add_option("--weights", s.weights,
                 "write the pruned model of each recipe into this folder, as safetensors");
  app.add_option(
      "--masks", s.masks,
      "write which weights of its linear layers are not zero into this folder, as safetensors");
  app.add_option("--samples", s.samples,
                 "write what each recipe makes of each scene (1: a right answer) or sequence (mean "
                 "log-likelihood of a token) into this folder, as CSV, for paired differences");
  app.add_option("--densities", s.densities,
                 "write how similar each layer's output tokens are to this CSV file");
  app.add_flag("--plan-only", s.plan_only, "stop when the plans are written")->needs("--plans");
  list("--sparsity", s.sparsities, "fractions of the weights to drop")->check(fraction());
  app.add_option(
         "--text", s.data.text,
         "prose for a language model, or its tokens as numbers in FILE.ids: half calibrates, half "
         "judges; the last one counts")
      ->check(CLI::ExistingFile)
      ->take_last();
  app.add_option(
      "--calibration-scenes", s.data.calibration_scenes,
      "scenes to calibrate on (default: tiny_calib.safetensors, or video_calib, beside the model)");
  app.add_option(
      "--evaluation-scenes", s.data.evaluation_scenes,
      "scenes to judge by (default: tiny_eval.safetensors, or video_eval, beside the model)");
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
  run_file(
      app, "tamp_study", s.model, [&] { return data_files(s.model, s.data); }, s.results,
      [&] { return files_of(s); })
      .parse(argc, argv);
  return s;
}

}  // namespace study
