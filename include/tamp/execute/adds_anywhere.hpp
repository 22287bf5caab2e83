#pragma once

/// @file
/// The overloads of `add` of accumulators that take no executor.

#include <concepts>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "executor.hpp"
#include "standard.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The overload of `add` without an executor, which runs on execute::standard. `Accumulator` must
/// derive from adds_anywhere<Accumulator>, define add(executor, arguments...), and bring this
/// overload in with `using`. Whole numbers are converted where they are known to fit, at the call:
/// they are parameters of a named type, below or in the accumulator's own overload.
template <class Accumulator>
struct adds_anywhere {
  template <class First, class... Rest>
    requires(!executor<First> && !std::integral<std::remove_cvref_t<First>> &&
             !(std::integral<std::remove_cvref_t<Rest>> || ...)) &&
            requires(Accumulator& all, First&& first, Rest&&... rest) {
              all.add(execute::standard{}, std::forward<First>(first), std::forward<Rest>(rest)...);
            }
  Accumulator& add(First&& first, Rest&&... rest) {
    return static_cast<Accumulator&>(*this).add(execute::standard{}, std::forward<First>(first),
                                                std::forward<Rest>(rest)...);
  }

  /// The same with a count behind it, of any integer type.
  template <class First>
    requires(!executor<First>) && requires(Accumulator& all, First&& first) {
      all.add(execute::standard{}, std::forward<First>(first), std::uint64_t{1});
    }
  Accumulator& add(First&& first, std::uint64_t count) {
    return static_cast<Accumulator&>(*this).add(execute::standard{}, std::forward<First>(first),
                                                count);
  }

  /// The same with weights and a count behind it.
  template <class First>
    requires(!executor<First>) &&
            requires(Accumulator& all, First&& first, std::span<const double> weights) {
              all.add(execute::standard{}, std::forward<First>(first), weights, std::uint64_t{1});
            }
  Accumulator& add(First&& first, std::span<const double> weights, std::uint64_t count) {
    return static_cast<Accumulator&>(*this).add(execute::standard{}, std::forward<First>(first),
                                                weights, count);
  }

  friend bool operator==(const adds_anywhere&, const adds_anywhere&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
