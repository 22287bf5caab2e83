#pragma once

/// @file
/// One threshold for the scores of the whole model.

#include <cstddef>
#include <limits>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../detail/drop_count.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/ordered_key.hpp"
#include "../detail/radix_selection.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../execute/sequential.hpp"
#include "../role.hpp"
#include "../score/detail/score_forms.hpp"
#include "../score/detail/scored_rows.hpp"
#include "../score/magnitude.hpp"
#include "../tensor/rows.hpp"
#include "allocation.hpp"
#include "detail/lowest_of_all.hpp"
#include "detail/scored_layers.hpp"
#include "detail/units.hpp"

namespace tamp::inline TAMP_FLAGS::allocate {

/// Applies one threshold to the whole model: all weights compete by their scores.
///
/// Use it with pattern::per_tensor and the same score, which then drops exactly the lowest scores
/// of the model:
///
///     compose(score::magnitude{}, allocate::global_threshold{0.5}, pattern::per_tensor{})
///
/// It is the classic baseline. It works only as well as the scores of one layer compare with the
/// scores of another. Magnitudes often do not compare: a layer of small weights may be emptied.
/// allocate::lamp scales them by layer.
///
///     drop    = the floor(number of weights * sparsity) lowest scores of the model
///     drop(u) = how many of them lie in unit u
///
/// The result is the number of weights that each unit loses. The recipe's score and pattern decide
/// which ones. Ties: the lower unit loses first. A layer that saw no token has no scores if the
/// score needs a statistic: its unit loses floor(size * sparsity), the others the rest, at most all
/// that they have, and notes say so. Scores are read twice if they are floats, and four times if they are doubles (twice as
/// often at most if units have few); none is stored. The result does not depend on the executor.
/// Memory: at most half a megabyte for each thread, and for each unit 16 bytes for each score in
/// 2^16 around the threshold, at most a megabyte.
///
/// Source: global magnitude pruning as in Han et al. 2015 (arXiv 1506.02626) and Blalock et al. 2020
/// (arXiv 2003.03033), with the scores of any policy.
template <class Score = score::magnitude>
struct global_threshold {
  using role = tamp::role::allocate;
  using needs = detail::needed_statistic_of<Score>;  // void if the score needs none
  static constexpr granularity unit = granularity::layer;

  double sparsity = 0.5;
  Score score{};

  std::string label() const {
    // Copies, because GCC 12 warns that a score without members is uninitialised.
    return detail::sentence("global_threshold ", sparsity, ' ', tamp::label(Score(score)));
  }
  auto statistic() const
    requires requires(const Score& s) { s.statistic(); }
  {
    return score.statistic();
  }

  /// Counts the weights that each unit loses.
  /// @throws value_error if the sparsity is not in [0, 1], or if a weight, a statistic or a score
  ///         cannot be used, naming it
  /// @throws shape_error if a layer's statistics cover another number of columns
  template <executor E, class Units>
  allocation operator()(const E& exec, const Units& units) const {
    const detail::ieee_arithmetic as_usual;
    detail::check_sparsity(sparsity);
    allocation answer;
    answer.drops = drops(exec, units, answer.notes);
    for (std::size_t u = 0; u < units.size(); ++u)
      answer.sparsities.push_back(
          detail::sparsity_that_drops(answer.drops[u], units.num_params(u), 1, sparsity));
    return answer;
  }

  friend bool operator==(const global_threshold&, const global_threshold&) = default;

