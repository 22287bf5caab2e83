#pragma once

/// @file
/// Operations as function objects: one shape of call for all of them.
///
///     operation(where, what is acted on, data about it, policy, options)
///
/// `where` may be left out and is then execute::standard. An operation is a constant object, so
/// that argument-dependent lookup finds no function of another namespace in its place.

#include <utility>

#include "place.hpp"
#include "standard.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The call operators that all operations have in common. `Operation` must derive from it, define a
/// call operator that takes an executor first, and bring these overloads in with `using`.
///
/// The overloads with `Options` are for calls that write options in braces, whose type cannot be
/// deduced.
template <class Operation, class Options = void>
struct operation;

template <class Operation>
struct operation<Operation, void> {
  template <class First, class... Rest>
    requires(!place<First>)
  decltype(auto) operator()(First&& first, Rest&&... rest) const {
    return self()(execute::standard{}, std::forward<First>(first), std::forward<Rest>(rest)...);
  }
  template <device Where, class... Arguments>
  decltype(auto) operator()(const Where& where, Arguments&&... arguments) const {
    return run_on(where, self(), std::forward<Arguments>(arguments)...);
  }

 protected:
  const Operation& self() const noexcept { return static_cast<const Operation&>(*this); }
};

template <class Operation, class Options>
struct operation : operation<Operation> {
  using operation<Operation>::operator();
  template <class First, class Second, class... Rest>
    requires(!place<First>)
  decltype(auto) operator()(First&& first, Second&& second, const Options& options,
                            Rest&&... rest) const {
    return this->self()(execute::standard{}, std::forward<First>(first),
                        std::forward<Second>(second), options, std::forward<Rest>(rest)...);
  }
  template <class First, class Second, class Third>
    requires(!place<First>)
  decltype(auto) operator()(First&& first, Second&& second, Third&& third,
                            const Options& options) const {
    return this->self()(execute::standard{}, std::forward<First>(first),
                        std::forward<Second>(second), std::forward<Third>(third), options);
  }
};

}  // namespace tamp::inline TAMP_FLAGS::detail
