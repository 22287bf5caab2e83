#pragma once

// Selection and pruning of one weight by a recipe of names.

#include <tamp/mask/bitmask.hpp>
#include <tamp/prune/prune.hpp>
#include <tamp/tensor/any_view.hpp>

#include "recipe.hpp"
#include "statistics.hpp"

namespace tamp_python {

tamp::mask::bitmask select(const tamp::any_view& weight, const layer_statistics& seen,
                           const recipe& r);
void apply(const tamp::any_view& weight, const tamp::mask::bitmask& keep);
tamp::pruned prune(const tamp::any_view& weight, const layer_statistics& seen, const recipe& r);
// Throws what `prune` throws for an array that cannot be pruned in place.
void check_writable(const tamp::any_view& weight);

// The functions of the score that repairs weights. Without Eigen they throw tamp::error.
tamp::mask::bitmask select_by_sparsegpt(const tamp::any_view& weight, const layer_statistics& seen,
                                        const recipe& r);
tamp::pruned prune_by_sparsegpt(const tamp::any_view& weight, const layer_statistics& seen,
                                const recipe& r);

}  // namespace tamp_python
