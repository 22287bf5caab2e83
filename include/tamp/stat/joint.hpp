#pragma once

/// @file
/// Several statistics of the same activations as one.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "../error.hpp"
#include "../execute/adds_anywhere.hpp"
#include "../model/observable.hpp"
#include "../tensor/traits.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

template <class Statistic>
concept has_values = requires(const Statistic& statistic) { statistic.values(); };
template <class Statistic>
concept has_diagonal = requires(const Statistic& statistic) { statistic.diagonal(); };

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::stat {

/// Several statistics of the inputs of a layer, gathered together: those that a recipe reads whose
/// score and refinements need different ones.
///
///     stat::joint<stat::column_norm, stat::gram> seen;
///     seen.add(X);
///     seen.of<stat::gram>().matrix();
///
/// Each part is the statistic that it would be alone, bit for bit. values() and diagonal() are those
/// of the first part that has them. Memory: that of the parts. A call of `add` copies all parts but
/// the last, so that nothing is added if one of them refuses it: name the largest one last.
template <class... Statistics>
class [[nodiscard]] joint : public tamp::detail::adds_anywhere<joint<Statistics...>> {
  static_assert(sizeof...(Statistics) >= 2 &&
                    ((observables_read<Statistics> == observable::input) && ...),
                "stat::joint joins two or more statistics that read the inputs of layers alone");

 public:
  using tamp::detail::adds_anywhere<joint<Statistics...>>::add;

  joint() = default;
  explicit joint(Statistics... empty) : parts_(std::move(empty)...) {}

  std::string label() const {
    std::string text;
    std::apply(
        [&](const auto&... part) {
          ((text += (text.empty() ? "" : " and ") + std::string(part.label())), ...);
        },
        parts_);
    return text;
  }

  /// Returns one of the parts.
  template <class Statistic>
  const Statistic& of() const noexcept {
    return std::get<Statistic>(parts_);
  }

  /// Adds one batch of activations.
  /// @throws the errors of the parts; nothing is added then
  template <executor E, tensor_argument X>
  joint& add(const E& exec, const X& activations, std::uint64_t count = 1) {
    return change(*this, [&](auto& part, const auto&) { part.add(exec, activations, count); });
  }
  /// Adds one batch of activations with a weight for each token.
  /// @throws the errors of the parts; nothing is added then
  template <executor E, tensor_argument X>
  joint& add(const E& exec, const X& activations, std::span<const double> weights,
             std::uint64_t count = 1) {
    return change(*this,
                  [&](auto& part, const auto&) { part.add(exec, activations, weights, count); });
  }
  /// Adds the data of another accumulator, as if its batches had been added here.
  /// @throws the errors of the parts; nothing is combined then
  joint& combine(const joint& other) {
    return change(other, [](auto& part, const auto& its_part) { part.combine(its_part); });
  }

  std::size_t features() const noexcept { return std::get<0>(parts_).features(); }
  std::uint64_t count() const noexcept { return std::get<0>(parts_).count(); }
  std::uint64_t tokens() const noexcept { return std::get<0>(parts_).tokens(); }
  /// Returns the numbers of the first part that has one for each feature.
  [[nodiscard]] auto values() const
    requires(tamp::detail::has_values<Statistics> || ...)
  {
    return values_of<0>();
  }
  /// Returns the sums of squares of the first part that has them.
  [[nodiscard]] auto diagonal() const
    requires(tamp::detail::has_diagonal<Statistics> || ...)
  {
    return diagonal_of<0>();
  }

  /// Calls visit(name, value) for all values that combine adds up, for files.
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    std::size_t index = 0;
    const auto visit_part = [&](auto& part) {
      std::remove_cvref_t<decltype(part)>::fields(part, [&](std::string_view name, auto& value) {
        visit(std::string_view(detail::sentence(index, '.', name)), value);
      });
      ++index;
    };
    std::apply([&](auto&... part) { (visit_part(part), ...); }, self.parts_);
  }
  /// Checks values that were read from a file.
  /// @throws value_error if no statistics of the same activations can have written them
  void validate() const {
    const auto validate_part = [&](const auto& part) {
      part.validate();
      if (part.features() != features() || part.tokens() != tokens())
        detail::raise<value_error>(label(), ": the parts cover ", features(), " and ",
                                   part.features(), " features, of ", tokens(), " and ",
                                   part.tokens(), " tokens");
    };
    std::apply([&](const auto&... part) { (validate_part(part), ...); }, parts_);
  }

  friend bool operator==(const joint&, const joint&) = default;

 private:
  static constexpr std::size_t last = sizeof...(Statistics) - 1;

  // Calls change(part, the same part of `other`) for all parts, the last one in place and after the
  // others, of which copies are changed.
  template <class Change>
  joint& change(const joint& other, const Change& change) {
    const auto in_place = [&]<std::size_t... Index>(std::index_sequence<Index...>) {
      auto copies = std::make_tuple(std::get<Index>(parts_)...);
      (change(std::get<Index>(copies), std::get<Index>(other.parts_)), ...);
      change(std::get<last>(parts_), std::get<last>(other.parts_));
      ((std::get<Index>(parts_) = std::move(std::get<Index>(copies))), ...);
    };
    in_place(std::make_index_sequence<last>());
    return *this;
  }

  template <std::size_t Index>
  using part = std::tuple_element_t<Index, std::tuple<Statistics...>>;

  template <std::size_t Index>
  auto values_of() const {
    if constexpr (tamp::detail::has_values<part<Index>>)
      return std::get<Index>(parts_).values();
    else
      return values_of<Index + 1>();
  }
  template <std::size_t Index>
  auto diagonal_of() const {
    if constexpr (tamp::detail::has_diagonal<part<Index>>)
      return std::get<Index>(parts_).diagonal();
    else
      return diagonal_of<Index + 1>();
  }

  std::tuple<Statistics...> parts_;
};

}  // namespace tamp::inline TAMP_FLAGS::stat
