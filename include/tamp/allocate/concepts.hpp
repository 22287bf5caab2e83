#pragma once

/// @file
/// Concepts for the two forms of an allocation.

#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "../execute/executor.hpp"
#include "../role.hpp"
#include "allocation.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// An archetype of the units that an allocation reads (see allocate::by_unit).
struct any_units {
  std::size_t size() const;
  std::string_view name(std::size_t unit) const;
  std::size_t num_params(std::size_t unit) const;
  const std::vector<std::size_t>& layers(std::size_t unit) const;
  template <class Use>
  void visit(std::size_t unit, Use&& use) const;
};

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::allocate {

/// An allocation that reads only the number of weights of each unit: `allocate(num_params)` gives
/// one sparsity for each unit.
template <class Allocate>
concept by_size = policy<Allocate, role::allocate> &&
                  requires(const Allocate& allocate, std::span<const std::size_t> num_params) {
                    { allocate(num_params) } -> std::convertible_to<std::vector<double>>;
                  };

/// An allocation that reads the units themselves: `allocate(exec, units)` gives an allocation.
///
/// `units` has size(), name(unit), num_params(unit), and visit(unit, use), which calls
/// `use(name, weight, statistic)` for each layer of a unit.
template <class Allocate>
concept by_unit = policy<Allocate, role::allocate> &&
                  requires(const Allocate& allocate, const tamp::detail::any_executor& exec,
                           const tamp::detail::any_units& units) {
                    { allocate(exec, units) } -> std::convertible_to<allocation>;
                  };

}  // namespace tamp::inline TAMP_FLAGS::allocate

namespace tamp::inline TAMP_FLAGS::detail {

/// Refuses an allocation of neither form, with a sentence that names the missing members.
template <class Allocate>
consteval void check_allocation() {
  static_assert(
      allocate::by_size<Allocate> || allocate::by_unit<Allocate>,
      "this allocation cannot allocate: give it operator()(std::span<const std::size_t> "
      "num_params) const, which returns one sparsity a unit, or operator()(exec, units) const, "
      "which returns a tamp::allocate::allocation (see tamp::allocate::by_size and by_unit)");
}

}  // namespace tamp::inline TAMP_FLAGS::detail
