#pragma once

/// @file
/// Recipes and their composition from policies.

#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "../allocate/concepts.hpp"
#include "../allocate/uniform.hpp"
#include "../detail/drop_count.hpp"
#include "../error.hpp"
#include "../pattern/concepts.hpp"
#include "../refine/concepts.hpp"
#include "../refine/refined.hpp"
#include "../role.hpp"
#include "../score/concepts.hpp"
#include "../score/weighted.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

/// The allocation of a recipe whose pattern fixes the sparsity.
struct no_allocation {
  friend bool operator==(const no_allocation&, const no_allocation&) = default;
};

template <class Role, class... Policies>
inline constexpr std::size_t count_of_role =
    (std::size_t{0} + ... + std::size_t{policy<Policies, Role>});

template <class Role, class First, class... Rest>
constexpr const auto& find_role(const First& first, const Rest&... rest) {
  if constexpr (policy<First, Role>)
    return first;
  else
    return find_role<Role>(rest...);
}

/// Returns the score of a recipe, with a statistic of weighted tokens if the recipe weighs them.
template <class... Policies>
constexpr decltype(auto) weighed_score(const Policies&... policies) {
  const auto& score = find_role<role::score>(policies...);
  using score_type = std::remove_cvref_t<decltype(score)>;
  if constexpr (count_of_role<role::weighting, Policies...> == 0) {
    return (score);
  } else {
    const auto& weighting = find_role<role::weighting>(policies...);
    static_assert(needs_statistic<score_type>,
                  "compose: this score reads no statistic, so that there is nothing in which to "
                  "weigh tokens");
    if constexpr (needs_statistic<score_type>)
      return score::weighted<score_type, std::remove_cvref_t<decltype(weighting)>>{score,
                                                                                   weighting};
    else
      return (score);
  }
}

/// Returns the refinements of a recipe in their order, as a tuple.
template <class First, class... Rest>
constexpr auto refinements_of(const First& first, const Rest&... rest) {
  const auto own = [&] {
    if constexpr (policy<First, role::refine>)
      return std::tuple<First>(first);
    else
      return std::tuple<>();
  };
  if constexpr (sizeof...(Rest) == 0)
    return own();
  else
    return std::tuple_cat(own(), refinements_of(rest...));
}

/// True if all but the last of some refinements change masks alone.
template <class... Steps>
constexpr bool repairs_last(const std::tuple<Steps...>&) {
  const bool repair[] = {refine::repairing_refinement<Steps>...};
  for (std::size_t k = 0; k + 1 < sizeof...(Steps); ++k)
    if (repair[k]) return false;
  return true;
}

/// Returns the score of a recipe with its weighting and its refinements. The weights of a score
/// without a statistic are those of its refinements'.
template <class... Policies>
constexpr auto whole_score(const Policies&... policies) {
  constexpr bool refines = count_of_role<role::refine, Policies...> != 0;
  if constexpr (!refines) {
    return weighed_score(policies...);
  } else {
    const auto refine = [&]<class Score, class... Steps>(const Score& score,
                                                         std::tuple<Steps...> steps) {
      static_assert(repairs_last(decltype(steps){}),
                    "compose: a refinement that repairs weights is the last one, since those after "
                    "it would change the mask");
      return refine::refined<Score, Steps...>{score, std::move(steps)};
    };
    const auto& own = find_role<role::score>(policies...);
    if constexpr (needs_statistic<std::remove_cvref_t<decltype(own)>>) {
      return refine(weighed_score(policies...), refinements_of(policies...));
    } else {
      const auto refined = refine(own, refinements_of(policies...));
      if constexpr (count_of_role<role::weighting, Policies...> == 0)
        return refined;
      else
        return weighed_score(refined, find_role<role::weighting>(policies...));
    }
  }
}

template <class Pattern>
concept fixes_sparsity = requires {
  { Pattern::sparsity } -> std::convertible_to<double>;
};

}  // namespace detail

/// Composed policies. A value: printable, comparable, cheap to copy.
template <class Score, class Allocate, class Pattern>
struct recipe {
  using score_policy = Score;
  using allocate_policy = Allocate;
  using pattern_policy = Pattern;

  Score score;
  Allocate allocate;
  Pattern pattern;

  /// True if the pattern, and not an allocation, decides how much is dropped.
  static constexpr bool sparsity_is_fixed = detail::fixes_sparsity<Pattern>;

  /// Returns the same recipe with one sparsity for everything, as a plan gives it to a single
  /// layer.
  constexpr auto at(double sparsity) const {
    if constexpr (sparsity_is_fixed)
      return *this;
    else
      return recipe<Score, allocate::uniform, Pattern>{score, {sparsity}, pattern};
  }

  /// For example "wanda, uniform 0.5, per_row", or "wanda, uniform 0.5, per_row, swaps 25".
  std::string label() const {
    constexpr bool refines = requires { score.refinements(); };
    std::string text = [&] {
      if constexpr (refines)
        return tamp::label(score.score);
      else
        return tamp::label(score);
    }();
    if constexpr (!sparsity_is_fixed) text += ", " + tamp::label(allocate);
    text += ", " + tamp::label(pattern);
    if constexpr (refines) text += ", " + score.refinements();
    return text;
  }

