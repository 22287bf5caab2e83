#pragma once

/// @file
/// Concepts for refinements of masks.

#include "../role.hpp"
#include "detail/refined_layer.hpp"

namespace tamp::inline TAMP_FLAGS::refine {

/// A refinement that updates the weights that stay, for the mask that those before it made. It is
/// the last in a recipe, and declares `static constexpr bool repairs = true`.
template <class Policy>
concept repairing_refinement =
    policy<Policy, role::refine> && requires { requires Policy::repairs; };

/// A policy that makes a better mask with the same counts, or better weights for a mask.
///
/// `refine(exec, layer, weight, statistic, scores, keep)` changes the mask `keep` in place. `layer`
/// has names for errors and the number of columns of a group of the pattern (detail::refined_layer);
/// `statistic` is what the policy `needs`; `scores` are the score's, row by row, or no_scores if it
/// has none. It returns layer_errors, or nothing. If it cannot keep to groups, it declares `static
/// constexpr bool exchanges_in_groups = false`, and is refused for n:m patterns.
template <class Policy>
concept refinement = policy<Policy, role::refine> && requires { typename Policy::needs; };

}  // namespace tamp::inline TAMP_FLAGS::refine
