#pragma once

// The sparsity of each block of a decoder, of which units leave.

#include <optional>
#include <string>
#include <vector>

#include "decoder_blocks.hpp"
#include "model_files.hpp"
#include "settings.hpp"
#include "text_norms.hpp"

namespace tamp_prune {

struct block_sparsities {
  std::vector<double> of_block;  // in the order of the decoder
  std::vector<std::string> notes;
};

// Distributes a sparsity over single weights as --allocate owl or das says, and gives each block the
// mean of its linear layers, weighted by their sizes. OWL reads the weights and, unless the score is
// magnitude, norms of their inputs. DAS reads the diversity of tokens alone. A block without linear
// layers of known names keeps the sparsity itself. Throws tamp::value_error if a statistic is missing.
block_sparsities distribute_over_blocks(const settings& s, const model_files& model,
                                        const decoder_blocks& decoder,
                                        const std::optional<text_statistics>& seen,
                                        double sparsity);

}  // namespace tamp_prune
