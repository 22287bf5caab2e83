#pragma once

// The command line of tamp_prune.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "layers.hpp"

namespace tamp_prune {

struct settings {
  std::string model, out;
  std::optional<double> sparsity;
  std::string score;  // if none is named: wanda with statistics, else magnitude
  bool has_named_score = false;
  std::string allocate = "uniform", pattern = "per_row";
  std::string
      refine;  // "swaps:25", "repair", "swaps:25+repair", "dsnot"; empty: masks of the score
  std::string statistics, text, save_statistics, plan, save_plan, report, masks, retype;
  choice names;
  int threads = 0;
  std::optional<std::uint64_t> memory;  // bytes
  bool packed = false;  // layers are written in the layout of tamp/io/sparse_file.hpp
  // Units that leave, "neurons:0.25"; empty: weights are dropped.
  std::vector<std::string> structure;
  std::string vocabulary_text;      // tokens that it uses least leave; if none: the text of --text
  std::size_t multiple = 1;         // FFNs are rounded to it
  bool compensate = false;          // biases stand in for what left
  std::uint64_t fewest_tokens = 1;  // experts that saw fewer are named
  bool keep_unseen = false;         // and stay where others can go
  std::string architecture;         // of the GGUF file that is written, if it is another one
  bool permute = false;             // channels come in an order in which the pattern keeps more
  bool dry_run = false, resume = false, overwrite = false;

  bool has_statistics() const { return !statistics.empty() || !text.empty(); }
  // True if the score looks at column norms.
  bool reads_norms() const { return score != "magnitude"; }
  // True if the pattern fixes the sparsity.
  bool is_n_of_m() const { return !is_block() && !is_mixed() && pattern.find(':') != pattern.npos; }
  bool is_block() const { return pattern.starts_with("block:"); }
  bool is_mixed() const { return pattern.starts_with("mixed:"); }
  double sparsity_or_default() const { return sparsity.value_or(0.5); }
};

// Ends the program after --help, and with a sentence if an option cannot be used.
settings parse(int argc, char** argv);

}  // namespace tamp_prune
