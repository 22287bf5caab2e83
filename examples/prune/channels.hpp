#pragma once

// Channels of a model's files that can change their order.

#include <string>
#include <tamp/structure/ties.hpp>
#include <vector>

#include "decoder_blocks.hpp"
#include "model_files.hpp"
#include "model_ties.hpp"

namespace tamp_prune {

struct channel {
  std::string reader;  // the weight whose columns are ordered: down or o
  tamp::structure::group group;
};

// The channels of all blocks: neurons, those of each expert too, by the weight that reads them, and the
// features of values. Parts of blocks that stay as they are, since their tensors have unknown names or
// hold several experts, are named in `left` with the reason. Throws tamp::value_error where another
// tensor may depend on the order, or where shapes contradict the numbers.
std::vector<channel> channels_of(const model_files& model, const decoder_blocks& decoder,
                                 const model_numbers& numbers, std::vector<std::string>& left);

}  // namespace tamp_prune
