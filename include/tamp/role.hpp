#pragma once

/// @file
/// The roles of policies in a recipe, and the names of policies in reports.

#include <concepts>
#include <string>

#include "config.hpp"

/// A policy is a plain struct that names its role: `using role = tamp::role::score;`.
namespace tamp::role {
struct score {};      ///< importance of each weight
struct allocate {};   ///< sparsity of each layer
struct pattern {};    ///< shape that the dropped weights may have
struct refine {};     ///< a better mask with the same counts, or better weights for a mask
struct weighting {};  ///< weight of each token in the statistics
struct token {};      ///< tokens that are worth computing
}  // namespace tamp::role

namespace tamp::inline TAMP_FLAGS {

/// A policy of the given role.
template <class P, class Role>
concept policy = requires { requires std::same_as<typename P::role, Role>; };

/// Returns a policy's name for reports: the result of its `label()`, or "custom".
///
/// It is always inlined. Otherwise GCC warns at -O1 that a policy without members may be
/// uninitialised, although it has nothing to initialise.
template <class Policy>
[[gnu::always_inline]] inline std::string label(const Policy& p) {
  if constexpr (requires { std::string(p.label()); }) {
    return std::string(p.label());
  } else {
    return "custom";
  }
}

}  // namespace tamp::inline TAMP_FLAGS
