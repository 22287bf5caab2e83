#pragma once

/// @file
/// Norms of all weights that a unit owns, plain or times the norms of their inputs.

#include <cmath>
#include <concepts>
#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../element.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../execute/operation.hpp"
#include "../tensor/any_view.hpp"
#include "../tensor/detail/finite.hpp"
#include "../tensor/rows.hpp"
#include "../tensor/traits.hpp"
#include "ties.hpp"

namespace tamp::inline TAMP_FLAGS::structure {

/// A model's weights by name. `visit(name, use)` calls use(tensor) with the weight of that name, any
/// tensor of (out_features, in_features). A vector is a tensor of one row.
template <class Weights>
concept weight_source =
    requires(const Weights& weights, const std::string& name,
             tamp::detail::any_tensor_visitor use) { weights.visit(name, use); };

/// Weights in memory by name: a weight_source of views.
class named_weights {
 public:
  /// Adds a weight, of which a view is kept: the weight must outlive it. A tensor that owns its
  /// numbers cannot be a temporary.
  /// @throws value_error if the name is there already
  named_weights& add(std::string name, any_view weight) {
    if (!weights_.emplace(name, weight).second)
      tamp::detail::raise<value_error>("named_weights: there are two weights named '", name, "'");
    return *this;
  }
  template <viewable W>
    requires(!std::same_as<std::remove_cvref_t<W>, any_view>)
  named_weights& add(std::string name, W&& weight) {
    static_assert(!owning_temporary<W>,
                  "this weight is a temporary, and its numbers are gone with it: give it a name");
    return add(std::move(name), any_view(tamp::view(weight)));
  }

  /// @throws value_error if there is no weight of that name
  const any_view& at(std::string_view name) const {
    const auto found = weights_.find(name);
    if (found == weights_.end())
      tamp::detail::raise<value_error>("named_weights: there is no weight '", name, "'");
    return found->second;
  }
  template <class Use>
  void visit(const std::string& name, Use&& use) const {
    use(at(name));
  }
  weight_shapes shapes() const {
    weight_shapes all;
    for (const auto& [name, w] : weights_) all[name] = {w.rows(), w.cols()};
    return all;
  }

 private:
  std::map<std::string, any_view, std::less<>> weights_;
};

/// The column norms of inputs by the names of weights (stat::column_norm, io::named_norms).
using input_norms = std::map<std::string, std::vector<float>, std::less<>>;

}  // namespace tamp::inline TAMP_FLAGS::structure

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns the energies of the rows and of the columns of a weight, each as far as it is asked for:
/// the sum of (w n_j)^2.
struct weight_energies {
  std::vector<double> rows, cols;
};

template <executor E, class Source>
weight_energies energies_of(const E& exec, const Source& w, std::span<const float> norms,
                            bool wants_cols, std::string_view name) {
  const auto rows = static_cast<std::size_t>(w.rows()), cols = static_cast<std::size_t>(w.cols());
  weight_energies all;
  all.rows = checked_array<double>("unit_norms", rows);
  if (wants_cols) all.cols = checked_array<double>("unit_norms", cols);
  const auto energy = [&](double number, std::size_t j) {
    if (!norms.empty()) number *= static_cast<double>(norms[j]);
    return number * number;
  };
  if (!wants_cols)
    for_each_range(exec, rows, cols, [&](std::size_t begin, std::size_t end) {
      row_reader read(w);
      for (std::size_t i = begin; i < end; ++i) {
        const auto row = read(i);
        for (std::size_t j = 0; j < cols; ++j)
          all.rows[i] += energy(static_cast<double>(row[j]), j);
      }
    });
  else
    // Columns are summed over rows in order, by one thread.
    for (auto [read, i] = std::pair(row_reader(w), std::size_t{0}); i < rows; ++i) {
      const auto row = read(i);
      for (std::size_t j = 0; j < cols; ++j) {
        const double e = energy(static_cast<double>(row[j]), j);
        all.rows[i] += e;
        all.cols[j] += e;
      }
    }
  for (std::size_t i = 0; i < rows; ++i)
    if (!is_finite(all.rows[i])) {
      refuse_not_finite(w, i, "unit_norms", name);
      raise<value_error>("unit_norms: the squares of row ", i, " of ", name,
                         " are too large to be summed");
    }
  return all;
}

struct unit_norms_function : operation<unit_norms_function> {
  using operation::operator();

