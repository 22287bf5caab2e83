#pragma once

/// @file
/// The role that a policy plays in a recipe, and what a policy may say about itself.

#include <concepts>
#include <string>

#include "config.hpp"

/// A policy is a plain struct that names its role: `using role = tamp::role::score;`.
namespace tamp::role {
struct score {};     ///< how much a weight matters
struct allocate {};  ///< how much each layer may lose
struct pattern {};   ///< what shape the loss may have
struct token {};     ///< which tokens are worth computing
}  // namespace tamp::role

namespace tamp::inline TAMP_FLAGS {

/// A policy of the given role.
template <class P, class Role>
concept policy = requires { requires std::same_as<typename P::role, Role>; };

/// A policy's name for reports: what its `label()` returns, or "custom".
///
/// It is always inlined: called with a policy without members, which nobody needs to initialise, it
/// would otherwise make GCC warn at -O1 that the policy may be uninitialised.
template <class Policy>
[[gnu::always_inline]] inline std::string label(const Policy& p) {
  if constexpr (requires { std::string(p.label()); }) {
    return std::string(p.label());
  } else {
    return "custom";
  }
}

}  // namespace tamp::inline TAMP_FLAGS
