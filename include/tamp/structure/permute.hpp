#pragma once

/// @file
/// Units in another order: which N:M patterns keep more, and the weights that compute the same.

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../error.hpp"
#include "../execute/operation.hpp"
#include "../prune/detail/arguments.hpp"
#include "../prune/detail/column_scores.hpp"
#include "../prune/order_columns.hpp"
#include "../tensor/traits.hpp"
#include "gather.hpp"
#include "ties.hpp"

namespace tamp::inline TAMP_FLAGS::structure {

/// An order of the units of a group: unit order[k] comes to place k.
struct unit_order {
  std::string group;
  std::vector<std::size_t> order;

  friend bool operator==(const unit_order&, const unit_order&) = default;
};

/// The rows and columns of a weight in their new order: row rows[i] comes to place i.
struct arrangement {
  std::vector<std::size_t> rows, cols;

  bool is_identity() const noexcept { return is_sorted(rows) && is_sorted(cols); }
  friend bool operator==(const arrangement&, const arrangement&) = default;

 private:
  static bool is_sorted(const std::vector<std::size_t>& places) noexcept {
    return std::is_sorted(places.begin(), places.end());
  }
};

}  // namespace tamp::inline TAMP_FLAGS::structure

namespace tamp::inline TAMP_FLAGS::detail {

/// Refuses an order that does not name each unit once.
inline void check_unit_order(std::string_view who, const std::string& group,
                             std::span<const std::size_t> order, std::size_t units) {
  if (order.size() != units)
    raise<shape_error>(who, ": the order of ", group, " names ", order.size(), " units of ", units);
  auto is_named = checked_array<unsigned char>(who, units);
  for (const std::size_t unit : order) {
    if (unit >= units)
      raise<value_error>(who, ": the order of ", group, " names unit ", unit, " of ", units);
    if (is_named[unit] != 0)
      raise<value_error>(who, ": the order of ", group, " names unit ", unit, " twice");
    is_named[unit] = 1;
  }
}

/// The scores of a weight as a matrix with a column for each unit: the columns that units own in each
/// part stand below each other.
inline std::vector<float> scores_of_units(const structure::group& g, std::string_view weight,
                                          matrix_view<const float> scores, std::size_t group) {
  static constexpr std::string_view who = "order_units";
  std::vector<const structure::part*> parts;
  for (const structure::part& p : g.parts)
    if (p.weight == weight && p.along == structure::axis::cols) parts.push_back(&p);
  if (parts.empty())
    raise<value_error>(who, ": the units of ", g.name, " own no columns of ", weight);
  for (const structure::part* const p : parts) {
    if (p->width != 1)
      raise<value_error>(who, ": each unit of ", g.name, " owns ", p->width,
                         " columns together of ", weight,
                         ", and only single columns can be dealt out to groups");
    if (p->first > scores.cols() || g.units > scores.cols() - p->first)
      raise<shape_error>(who, ": ", g.units, " units of ", g.name, " from column ", p->first,
                         " on do not fit into the ", scores.cols(), " columns of ", weight);
    if (p->first % group != 0)
      raise<value_error>(who, ": the units of ", g.name, " begin at column ", p->first, " of ",
                         weight, ", within a group of ", group);
  }
  auto stacked = checked_array<float>(
      who, checked_product(who, checked_product(who, parts.size(), scores.rows()), g.units));
  auto to = stacked.begin();
  for (const structure::part* const p : parts)
    for (std::size_t i = 0; i < scores.rows(); ++i)
      to = std::copy_n(scores.row(i).begin() + static_cast<std::ptrdiff_t>(p->first), g.units, to);
  return stacked;
}

struct order_units_function : operation<order_units_function> {
  using operation::operator();

  template <executor E, class Weight, class Statistics, class Recipe>
  column_order operator()(const E& exec, const Weight& weight, const Statistics& statistics,
                          const Recipe& recipe, const structure::group& g,
                          std::string_view name) const {
    if constexpr (check_weight_argument<Weight>() && check_recipe_argument<Recipe>()) {
      if constexpr (check_orders_columns<Recipe>())
        return with_source(weight, [&](const auto& source) {
          return with_memory("order_units", [&] {
            return of_source(any_executor(exec), source, statistics, recipe, g, name);
          });
        });
    }
    return {};
  }
  template <executor E, class Weight, class Recipe>
  column_order operator()(const E& exec, const Weight& weight, const Recipe& recipe,
                          const structure::group& g, std::string_view name) const {
    return (*this)(exec, weight, no_statistics{}, recipe, g, name);
  }

 private:
  template <class Source, class Statistics, class Recipe>
  static column_order of_source(const any_executor& exec, const Source& weight,
                                const Statistics& statistics, const Recipe& recipe,
                                const structure::group& g, std::string_view name) {
    const ieee_arithmetic as_usual;
    using pattern = typename Recipe::pattern_policy;
    check_group(g);
    const auto rows = static_cast<std::size_t>(weight.rows());
    const auto cols = static_cast<std::size_t>(weight.cols());
    const std::vector<float> scores = scores_of(exec, "order_units", weight, statistics, recipe);
    const std::vector<float> of_units =
        scores_of_units(g, name, {scores.data(), rows, cols}, pattern::group);
    return order_of_scores<column_order, pattern>(
        exec, "order_units", {of_units.data(), of_units.size() / g.units, g.units});
  }
};

struct permute_function : operation<permute_function> {
  using operation::operator();