 private:
  template <executor E, class Units>
  std::vector<std::size_t> drops(const E& exec, const Units& units,
                                 std::vector<std::string>& notes) const {
    const std::vector<std::size_t> num_params = detail::num_params_of(units);
    const std::size_t size = detail::total_params("global_threshold", num_params);
    std::size_t drop = detail::drop_count(size, sparsity);
    std::vector<std::size_t> dropped(num_params.size(), 0);
    const std::vector<std::size_t> scored = units_with_scores(units, notes);
    for (std::size_t u = 0, k = 0; u < dropped.size(); ++u) {
      if (k < scored.size() && scored[k] == u) {
        ++k;
      } else {
        dropped[u] = detail::drop_count(num_params[u], sparsity);
        drop -= dropped[u];
      }
    }
    drop = detail::at_most_all("global_threshold", drop, num_params, scored, notes);
    if (drop == 0 || scored.empty()) return dropped;
    const auto lowest = has_doubles(units) ? lowest_of<double>(exec, units, scored, drop)
                                           : lowest_of<float>(exec, units, scored, drop);
    for (std::size_t k = 0; k < scored.size(); ++k) dropped[scored[k]] = lowest[k];
    return dropped;
  }

  // Returns the units of which every layer has scores, with a note about each other layer.
  template <class Units>
  std::vector<std::size_t> units_with_scores(const Units& units,
                                             std::vector<std::string>& notes) const {
    std::vector<std::size_t> scored;
    for (std::size_t u = 0; u < units.size(); ++u) {
      bool has_scores = true;
      if constexpr (detail::needs_statistic<Score>)
        units.visit(u, [&](std::string_view layer, const auto&, const auto& statistic) {
          if constexpr (requires { statistic.tokens(); })
            if (statistic.tokens() == 0) {
              has_scores = false;
              notes.push_back(detail::sentence("global_threshold: ", layer, " saw no token, and ",
                                               units.name(u), " does not compete"));
            }
        });
      if (has_scores) scored.push_back(u);
    }
    if (scored.empty() && units.size() != 0)
      detail::raise<value_error>("global_threshold: no layer of ", units.size(),
                                 units.size() == 1 ? " unit" : " units", " saw a token");
    return scored;
  }

  // Returns true if the scores of any layer are doubles, to which those of all others are then
  // converted.
  template <class Units>
  static bool has_doubles(const Units& units) {
    bool found = false;
    for (std::size_t u = 0; u < units.size(); ++u)
      units.visit(u, [&](std::string_view, const auto& weight, const auto&) {
        using weight_type = detail::row_value<std::remove_cvref_t<decltype(weight)>>;
        using bound = std::remove_cvref_t<decltype(detail::bind_score(
            execute::sequential{}, weight, std::declval<const Score&>(), {}))>;
        using number = decltype(detail::type_of_scores<bound, weight_type>());
        found = found || std::is_same_v<number, double>;
      });
    return found;
  }

  template <class Real, executor E, class Units>
  std::vector<std::size_t> lowest_of(const E& exec, const Units& units,
                                     const std::vector<std::size_t>& scored,
                                     std::size_t drop) const {
    using key = decltype(detail::ordered_key(Real{}));
    std::size_t keys = 0;
    for (const std::size_t u : scored) keys += units.num_params(u);
    const int width =
        detail::digit_width(keys, scored.size(), std::numeric_limits<key>::digits, 16);
    const detail::radix_selection<key> find(drop, width);
    const auto count = [&](std::size_t k, auto& keys) {
      detail::for_each_scored_layer(
          exec, "global_threshold", units, scored[k], score, [](std::string_view) {},
          [&](std::string_view layer, const auto& scores) {
            std::mutex adding;
            scores.for_each_range(exec, [&](auto&& read_scores, auto begin, auto end) {
              detail::counted_keys<key> here("global_threshold", keys.find());
              for (std::size_t i = begin; i < end; ++i)
                for (const auto number : read_scores(i))
                  here.add(detail::ordered_key(static_cast<Real>(number)));
              const std::lock_guard lock(adding);
              keys.combine(here);
            });
            scores.raise_if_broken("global_threshold", layer, score);
          });
    };
    return detail::lowest_of_all("global_threshold", scored.size(), find, count);
  }
};

}  // namespace tamp::inline TAMP_FLAGS::allocate
