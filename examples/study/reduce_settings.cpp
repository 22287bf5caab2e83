#include "reduce_settings.hpp"

#include <CLI/CLI.hpp>
#include <filesystem>

#include "command_line.hpp"
#include "data_files.hpp"
#include "named_files.hpp"
#include "reductions.hpp"
#include "result_table.hpp"
#include "run_file.hpp"

namespace study {
namespace {

// What is written beside the results.
std::vector<output_file> files_of(const reduce_settings& s) {
  std::vector<output_file> all{{"--kept", s.kept}};
  if (!s.plans.empty())
    for (const double budget : s.joint)
      all.push_back({"--plans", joint_plan_of(s, budget), written::in_a_folder});
  return all;
}

}  // namespace

std::string joint_plan_of(const reduce_settings& s, double budget) {
  const std::string name = "joint-" + with_decimals(budget, 2) + ".json";
  return (std::filesystem::path(s.plans) / name).string();
}

reduce_settings parse_reduce_settings(int argc, char** argv) {
  reduce_settings s;
  s.model = STUDY_MODEL;
  CLI::App app("Runs prompts with fewer visual tokens, or with less computed of them.");
  app.add_option("--model", s.model, "a .safetensors of the multimodal kind, or a .gguf")
      ->check(CLI::ExistingFile)
      ->capture_default_str();
  const auto list = [&](const char* name, auto& values, const char* text) {
    return app.add_option(name, values, text)->delimiter(',')->capture_default_str();
  };
  list("--selector", s.selectors, "token selectors; - for none")->check(one_of(selector_names));
  list("--budget", s.budgets, "fractions of the visual tokens' multiply-adds")->check(fraction());
  list("--pixel-prune", s.pixel_prune,
       "largest differences of pixels, of 1, by which neighbouring patches are alike: PixelPrune "
       "decides by them which patches enter the model")
      ->check(CLI::NonNegativeNumber);
  list("--visual", s.visual,
       "what to spare of visual tokens: ffn:RATIO@LAYERS, ffn_but_probe:RATIO@LAYERS (the probe's "
       "output is that of all channels), hollow:WINDOW@LAYERS, heads:SHARE@LAYERS (the heads that "
       "look least at images see the text alone), skip@LAYERS (visual tokens stay as they are, and "
       "no text sees them), such as hollow:8@3-5, joined by +; "
       "- for nothing");
  app.add_option("--drop-layer", s.drop_layer,
                 "where selectors that drop at once do it, or earlier if the budget asks for it")
      ->capture_default_str();
  app.add_option("--timed", s.timed, "how many prompts are timed")->capture_default_str();
  app.add_option("--kept", s.kept, "write which tokens of the first prompts stay to this CSV file");
  app.add_option("--kept-prompts", s.scenes, "of how many prompts")->capture_default_str();
  app.add_option("--rank", s.rank,
                 "rank the layers by what sparing this (as for --visual, without @) does");
  list("--joint", s.joint,
       "fractions of all multiply-adds, each split between tokens, visual computation and weights")
      ->check(fraction());
  app.add_option("--plans", s.plans, "write the plans of --joint as JSON into this folder");
  app.add_option("--text", s.data.text, "prose for a language model: half fits, half judges")
      ->check(CLI::ExistingFile);
  app.add_option("--prompt-length", s.data.length, "tokens of a prompt of prose")
      ->capture_default_str();
  app.add_option("--visual-tokens", s.data.visual, "how many of them are taken for visual ones")
      ->capture_default_str();
  app.add_option(
      "--calibration-scenes", s.data.calibration_scenes,
      "scenes to fit to (default: tiny_calib.safetensors, or video_calib, beside the model)");
  app.add_option(
      "--evaluation-scenes", s.data.evaluation_scenes,
      "scenes to judge by (default: tiny_eval.safetensors, or video_eval, beside the model)");
  app.add_option("--calibration", s.data.calibration, "how many prompts to fit to (default: all)");
  app.add_option("--evaluation", s.data.evaluation, "how many prompts to judge by (default: all)");
  app.add_option("--threads", s.threads, "threads to use (default: all)")
      ->check(CLI::Range(0, 1024));
  run_file(
      app, "tamp_reduce", s.model, [&] { return data_files(s.model, s.data); }, s.results,
      [&] { return files_of(s); })
      .parse(argc, argv);
  return s;
}

}  // namespace study
