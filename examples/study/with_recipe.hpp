#pragma once

// From names on a command line to recipes, which are types.

#include <stdexcept>
#include <string>
#include <tamp/tamp.hpp>

#include "recipes.hpp"

namespace study {

// Calls use(policy) with the policy of that name.
template <class Use>
auto with_score(const std::string& name, Use&& use) {
  if (name == "magnitude") return use(tamp::score::magnitude{});
  if (name == "wanda") return use(tamp::score::wanda{});
  throw std::invalid_argument("there is no score called " + name);
}

template <class Use>
auto with_allocation(const std::string& name, double sparsity, Use&& use) {
  if (name == "uniform") return use(tamp::allocate::uniform{sparsity});
  throw std::invalid_argument("there is no allocation called " + name);
}

// Calls open(pattern) for patterns that leave the sparsity open, fixed(pattern) for N:M.
template <class Open, class Fixed>
auto with_pattern(const std::string& name, Open&& open, Fixed&& fixed) {
  using namespace tamp::pattern;
  if (name == "per_row") return open(per_row{});
  if (name == "per_tensor") return open(per_tensor{});
  if (name == "1:2") return fixed(n_of_m<1, 2>{});
  if (name == "1:4") return fixed(n_of_m<1, 4>{});
  if (name == "2:4") return fixed(n_of_m<2, 4>{});
  if (name == "4:8") return fixed(n_of_m<4, 8>{});
  if (name == "8:16") return fixed(n_of_m<8, 16>{});
  throw std::invalid_argument("there is no pattern called " + name);
}

// Calls use(recipe) with the composed recipe.
template <class Use>
auto with_recipe(const named_recipe& named, Use&& use) {
  return with_score(named.score, [&](auto score) {
    return with_pattern(
        named.pattern,
        [&](auto pattern) {
          return with_allocation(named.allocate, named.sparsity.value(), [&](auto allocate) {
            return use(tamp::compose(score, allocate, pattern));
          });
        },
        [&](auto pattern) { return use(tamp::compose(score, pattern)); });
  });
}

}  // namespace study
