#pragma once

/// @file
/// The forms of a token policy.

#include <concepts>
#include <cstddef>
#include <span>
#include <vector>

#include "../model/observable.hpp"
#include "../role.hpp"
#include "context.hpp"
#include "selection.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// A policy that drops tokens.
///
/// `policy(context, candidates, count)` returns the `count` candidates that stay, in any order.
/// `candidates` are ascending tokens of the context, more than `count`. The policy declares
/// `static constexpr observable reads`.
template <class P>
concept dropping_policy =
    policy<P, role::token> && requires(const P& p, const context& c,
                                       std::span<const std::size_t> candidates, std::size_t count) {
      { P::reads } -> std::convertible_to<observable>;
      { p(c, candidates, count) } -> std::same_as<std::vector<std::size_t>>;
    };

/// A policy that merges tokens.
///
/// `policy.merge(context, candidates, count)` returns a token::merging: for each candidate the one
/// into which it merges, and, where the method has them, the order and the targets of those that
/// stay. `count` of them stay.
template <class P>
concept merging_policy =
    policy<P, role::token> && requires(const P& p, const context& c,
                                       std::span<const std::size_t> candidates, std::size_t count) {
      { P::reads } -> std::convertible_to<observable>;
      { p.merge(c, candidates, count) } -> std::same_as<merging>;
    };

template <class P>
concept token_policy = dropping_policy<P> || merging_policy<P>;

/// A policy that drops, and knows what it decides by before it is asked.
///
/// `policy.prepare(context)` returns an object whose `(candidates, count)` answers as `policy(context,
/// candidates, count)` does. It is called once for each selection, however often the policy is asked
/// about parts of the tokens.
template <class P>
concept preparing_policy =
    dropping_policy<P> && requires(const P& p, const context& c,
                                   std::span<const std::size_t> candidates, std::size_t count) {
      { p.prepare(c)(candidates, count) } -> std::same_as<std::vector<std::size_t>>;
    };

}  // namespace tamp::inline TAMP_FLAGS::token

namespace tamp::inline TAMP_FLAGS::detail {

/// True if a policy refuses hidden states that are not finite while it reads them, so that
/// token::select does not read them once more. Such a policy examines all that it declares to read
/// whenever it is asked: `static constexpr bool examines_hidden = true;`.
template <class Policy>
inline constexpr bool examines_hidden = false;
template <class Policy>
  requires requires { Policy::examines_hidden; }
inline constexpr bool examines_hidden<Policy> = Policy::examines_hidden;

}  // namespace tamp::inline TAMP_FLAGS::detail