  template <executor E, tensor_argument From, tensor_argument To>
    requires(viewable<To> || any_tensor<To>)
  void operator()(const E& exec, const From& weight, const structure::arrangement& places,
                  To&& out) const {
    const ieee_arithmetic as_usual;
    with_source(weight, [&](const auto& from) {
      check_unit_order("permute", "the rows", places.rows, static_cast<std::size_t>(from.rows()));
      check_unit_order("permute", "the columns", places.cols,
                       static_cast<std::size_t>(from.cols()));
      gather_into("permute", exec, from, places.rows, places.cols, out);
    });
  }
};

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::structure {

/// Returns an order of the units of a group in which an N:M pattern keeps larger scores of a weight
/// that reads them: order_units(where, W, statistics, recipe, group, name of W).
///
///     const auto recipe = tamp::compose(tamp::score::ria{}, tamp::pattern::n_of_m<2, 4>{});
///     const auto found = structure::order_units(down, norms, recipe, neurons, "down");
///
/// It is order_columns where a unit may own several columns of W and must move in all of them: with
/// grouped queries, feature d of a value head is read by column d of each query head that shares the
/// head, and one order serves them all. The scores are those of the whole W, whose columns that one
/// unit owns are looked at together:
///
///     gain(order) = sum over parts p of W and rows i of the N highest scores of each M units in a row
///
/// With one part that covers W, the order is that of order_columns. `before` and `after` are the sums
/// of the scores that these units keep. `after` is never smaller.
///
/// Weights that the order does not reach keep their places. Units of different groups, such as the
/// features of each value head, are ordered one group after another: their columns are in different
/// groups of M.
/// @throws shape_error if the columns do not fit W, or as order_columns does
/// @throws value_error if no unit owns columns of W, a unit owns several neighbours together, or units
///         begin within a group of M columns; and as order_columns does
/// @see transformer_ties.hpp for neurons and value_features; permute
inline constexpr tamp::detail::order_units_function order_units{};

/// Returns where the rows and columns of a weight of (rows, cols) come from, if units of some groups
/// are reordered. What no unit owns stays in its place.
/// @throws value_error if two orders are of one group, an order does not name each unit once, a group
///         owns weights as a whole, or two orders move the same rows or columns
/// @throws shape_error if a part does not fit the weight
inline arrangement arrangement_of(const ties& all, std::span<const unit_order> orders,
                                  std::string_view weight, const extents& shape) {
  using tamp::detail::raise;
  static constexpr std::string_view who = "arrangement_of";
  tamp::detail::check_shape(who, shape.rows, shape.cols);
  const auto in_place = [](std::size_t extent) {
    auto places = tamp::detail::checked_array<std::size_t>(who, extent);
    std::iota(places.begin(), places.end(), std::size_t{0});
    return places;
  };
  arrangement result{in_place(shape.rows), in_place(shape.cols)};
  for (std::size_t k = 0; k < orders.size(); ++k) {
    const unit_order& o = orders[k];
    for (std::size_t earlier = 0; earlier < k; ++earlier)
      if (orders[earlier].group == o.group)
        raise<value_error>(who, ": two orders are of ", o.group);
    const group& g = all.at(o.group);
    tamp::detail::check_unit_order(who, o.group, o.order, g.units);
    if (!g.own.empty())
      raise<value_error>(who, ": units of ", g.name,
                         " own weights as a whole, which cannot be reordered");
    for (const part& p : g.parts) {
      if (p.weight != weight) continue;
      auto& places = p.along == axis::rows ? result.rows : result.cols;
      if (p.width == 0 || p.first > places.size() || g.units > (places.size() - p.first) / p.width)
        raise<shape_error>(who, ": the units of ", g.name, " do not fit into the ", places.size(),
                           ' ', tamp::detail::name_of(p.along), " of ", weight);
      for (std::size_t unit = 0; unit < g.units; ++unit)
        for (std::size_t j = 0; j < p.width; ++j) {
          std::size_t& place = places[p.first + unit * p.width + j];
          if (place != p.first + unit * p.width + j)
            raise<value_error>(who, ": two orders move the ", tamp::detail::name_of(p.along),
                               " of ", weight, ", the second is of ", g.name);
          place = p.first + o.order[unit] * p.width + j;
        }
    }
  }
  return result;
}

/// Copies a weight with its rows and columns in another order into a tensor of the host:
/// permute([exec,] W, arrangement, out). out(i, j) = W(rows[i], cols[j]).
///
/// Reorder all weights that own parts of the units, biases as weights of one row: the model then
/// computes the same, up to the order in which the layer that reads the units adds them up. `out` is
/// strided, of W's shape, and not W itself. Numbers of W's own type keep their bits; others are
/// converted. W may be any tensor, such as rows of a quantised one.
/// @throws shape_error if the arrangement or `out` does not have W's shape
/// @throws value_error if the arrangement does not name each row and each column once
inline constexpr tamp::detail::permute_function permute{};

}  // namespace tamp::inline TAMP_FLAGS::structure
