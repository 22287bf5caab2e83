#pragma once

// From the names on the command line to a recipe, which is a type.

#include <tamp/allocate/erk.hpp>
#include <tamp/allocate/lamp.hpp>
#include <tamp/allocate/owl.hpp>
#include <tamp/allocate/uniform.hpp>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/pattern/per_tensor.hpp>
#include <tamp/prune/compose.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/ria.hpp>
#include <tamp/score/wanda.hpp>

#include "settings.hpp"

namespace tamp_prune {

template <class Use>
auto with_score(const settings& s, const Use& use) {
  using namespace tamp::score;
  if (s.score == "wanda") return use(wanda{});
  if (s.score == "ria") return use(ria{});
  return use(magnitude{});
}

// Calls use(recipe). The allocations of one score and pattern differ in their plan alone.
template <class Score, class Use>
auto with_pattern(const settings& s, const Score& score, const Use& use) {
  using namespace tamp::pattern;
  const auto uniform = tamp::allocate::uniform{s.sparsity_or_default()};
  if (s.pattern == "per_tensor") return use(tamp::compose(score, per_tensor{}, uniform));
  if (s.pattern == "1:2") return use(tamp::compose(score, n_of_m<1, 2>{}));
  if (s.pattern == "1:4") return use(tamp::compose(score, n_of_m<1, 4>{}));
  if (s.pattern == "2:4") return use(tamp::compose(score, n_of_m<2, 4>{}));
  if (s.pattern == "4:8") return use(tamp::compose(score, n_of_m<4, 8>{}));
  if (s.pattern == "8:16") return use(tamp::compose(score, n_of_m<8, 16>{}));
  return use(tamp::compose(score, per_row{}, uniform));
}

// Calls use(recipe) for the pattern that is no N:M.
template <class Score, class Use>
auto with_allocation(const settings& s, const Score& score, const Use& use) {
  using namespace tamp::allocate;
  const double sparsity = s.sparsity_or_default();
  const auto composed = [&](const auto& allocation) {
    if (s.pattern == "per_tensor")
      return use(tamp::compose(score, tamp::pattern::per_tensor{}, allocation));
    return use(tamp::compose(score, tamp::pattern::per_row{}, allocation));
  };
  if (s.allocate == "owl") return composed(owl<Score>{.sparsity = sparsity, .score = score});
  if (s.allocate == "erk") return composed(erk{.sparsity = sparsity});
  if (s.allocate == "lamp") return composed(lamp{.sparsity = sparsity});
  return composed(uniform{sparsity});
}

}  // namespace tamp_prune
