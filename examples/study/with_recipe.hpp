#pragma once

// From names on a command line to recipes, which are types.

#include <stdexcept>
#include <string>
#include <tamp/allocate/alpha.hpp>
#include <tamp/score/sparsegpt.hpp>
#include <tamp/tamp.hpp>

#include "recipes.hpp"

namespace study {

// Calls use(policy) with the policy of that name.
template <class Use>
auto with_score(const std::string& name, Use&& use) {
  using namespace tamp::score;
  if (name == "magnitude") return use(magnitude{});
  if (name == "wanda") return use(wanda{});
  if (name == "ria") return use(ria{});
  if (name == "amia") return use(amia{});
  if (name == "sparsegpt") return use(sparsegpt{});
  throw std::invalid_argument("there is no score called " + name);
}

// The same for the scores in whose statistic tokens can be weighed.
template <class Use>
auto with_weighable_score(const std::string& name, Use&& use) {
  using namespace tamp::score;
  if (name == "wanda") return use(wanda{});
  if (name == "ria") return use(ria{});
  if (name == "sparsegpt") return use(sparsegpt{});
  throw std::invalid_argument("the score " + name + " weighs no tokens");
}

template <class Use>
auto with_allocation(const std::string& name, double sparsity, Use&& use) {
  using namespace tamp::allocate;
  if (name == "uniform") return use(uniform{sparsity});
  if (name == "owl") return use(owl<>{.sparsity = sparsity});
  if (name == "das") return use(das{.sparsity = sparsity});
  if (name == "erk") return use(erk{.sparsity = sparsity});
  if (name == "lamp") return use(lamp{.sparsity = sparsity});
  if (name == "alpha") return use(alpha{.sparsity = sparsity});
  if (name == "block_influence") return use(block_influence{.sparsity = sparsity});
  if (name == "global_threshold") return use(global_threshold<>{.sparsity = sparsity});
  if (name == "by_error") return use(by_error<>{.sparsity = sparsity});
  if (name == "by_error_sparsegpt")
    return use(by_error<tamp::score::sparsegpt, tamp::pattern::per_tensor>{.sparsity = sparsity});
  throw std::invalid_argument("there is no allocation called " + name);
}

// Calls open(pattern) for patterns that leave the sparsity open, fixed(pattern) for N:M.
template <class Open, class Fixed>
auto with_pattern(const std::string& name, Open&& open, Fixed&& fixed) {
  using namespace tamp::pattern;
  if (name == "per_row") return open(per_row{});
  if (name == "per_tensor") return open(per_tensor{});
  if (name == "mixed:8") return open(mixed_n_of_m<8>{});
  if (name == "block:16x1") return open(block<16, 1>{});
  if (name == "block:1x16") return open(block<1, 16>{});
  if (name == "1:2") return fixed(n_of_m<1, 2>{});
  if (name == "1:4") return fixed(n_of_m<1, 4>{});
  if (name == "2:4") return fixed(n_of_m<2, 4>{});
  if (name == "4:8") return fixed(n_of_m<4, 8>{});
  if (name == "8:16") return fixed(n_of_m<8, 16>{});
  throw std::invalid_argument("there is no pattern called " + name);
}

}  // namespace study
