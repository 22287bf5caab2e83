#pragma once

// From the names on the command line to a recipe, which is a type.

#include <string>
#include <tamp/allocate/erk.hpp>
#include <tamp/allocate/in_groups.hpp>
#include <tamp/allocate/lamp.hpp>
#include <tamp/allocate/owl.hpp>
#include <tamp/allocate/uniform.hpp>
#include <tamp/pattern/block.hpp>
#include <tamp/pattern/mixed_n_of_m.hpp>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/pattern/per_tensor.hpp>
#include <tamp/prune/compose.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/ria.hpp>
#include <tamp/score/wanda.hpp>
#include <type_traits>

#include "settings.hpp"

namespace tamp_prune {

template <class Use>
auto with_score(const settings& s, const Use& use) {
  using namespace tamp::score;
  if (s.score == "wanda") return use(wanda{});
  if (s.score == "ria") return use(ria{});
  return use(magnitude{});
}

// Calls use(pattern) with the N:M pattern.
template <class Use>
auto with_n_of_m(const settings& s, const Use& use) {
  using namespace tamp::pattern;
  if (s.pattern == "1:2") return use(n_of_m<1, 2>{});
  if (s.pattern == "1:4") return use(n_of_m<1, 4>{});
  if (s.pattern == "2:4") return use(n_of_m<2, 4>{});
  if (s.pattern == "4:8") return use(n_of_m<4, 8>{});
  return use(n_of_m<8, 16>{});
}

// Calls use(pattern, allocation) with the pattern of blocks.
template <class Use>
auto with_block(const settings& s, const Use& use) {
  const auto uniform = tamp::allocate::uniform{s.sparsity_or_default()};
  if (s.pattern == "block:16x1") return use(tamp::pattern::block<16, 1>{}, uniform);
  return use(tamp::pattern::block<1, 16>{}, uniform);
}

// Calls use(pattern), or use(pattern, allocation) if it leaves the sparsity open, with a pattern in
// which single weights take each other's places. The plan says how much each layer loses: to a recipe
// all allocations are alike.
template <class Use>
auto with_single_weights(const settings& s, const Use& use) {
  using namespace tamp::pattern;
  const auto uniform = tamp::allocate::uniform{s.sparsity_or_default()};
  if (s.is_n_of_m()) return with_n_of_m(s, use);
  if (s.is_mixed())
    return use(mixed_n_of_m<8>{}, tamp::allocate::in_groups<8, tamp::allocate::uniform>{uniform});
  if (s.pattern == "per_tensor") return use(per_tensor{}, uniform);
  return use(per_row{}, uniform);
}

// The same with any pattern.
template <class Use>
auto with_shape(const settings& s, const Use& use) {
  return s.is_block() ? with_block(s, use) : with_single_weights(s, use);
}

// Calls use(recipe) with a score and the pattern.
template <class Score, class Use>
auto with_pattern(const settings& s, const Score& score, const Use& use) {
  return with_shape(s, [&](const auto&... shape) { return use(tamp::compose(score, shape...)); });
}

// Calls use(recipe) for a plan, which looks at the allocation and, apart from OWL's, at the names of
// score and pattern alone.
template <class Use>
auto with_planned_recipe(const settings& s, const Use& use) {
  struct named_score : tamp::score::magnitude {
    std::string name;
    const std::string& label() const { return name; }
  };
  struct named_pattern : tamp::pattern::per_row {
    std::string name;
    const std::string& label() const { return name; }
  };
  using namespace tamp::allocate;
  const named_score score{{}, with_score(s, [](const auto& own) { return tamp::label(own); })};
  if (s.is_n_of_m())
    return with_n_of_m(s, [&](const auto& pattern) { return use(tamp::compose(score, pattern)); });
  const named_pattern pattern{
      {}, with_shape(s, [](const auto& shape, const auto&...) { return tamp::label(shape); })};
  const auto composed = [&](const auto& allocation) {
    using allocation_type = std::remove_cvref_t<decltype(allocation)>;
    if (s.is_mixed())
      return use(tamp::compose(score, pattern, in_groups<8, allocation_type>{allocation}));
    return use(tamp::compose(score, pattern, allocation));
  };
  const double sparsity = s.sparsity_or_default();
  if (s.allocate == "owl")
    return with_score(s, [&]<class Score>(const Score& own) {
      return composed(owl<Score>{.sparsity = sparsity, .score = own});
    });
  if (s.allocate == "erk") return composed(erk{.sparsity = sparsity});
  if (s.allocate == "lamp") return composed(lamp{.sparsity = sparsity});
  return composed(uniform{sparsity});
}

}  // namespace tamp_prune
