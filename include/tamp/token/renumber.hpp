#pragma once

/// @file
/// Positions of tokens that are counted anew once others have left.

#include <cstddef>
#include <span>

#include "../detail/checked.hpp"
#include "../error.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Gives the tokens of a sequence consecutive positions, `first` and the numbers after it.
///
/// Use it after tokens have left, where a method was published so, as PyramidDrop. Rotary
/// embeddings then see no gaps. Every token that follows later moves forward in the same way: in
/// each layer, its position is less by the number of tokens that have left before that layer.
/// Without it positions stay what they were, as in FastV and FitPrune.
///
/// Source: Cooperx521/PyramidDrop at 6444f304aee4, llava/model/modeling_llama_pdrop.py, functions
/// pdrop_rank_drop and pdrop_forward.
/// @throws shape_error if the positions lie at a null pointer, or the last one does not fit into 64
///         bits
inline void renumber(std::span<std::size_t> positions, std::size_t first = 0) {
  detail::check_list("renumber", "positions", positions);
  detail::checked_sum<shape_error>("renumber", first, positions.size());
  for (std::size_t& position : positions) position = first++;
}

}  // namespace tamp::inline TAMP_FLAGS::token
