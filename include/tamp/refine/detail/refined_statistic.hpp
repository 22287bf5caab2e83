#pragma once

/// @file
/// The statistic that a score and its refinements read together.

#include <concepts>
#include <type_traits>
#include <utility>

#include "../../config.hpp"
#include "../../score/detail/score_forms.hpp"
#include "../../stat/joint.hpp"
#include "../../stat/weighted.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// A list of statistics, and the list with further ones that it does not have yet. void is none.
template <class... Statistics>
struct statistic_list {
  template <class Other>
  static auto with(std::type_identity<Other>) {
    if constexpr (std::is_void_v<Other> || (std::is_same_v<Other, Statistics> || ...))
      return statistic_list{};
    else
      return statistic_list<Statistics..., Other>{};
  }
};

template <class List, class First, class... Rest>
auto with_all(List, std::type_identity<First> first, Rest... rest) {
  if constexpr (sizeof...(Rest) == 0)
    return decltype(List::with(first)){};
  else
    return with_all(decltype(List::with(first)){}, rest...);
}

/// One statistic of all in a list; void for none.
template <class List>
struct joined_list;
template <>
struct joined_list<statistic_list<>> {
  using type = void;
};
template <class Statistic>
struct joined_list<statistic_list<Statistic>> {
  using type = Statistic;
};
template <class First, class Second, class... Rest>
struct joined_list<statistic_list<First, Second, Rest...>> {
  using type = stat::joint<First, Second, Rest...>;
};

/// A statistic without its weighting, and the weighting; void for none.
template <class Statistic>
struct unweighted {
  using type = Statistic;
  using weighting = void;
};
template <class Statistic, class Weighting>
struct unweighted<stat::weighted<Statistic, Weighting>> {
  using type = Statistic;
  using weighting = Weighting;
};

/// The statistic of a score and its refinements. If the score weighs tokens, the weights are those
/// of all parts.
template <class Score, class... Steps>
struct refined_statistic {
  using of_score = unweighted<needed_statistic_of<Score>>;
  using joined = typename joined_list<decltype(with_all(
      statistic_list<>{}, std::type_identity<typename of_score::type>{},
      std::type_identity<needed_statistic_of<Steps>>{}...))>::type;

  static auto type_of() {
    if constexpr (std::is_void_v<typename of_score::weighting>)
      return std::type_identity<joined>{};
    else
      return std::type_identity<stat::weighted<joined, typename of_score::weighting>>{};
  }
  using type = typename decltype(type_of())::type;
};

/// Returns an empty statistic of the given type, with the parameters of `own` for the part and the
/// weighting that it has.
template <class Whole, class Own>
Whole empty_with(const Own& own) {
  using part = typename unweighted<Own>::type;
  using joined = typename unweighted<Whole>::type;
  const auto join = [&]() -> joined {
    const part& mine = own;
    if constexpr (std::is_same_v<joined, part>)
      return mine;
    else
      return [&]<class... Parts>(std::type_identity<stat::joint<Parts...>>) {
        return joined([&] {
          if constexpr (std::is_same_v<Parts, part>)
            return mine;
          else
            return Parts{};
        }()...);
      }(std::type_identity<joined>{});
  };
  if constexpr (std::is_void_v<typename unweighted<Whole>::weighting>)
    return join();
  else
    return Whole(own.by(), join());
}

/// Returns the part that a policy needs of the statistic of all.
template <class Part, class Whole>
const Part& part_of(const Whole& whole) {
  if constexpr (std::derived_from<Whole, Part>)
    return whole;
  else
    return whole.template of<Part>();
}

}  // namespace tamp::inline TAMP_FLAGS::detail
