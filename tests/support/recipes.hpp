#pragma once

// Recipes, each with its definition.

#include <tamp/pattern/n_of_m.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/pattern/per_tensor.hpp>
#include <tamp/prune/compose.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/wanda.hpp>
#include <vector>

#include "by_sorting.hpp"

namespace support {

/// Calls use(recipe, expected), where expected(weight, norms) is the mask by definition, for every
/// pattern, with a score that needs norms and with one that does not.
template <class Use>
void for_each_recipe(double sparsity, Use&& use) {
  using namespace tamp::pattern;
  using tamp::compose, tamp::allocate::uniform, tamp::score::magnitude, tamp::score::wanda;
  use(compose(wanda{}, per_row{}, uniform{sparsity}), [=](const auto& weight, const auto& norms) {
    return per_row_by_sorting(magnitudes(weight, norms), sparsity);
  });
  use(compose(magnitude{}, per_tensor{}, uniform{sparsity}), [=](const auto& weight, const auto&) {
    return per_tensor_by_sorting(magnitudes(weight), sparsity);
  });
  use(compose(wanda{}, n_of_m<2, 4>{}), [](const auto& weight, const auto& norms) {
    return n_of_m_by_sorting(magnitudes(weight, norms), 2, 4);
  });
}

}  // namespace support