  friend bool operator==(const recipe&, const recipe&) = default;
};

namespace detail {

/// The result of compose, or a substitute that names its three policies.
template <class T>
concept is_recipe = requires {
  typename T::score_policy;
  typename T::allocate_policy;
  typename T::pattern_policy;
};

/// Refuses sparsities of an allocation that do not match the number of units or are out of range.
inline void check_sparsities(std::span<const double> sparsities, std::size_t count,
                             std::string_view what) {
  if (sparsities.size() != count)
    raise<shape_error>("the allocation gave ", sparsities.size(), " sparsities for ", count, ' ',
                       what, count == 1 ? "" : "s");
  for (const double sparsity : sparsities) check_sparsity(sparsity);
}

/// Refuses numbers of weights that do not fit units of these sizes. `drops` may be empty.
inline void check_drops(std::span<const std::size_t> drops, std::span<const std::size_t> sizes) {
  if (!drops.empty() && drops.size() != sizes.size())
    raise<shape_error>("the allocation gave ", drops.size(), " numbers of weights for ",
                       sizes.size(), " units");
  for (std::size_t u = 0; u < drops.size(); ++u)
    if (drops[u] > sizes[u])
      raise<value_error>("the allocation drops ", drops[u], " of ", sizes[u], " weights of unit ",
                         u);
}

/// Returns the sparsity that a recipe gives a single weight.
template <class Recipe>
double sparsity_of(const Recipe& recipe, std::size_t size) {
  if constexpr (Recipe::sparsity_is_fixed) {
    return Recipe::pattern_policy::sparsity;
  } else {
    constexpr bool simple = allocate::by_size<typename Recipe::allocate_policy>;
    static_assert(simple,
                  "this allocation compares the layers of a model: give it to tamp::plan or to "
                  "prune_model(host, recipe); for a single weight, use tamp::allocate::uniform");
    if constexpr (simple) {
      const std::vector<double> sparsities = recipe.allocate(std::span(&size, 1));
      check_sparsities(sparsities, 1, "layer");
      return sparsities.front();
    } else {
      return 0;
    }
  }
}

}  // namespace detail

/// Composes a score, a pattern and, unless the pattern fixes the sparsity, an allocation, in any
/// order:
///
///     const auto recipe = tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{},
///                                       tamp::allocate::uniform{0.5});
///
/// A weighting of tokens, such as stat::amia_select, weighs the tokens of the score's statistic:
/// the recipe has a score::weighted then.
///
/// Refinements, such as refine::swaps, change the masks of the score, one after another in the order
/// in which they are named: the recipe has a refine::refined then. refine::repair comes last.
///
/// Two policies of one role other than refine, or a missing one, do not compile.
template <class... Policies>
constexpr auto compose(const Policies&... policies) {
  using namespace detail;
  constexpr auto scores = count_of_role<role::score, Policies...>;
  constexpr auto patterns = count_of_role<role::pattern, Policies...>;
  constexpr auto allocations = count_of_role<role::allocate, Policies...>;
  constexpr auto weightings = count_of_role<role::weighting, Policies...>;
  constexpr auto refinements = count_of_role<role::refine, Policies...>;
  static_assert(
      scores + patterns + allocations + weightings + refinements == sizeof...(Policies),
      "compose: every policy names its role (using role = tamp::role::score, allocate, pattern, "
      "weighting or refine)");
  static_assert(scores >= 1,
                "compose: the recipe has no score; add one, such as "
                "tamp::score::magnitude{}");
  static_assert(scores <= 1, "compose: the recipe has two scores");
  static_assert(patterns >= 1,
                "compose: the recipe has no pattern; add one, such as "
                "tamp::pattern::per_row{}");
  static_assert(patterns <= 1, "compose: the recipe has two patterns");
  static_assert(allocations <= 1, "compose: the recipe has two allocations");
  static_assert(weightings <= 1, "compose: the recipe has two weightings of tokens");
  if constexpr (scores == 1 && patterns == 1) {
    const auto score = whole_score(policies...);
    const auto& pattern = find_role<role::pattern>(policies...);
    using score_type = std::remove_cvref_t<decltype(score)>;
    using pattern_type = std::remove_cvref_t<decltype(pattern)>;
    check_score<score_type>();
    check_pattern<pattern_type>();
    constexpr bool fixed = fixes_sparsity<pattern_type>;
    static_assert(fixed || allocations >= 1,
                  "compose: this pattern leaves the sparsity open; add an allocation, such as "
                  "tamp::allocate::uniform{0.5}");
    static_assert(!fixed || allocations == 0,
                  "compose: this pattern fixes the sparsity; leave the allocation out");
    if constexpr (!fixed && allocations == 1) {
      const auto& allocate = find_role<role::allocate>(policies...);
      check_allocation<std::remove_cvref_t<decltype(allocate)>>();
      return recipe<score_type, std::remove_cvref_t<decltype(allocate)>, pattern_type>{
          score, allocate, pattern};
    } else {
      return recipe<score_type, no_allocation, pattern_type>{score, {}, pattern};
    }
  }
}

}  // namespace tamp::inline TAMP_FLAGS
