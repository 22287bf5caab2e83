#pragma once

/// @file
/// Checks of the arguments of an operation, each with a sentence for the compiler's output. The
/// functions return false for a wrong argument, so that no further errors follow.

#include <type_traits>

#include "../../model/host.hpp"
#include "../../tensor/traits.hpp"
#include "../compose.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

template <class Weight>
consteval bool check_weight_argument() {
  using argument = std::remove_cvref_t<Weight>;
  static_assert(!layered_model<argument>,
                "this is a model, and the operation works on one weight: prune_model(host, recipe) "
                "prunes a model");
  static_assert(!is_recipe<argument>,
                "a recipe stands where the weight belongs: the order is (where, weight, statistics "
                "or mask, recipe)");
  static_assert(layered_model<argument> || is_recipe<argument> || tensor_argument<Weight>,
                "the argument in the place of the weight is no tensor that tamp can read: give a "
                "view, include the adapter of its library (tamp/adapt/), or specialise "
                "tamp::tensor_traits; the order is (where, weight, statistics or mask, recipe)");
  return !layered_model<argument> && !is_recipe<argument> && tensor_argument<Weight>;
}

template <class Recipe>
consteval bool check_recipe_argument() {
  static_assert(is_recipe<std::remove_cvref_t<Recipe>>,
                "the argument in the place of the recipe is none: compose a score, a pattern and "
                "an allocation with tamp::compose; the recipe comes after the data about the "
                "weight or model");
  return is_recipe<std::remove_cvref_t<Recipe>>;
}

/// `RunsSamples` states that the operation sends samples through the model.
template <class Host, bool RunsSamples = true>
consteval bool check_model_argument() {
  static_assert(!tensor_argument<Host>,
                "this is one weight, and the operation works on a model: prune(W, statistics, "
                "recipe) prunes a weight");
  static_assert(tensor_argument<Host> || layered_model<Host>,
                "the argument in the place of the model is none: a model has blocks(), "
                "visit_layers(block, visit), observe_block(block, observer) and advance(block) "
                "(see tamp::model)");
  static_assert(tensor_argument<Host> || !layered_model<Host> || !RunsSamples || model<Host>,
                "this recipe reads what layers see of samples, and the host has layers alone: give "
                "it observe_block(block, observer) and advance(block) (see tamp::model), or give "
                "the operation statistics from elsewhere (see tamp::calibration_from)");
  return !tensor_argument<Host> && layered_model<Host> && (!RunsSamples || model<Host>);
}

}  // namespace tamp::inline TAMP_FLAGS::detail
