#pragma once

// Column norms of a model's layers on a text, made by the example engine.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tamp/io/named_norms.hpp>
#include <tamp/stat/column_variance.hpp>
#include <tamp/stat/token_diversity.hpp>
#include <vector>

#include "model_files.hpp"
#include "team.hpp"
#include "text_options.hpp"

namespace tamp_prune {

// Sends the text through the dense model, which must fit into memory as floats. The norms have the
// names of the files' tensors. Collective: each rank takes some of the sequences, and all get the
// same norms, with the same bits for any number of ranks. Throws tamp::error if the engine cannot
// run the model, if the text is shorter than one sequence, or if `is_stopped`, which is asked after
// every block, returns true.
tamp::io::named_norms norms_of_text(const model_files& model, const text_options& options,
                                    const std::function<bool()>& is_stopped,
                                    const team& ranks = {});

// Further statistics for structure: by the names of the files' tensors the variances of the inputs and
// the diversities of the outputs' tokens, and the influence of each block on the residual stream.
struct text_statistics {
  tamp::io::named_norms norms;
  std::map<std::string, tamp::stat::column_variance, std::less<>> variances;
  std::vector<double> influence;
  std::map<std::string, tamp::stat::token_diversity, std::less<>> diversities;  // if asked for
};

// The same by one process alone. Diversities compare each token with each other, and are left out
// unless asked for. Throws as norms_of_text does.
text_statistics statistics_of_text(const model_files& model, const text_options& options,
                                   const std::function<bool()>& is_stopped,
                                   bool with_diversities = false);

// Throws tamp::file_error if the engine reads no models of this form: it must be a GGUF file, or a
// folder.
void check_is_read(const model_files& model);

// The memory that norms_of_text needs at most: for the files, which are mapped, their numbers as
// floats, the vocabulary, the tables of RoPE, and what the text becomes.
std::uint64_t bytes_for_text(const model_files& model, const text_options& options);

}  // namespace tamp_prune
