#include "settings.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <tamp/error.hpp>

#include "../study/command_line.hpp"
#include "memory.hpp"
#include "refinement.hpp"

namespace tamp_prune {
namespace {

// Allocations compare blocks, and the parts of blocks that can be smaller in one than in another.
void check_structure_allocation(const settings& s) {
  if (s.allocate == "uniform") return;
  if (s.allocate != "global" && s.allocate != "owl" && s.allocate != "das")
    throw CLI::ValidationError("--structure knows --allocate uniform, owl, das and global, not " +
                               s.allocate);
  const bool has_parts_of_blocks =
      std::any_of(s.structure.begin(), s.structure.end(), [](const std::string& unit) {
        return unit.starts_with("neurons") || unit.starts_with("heads") ||
               unit.starts_with("query-heads");
      });
  if (!has_parts_of_blocks)
    throw CLI::ValidationError("--allocate " + s.allocate +
                               " takes more of some blocks than of others: it is for heads, "
                               "query-heads and neurons, and --structure names none of them");
  if (s.allocate == "das" && s.text.empty())
    throw CLI::ValidationError(
        "--allocate das looks at how much the tokens of outputs differ: it needs --text");
}

// Requirements of whole units, and options that are for single weights alone.
void check_structure(const CLI::App& app, settings& s) {
  for (const char* option : {"--pattern", "--masks", "--packed", "--only", "--exclude", "--report",
                             "--resume", "--memory", "--save-statistics", "--refine", "--permute"})
    if (app.count(option) != 0)
      throw CLI::ValidationError(std::string(option) +
                                 " is for single weights, and --structure takes out whole units");
  const bool has_experts =
      std::any_of(s.structure.begin(), s.structure.end(),
                  [](const std::string& unit) { return unit.starts_with("experts"); });
  if (s.score.empty())
    s.score = !s.text.empty()        ? "flap"
              : s.statistics.empty() ? "magnitude"
              : has_experts          ? "reap"
                                     : "wanda";
  if (s.score == "ria") throw CLI::ValidationError("--score ria is for single weights");
  if (s.score == "flap" && s.text.empty())
    throw CLI::ValidationError("--score flap looks at how inputs vary: it needs --text");
  if (s.score == "reap" && s.statistics.empty())
    throw CLI::ValidationError(
        "--score reap looks at what experts contribute: it needs --statistics");
  if (s.score == "reap" && !has_experts)
    throw CLI::ValidationError("--score reap is for experts, and --structure names none");
  const bool has_vocabulary =
      std::any_of(s.structure.begin(), s.structure.end(),
                  [](const std::string& unit) { return unit.starts_with("vocabulary"); });
  if (!s.vocabulary_text.empty() && !has_vocabulary)
    throw CLI::ValidationError("--vocabulary-text goes with --structure vocabulary");
  for (const char* option : {"--fewest-tokens", "--keep-unseen"})
    if (app.count(option) != 0 && s.score != "reap")
      throw CLI::ValidationError(std::string(option) + " goes with --score reap");
  if (s.score == "wanda" && !s.has_statistics())
    throw CLI::ValidationError(
        "--score wanda looks at what the layers see: it needs --statistics or --text");
  if (s.compensate && s.text.empty())
    throw CLI::ValidationError("--compensate looks at the means of inputs: it needs --text");
  check_structure_allocation(s);
  const bool has_shares_alone =
      std::all_of(s.structure.begin(), s.structure.end(),
                  [](const std::string& unit) { return unit.find(':') != unit.npos; });
  if (s.sparsity && has_shares_alone)
    throw CLI::ValidationError(
        "--sparsity is for units without an amount, and --structure names one for each: leave it "
        "out, or leave out the amounts");
  const bool has_neurons =
      std::any_of(s.structure.begin(), s.structure.end(),
                  [](const std::string& unit) { return unit.starts_with("neurons"); });
  if (app.count("--multiple") != 0 && !has_neurons)
    throw CLI::ValidationError(
        "--multiple rounds the width of FFNs, and --structure names no neurons");
  if (s.has_named_score && s.score == "magnitude" && !s.statistics.empty())
    throw CLI::ValidationError("--score magnitude does not look at statistics");
  if (s.allocate == "global" && s.score != "flap")
    throw CLI::ValidationError(
        "--allocate global compares the scores of all blocks: it needs "
        "--score flap");
  if (!s.plan.empty() && (s.sparsity || app.count("--allocate") != 0))
    throw CLI::ValidationError("--plan says which units stay: leave out --sparsity and --allocate");
}

// Channels move for an N:M pattern, and nothing is dropped.
void check_permutation(const CLI::App& app, const settings& s) {
  for (const char* option : {"--sparsity", "--allocate", "--plan", "--save-plan", "--refine",
                             "--only", "--exclude", "--report", "--masks", "--packed", "--resume"})
    if (app.count(option) != 0)
      throw CLI::ValidationError(std::string(option) +
                                 " is for weights that are dropped, and --permute moves channels");
  if (s.memory)
    throw CLI::ValidationError(
        "--memory bounds runs that drop weights, layer by layer: --permute holds one down or o as "
        "floats, three times as many as it has, and keeps to no bound");
  if (!s.is_n_of_m())
    throw CLI::ValidationError(
        "--permute needs an N:M pattern, such as --pattern 2:4: no other depends on which inputs "
        "are neighbours");
  if (!s.save_statistics.empty() && !s.has_statistics())
    throw CLI::ValidationError("--save-statistics needs --text or --statistics");
}

void check_refinement(const settings& s) {
  if (!s.has_statistics())
    throw CLI::ValidationError("--refine " + s.refine +
                               " looks at what the layers see: it needs --text, or --statistics "
                               "with a calibration");
  const refinement asked = refinement_of(s.refine);
  if (asked.is_dsnot && s.pattern != "per_row" && s.pattern != "per_tensor")
    throw CLI::ValidationError(
        "--refine dsnot moves weights anywhere in their row, which the pattern " + s.pattern +
        " does not allow");
  if (asked.swaps && s.is_block())
    throw CLI::ValidationError("--refine swaps moves single weights, which the pattern " +
                               s.pattern + " does not allow: use --refine repair");
}

}  // namespace

settings parse(int argc, char** argv) {
  settings s;
  CLI::App app(
      "Prunes the linear layers of a model in files, and writes a model of the same kind.");
  app.failure_message(study::sentences_of_failure);
  app.add_option(
         "MODEL", s.model,
         "a safetensors or GGUF file, the first part of a GGUF file that was split, or a folder "
         "as Hugging Face has it (one file, or shards with an index)")
      ->required()
      ->check(CLI::ExistingPath);
  app.add_option("--out", s.out,
                 "the file to write; of a folder and of a split file, the folder to write")
      ->required();
  app.add_option("--sparsity", s.sparsity, "the fraction of the weights to drop (default: 0.5)")
      ->check(study::fraction());
  app.add_option("--score", s.score,
                 "how much a weight matters (default: wanda with statistics, else magnitude)")
      ->check(study::one_of({"magnitude", "wanda", "ria", "flap", "reap"}));
  app.add_option("--allocate", s.allocate,
                 "how the sparsity is spread over the layers; das and "
                 "global go with --structure")
      ->check(study::one_of({"uniform", "owl", "erk", "lamp", "das", "global"}))
      ->capture_default_str();
  app.add_option("--pattern", s.pattern, "which weights are compared")
      ->check(study::one_of({"per_row", "per_tensor", "1:2", "1:4", "2:4", "4:8", "8:16", "mixed:8",
                             "block:16x1", "block:1x16"}))
      ->capture_default_str();
  app.add_option("--refine", s.refine,
                 "make the masks better, or the weights that stay: swaps:25 (at most 25 swaps a "
                 "row), repair, swaps:25+repair or dsnot; needs --text, or --statistics with a "
                 "calibration that has Gram matrices (of dsnot, moments of sequences)");
  app.add_option(
         "--statistics,--imatrix", s.statistics,
         "column norms by tensor name: a safetensors file (see examples/python/observe.py), "
         "or llama.cpp's imatrix in either form")
      ->check(CLI::ExistingFile);
  app.add_option("--text", s.text,
                 "make the statistics on this text, with the example engine (folders and GGUF "
                 "files of llama, "
                 "qwen2, qwen3, gemma3), which needs memory for the model as floats")
      ->check(CLI::ExistingFile)
      ->excludes("--statistics");
  app.add_option("--save-statistics", s.save_statistics,
                 "write the statistics of --text; with --permute, those of the permuted model");
  app.add_option("--plan", s.plan, "follow this plan, a JSON file that --save-plan wrote")
      ->check(CLI::ExistingFile);
  app.add_option("--save-plan", s.save_plan, "write the plan, to read and edit");
  app.add_option("--only", s.names.only,
                 "prune the tensors whose names fit this pattern (*, ?) and no others; repeatable")
      ->allow_extra_args(false);
  app.add_option("--exclude", s.names.exclude,
                 "leave the tensors whose names fit this pattern (*, ?); repeatable")
      ->allow_extra_args(false);
  app.add_option("--retype", s.retype,
                 "in a GGUF file, store layers whose type has no zero (Q4_1, Q4_K ...) as this one")
      ->check(study::one_of({"q8_0", "f16"}));
  app.add_option("--report", s.report, "write what was done to this JSON file");
  app.add_option("--masks", s.masks,
                 "write which weights were kept, a bit for each, to this safetensors file");
  app.add_flag("--packed", s.packed,
               "write the layers of safetensors files packed: a bit for each weight, and the kept "
               "ones, as compressed-tensors reads them");
  app.add_option("--threads", s.threads, "threads to use (default: all)")
      ->check(CLI::Range(0, 1024));
  std::string memory;
  app.add_option(
      "--memory", memory,
      "the most memory to use: bytes, or with K, M, G, T (KiB, MiB, GiB, TiB), powers of "
      "1024 (default: as much as two layers need)");
  app.add_option(
         "--structure", s.structure,
         "take out whole units, so that the model is smaller anywhere: neurons, heads, "
         "query-heads, experts, layers or vocabulary, with the fraction or the number that "
         "leaves each block, or the model, as neurons:0.25 or layers:2; vocabulary:unused "
         "are the tokens that the text does not use; with commas between them, or repeatable")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option(
         "--vocabulary-text", s.vocabulary_text,
         "with --structure vocabulary, count tokens in this text (default: the text of --text)")
      ->check(CLI::ExistingFile);
  app.add_option("--multiple", s.multiple,
                 "with --structure, round the width of FFNs to multiples of this")
      ->check(CLI::Range(1, 65536));
  app.add_flag("--compensate", s.compensate,
               "with --structure, write biases that give what left gave on average");
  app.add_option(
      "--fewest-tokens", s.fewest_tokens,
      "with --score reap, name the experts that leave and saw fewer tokens (default: 1)");
  app.add_flag("--keep-unseen", s.keep_unseen,
               "with --score reap, let experts that saw fewer tokens stay where others can leave");
  app.add_option("--architecture", s.architecture,
                 "with --structure, what a GGUF file of a llama is called whose blocks differ")
      ->check(study::one_of({"deci"}));
  app.add_flag("--permute", s.permute,
               "drop nothing, and write the same model with neurons and features of values in an "
               "order in which the N:M pattern keeps more");
  app.add_flag("--dry-run", s.dry_run, "print what would be done, and write no model");
  app.add_flag("--resume", s.resume, "go on with an interrupted run");
  app.add_flag("--overwrite", s.overwrite, "replace OUT, if it is a file");
  try {
    app.parse(argc, argv);
    if (app.count("--memory") != 0) s.memory = bytes_of(memory);
    s.names.may_retype = !s.retype.empty();
    if (!s.refine.empty()) s.names.changes_weights = refinement_of(s.refine).repairs;
    s.has_named_score = !s.score.empty();
    if (!s.structure.empty()) {
      check_structure(app, s);
      return s;
    }
    for (const char* option : {"--multiple", "--compensate", "--architecture", "--fewest-tokens",
                               "--keep-unseen", "--vocabulary-text"})
      if (app.count(option) != 0)
        throw CLI::ValidationError(std::string(option) + " goes with --structure");
    if (!s.save_statistics.empty() && s.text.empty() && !s.permute)
      throw CLI::ValidationError("--save-statistics needs --text");
    if (s.score == "flap" || s.score == "reap")
      throw CLI::ValidationError("--score " + s.score + " goes with --structure");
    if (s.allocate == "das" || s.allocate == "global")
      throw CLI::ValidationError("--allocate " + s.allocate + " goes with --structure");
    if (s.score.empty()) s.score = !s.has_statistics() ? "magnitude" : "wanda";
    if (s.score != "magnitude" && !s.has_statistics())
      throw CLI::ValidationError("--score " + s.score +
                                 " looks at what the layers see: it needs --statistics or --text");
    if (s.score == "magnitude" && s.has_statistics() && s.refine.empty())
      throw CLI::ValidationError("--score magnitude does not look at statistics");
    if (s.permute) {
      check_permutation(app, s);
      return s;
    }
    if (!s.refine.empty()) check_refinement(s);
    if (!s.plan.empty() && (s.sparsity || app.count("--allocate") != 0))
      throw CLI::ValidationError(
          "--plan says how much each layer loses: leave out --sparsity and --allocate");
    if (s.is_n_of_m() && (s.sparsity || s.allocate != "uniform"))
      throw CLI::ValidationError("the pattern " + s.pattern +
                                 " fixes the sparsity of each layer: leave out --sparsity and "
                                 "--allocate");
  } catch (const tamp::value_error& problem) {
    std::exit(app.exit(CLI::ValidationError(problem.what())));
  } catch (const CLI::ParseError& problem) {
    std::exit(app.exit(problem));
  }
  return s;
}

}  // namespace tamp_prune