  template <executor E, structure::weight_source Weights>
  std::vector<double> operator()(const E& exec, const structure::group& g, const Weights& weights,
                                 const structure::input_norms& norms) const {
    return run(exec, g, weights, &norms);
  }
  template <executor E, structure::weight_source Weights>
  std::vector<double> operator()(const E& exec, const structure::group& g,
                                 const Weights& weights) const {
    return run(exec, g, weights, nullptr);
  }

 private:
  // Empty for a weight that has no inputs, such as a bias, and where norms are not asked for.
  static std::span<const float> norms_of(const structure::input_norms* norms,
                                         const std::string& weight, std::size_t rows,
                                         std::size_t cols) {
    if (norms == nullptr) return {};
    const auto found = norms->find(weight);
    if (found == norms->end()) {
      if (rows == 1) return {};
      raise<value_error>("unit_norms: there are no norms for the inputs of ", weight);
    }
    if (found->second.size() != cols)
      raise<shape_error>("unit_norms: ", weight, " has ", cols, " columns, the norms cover ",
                         found->second.size());
    for (std::size_t j = 0; j < cols; ++j)
      if (!is_nonnegative(found->second[j]))
        raise<value_error>("unit_norms: the norm of column ", j, " of ", weight, " is ",
                           found->second[j]);
    return found->second;
  }

  template <executor E, class Weights>
  static weight_energies energies(const E& exec, const Weights& weights, const std::string& name,
                                  const structure::input_norms* norms, bool wants_cols) {
    weight_energies all;
    weights.visit(name, [&](auto&& weight) {
      with_source(weight, [&](const auto& w) {
        const auto rows = static_cast<std::size_t>(w.rows());
        const auto cols = static_cast<std::size_t>(w.cols());
        all = energies_of(exec, w, norms_of(norms, name, rows, cols), wants_cols, name);
      });
    });
    return all;
  }

  template <executor E, class Weights>
  static std::vector<double> run(const E& exec, const structure::group& g, const Weights& weights,
                                 const structure::input_norms* norms) {
    const ieee_arithmetic as_usual;
    check_group(g);
    auto scores = checked_array<double>("unit_norms", g.units);
    for (const structure::part& p : g.parts) {
      const bool is_cols = p.along == structure::axis::cols;
      const weight_energies all = energies(exec, weights, p.weight, norms, is_cols);
      const std::vector<double>& along = is_cols ? all.cols : all.rows;
      if (p.width == 0 || p.first > along.size() || g.units > (along.size() - p.first) / p.width)
        raise<shape_error>("unit_norms: ", g.units, " units of ", g.name, " with ", p.width, ' ',
                           name_of(p.along), " each from ", p.first, " on do not fit into the ",
                           along.size(), " of ", p.weight);
      for (std::size_t k = 0; k < g.units; ++k)
        for (std::size_t i = 0; i < p.width; ++i) scores[k] += along[p.first + k * p.width + i];
    }
    for (std::size_t k = 0; k < g.own.size(); ++k)
      for (const std::string& weight : g.own[k])
        for (const double row : energies(exec, weights, weight, norms, false).rows)
          scores[k] += row;
    for (std::size_t k = 0; k < scores.size(); ++k) {
      if (!is_finite(scores[k]))
        raise<value_error>("unit_norms: the weights of unit ", k, " of ", g.name,
                           " are too large to be summed");
      scores[k] = std::sqrt(scores[k]);
    }
    return scores;
  }
};

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::structure {

/// Returns the norm of each unit of a group: unit_norms([exec,] group, weights) or
/// unit_norms([exec,] group, weights, norms).
///
///     score(k) = sqrt(sum over all weights w of unit k, in all parts, of (w * norm_j)^2)
///
/// Without norms it is the magnitude of the group, and needs no data. With them it is the norm of
/// Wanda's scores: norm_j is that of the input feature that w reads. `norms` has an entry for each
/// weight of the group but for weights of one row, such as biases, which have no inputs. Sums are in
/// double, in the order of parts, units and rows, and do not depend on the executor or the layout.
/// @throws value_error if a weight or its norms are missing, or a number is not finite
/// @throws shape_error if parts or norms do not fit the weights
inline constexpr tamp::detail::unit_norms_function unit_norms{};

}  // namespace tamp::inline TAMP_FLAGS::structure
