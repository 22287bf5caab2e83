#pragma once

/// @file
/// A score and the refinements of its masks.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "../detail/drop_count.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../mask/bitmask.hpp"
#include "../role.hpp"
#include "../score/detail/chosen_mask.hpp"
#include "../score/detail/column_statistics.hpp"
#include "../score/detail/score_forms.hpp"
#include "../stat/gram.hpp"
#include "concepts.hpp"
#include "detail/exchange_group.hpp"
#include "detail/gram_matrix.hpp"
#include "detail/refined_layer.hpp"
#include "detail/refined_statistic.hpp"
#include "layer_error.hpp"
#include "refined_mask.hpp"

namespace tamp::inline TAMP_FLAGS::refine {

/// A mask from a score and its refinements, the layer's errors with the score's mask and at the end,
/// if a Gram matrix was there to know them, and a remark.
struct [[nodiscard]] refined_choice {
  mask::bitmask keep;
  std::optional<layer_errors> error;
  std::string note;
};

/// A score whose masks are refined, by one policy after another. compose makes one of a score and
/// refinements:
///
///     tamp::compose(score::wanda{}, pattern::per_row{}, allocate::uniform{0.6}, refine::swaps{25},
///                   refine::repair{})
///
/// The mask of the score is, bit for bit, that of the score alone. Its statistic is that of the
/// score and of the refinements, joined; if the score weighs tokens, the refinements weigh them the
/// same way.
template <class Score, class... Steps>
struct refined {
  static_assert(
      sizeof...(Steps) != 0 && (refinement<Steps> && ...),
      "refine::refined<Score, Steps...>: the steps are refinements, such as refine::swaps");
  using role = tamp::role::score;
  using needs = typename tamp::detail::refined_statistic<Score, Steps...>::type;
  static constexpr bool repairs = (repairing_refinement<Steps> || ...);
  static constexpr bool refines = !repairs;

  Score score{};
  std::tuple<Steps...> steps{};

  /// For example "swaps 25, repair".
  std::string refinements() const {
    std::string text;
    std::apply(
        [&](const auto&... step) {
          ((text += (text.empty() ? "" : ", ") + tamp::label(step)), ...);
        },
        steps);
    return text;
  }
  std::string label() const {
    return tamp::detail::sentence(tamp::label(score), " with ", refinements());
  }
  needs statistic() const {
    if constexpr (!tamp::detail::needs_statistic<Score>)
      return needs{};
    else if constexpr (requires { score.statistic(); })
      return tamp::detail::empty_with<needs>(score.statistic());
    else
      return tamp::detail::empty_with<needs>(typename Score::needs{});
  }

  /// Chooses a mask and refines it, for select, prune and prune_model. `weight` is only read.
  /// @throws the errors of the score, the pattern and the refinements
  template <executor E, class Source, class Pattern>
  refined_choice refine(const E& exec, std::string_view operation, std::string_view layer,
                        const Source& weight, const needs& seen, const Pattern& pattern,
                        double sparsity, std::optional<std::size_t> count = {}) const {
    refined_choice chosen;
    choose(exec, operation, layer, weight, seen, pattern, sparsity, count, chosen);
    return chosen;
  }

  /// The same with the last step, which repairs the weights for the mask.
  template <executor E, class Source, class Pattern>
    requires(repairs)
  auto repair(const E& exec, std::string_view operation, std::string_view layer,
              const Source& weight, const needs& seen, const Pattern& pattern, double sparsity,
              std::optional<std::size_t> count = {}) const {
    refined_choice chosen;
    choose(exec, operation, layer, weight, seen, pattern, sparsity, count, chosen);
    const auto& last = std::get<sizeof...(Steps) - 1>(steps);
    auto repaired = last.apply(exec, tamp::detail::refined_layer{operation, layer, 0}, weight,
                               part_for(last, seen), std::as_const(chosen.keep));
    if (chosen.error) repaired.error.before = chosen.error->before;
    if (chosen.error) repaired.error.swaps = chosen.error->swaps;
    if (repaired.note.empty()) repaired.note = chosen.note;
    return repaired;
  }

  friend bool operator==(const refined&, const refined&) = default;

 private:
  template <class Policy>
  static const auto& part_for(const Policy&, const needs& seen) {
    using part = typename tamp::detail::unweighted<tamp::detail::needed_statistic_of<Policy>>::type;
    return tamp::detail::part_of<part>(seen);
  }

  template <executor E, class Source, class Pattern>
  void choose(const E& exec, std::string_view operation, std::string_view layer,
              const Source& weight, const needs& seen, const Pattern& pattern, double sparsity,
              std::optional<std::size_t> count, refined_choice& chosen) const {
    using namespace tamp::detail;
    constexpr std::size_t group = group_of<Pattern>();
    static_assert(
        group == 0 || (takes_groups<Steps> && ...),
        "this refinement exchanges weights anywhere in a row, which breaks an n:m pattern: "
        "use refine::swaps, which stays within groups");
    const refined_layer here{operation, layer, group};
    const auto rows = static_cast<std::size_t>(weight.rows());
    const auto cols = static_cast<std::size_t>(weight.cols());
    const auto take_steps = [&](const auto& scores) {
      std::apply(
          [&](const auto&... step) {
            (take_step(exec, here, weight, seen, scores, step, chosen), ...);
          },
          steps);
    };
    if (seen.tokens() == 0)
      raise<value_error>(operation, ": the statistics", of_layer(layer), " have seen ",
                         tokens_seen(seen) == 0 ? "" : "tokens, but selected ", "no activations");
    if constexpr (repairing_score<Score>) {
      static_assert(repairs,
                    "this score repairs weights for its own mask, and a refinement changes the "
                    "mask: end the refinements with tamp::refine::repair{}");
      auto own = score.repair(exec, operation, layer, weight, part_for(score, seen), pattern,
                              sparsity, count);
      static_cast<void>(chosen.keep = std::move(own.keep));
      chosen.note = std::move(own.note);
      if (chosen.keep.size() != 0) take_steps(no_scores{});
    } else {
      const auto choose_scored = [&](std::span<const float> values) {
        static_cast<void>(chosen.keep = mask::bitmask(rows, cols));
        if (chosen.keep.size() == 0) return;
        choose_by_score(exec, operation, layer, weight, score, values, pattern, sparsity,
                        chosen.keep, take_steps);
      };
      if constexpr (needs_statistic<Score>) {
        const auto& values = column_values(part_for(score, seen));
        check_statistics(values, cols, operation, layer);
        choose_scored(values);
      } else {
        choose_scored({});
      }
    }
  }

  // Takes one step that refines the mask. The last one, if it repairs, is taken by `repair`.
  template <executor E, class Source, class Scores, class Step>
  static void take_step(const E& exec, const tamp::detail::refined_layer& layer,
                        const Source& weight, const needs& seen, const Scores& scores,
                        const Step& step, refined_choice& chosen) {
    using namespace tamp::detail;
    if constexpr (!repairing_refinement<Step>) {
      constexpr bool knows_errors = !std::is_void_v<decltype(step.refine(
          exec, layer, weight, part_for(step, seen), scores, chosen.keep))>;
      if constexpr (knows_errors) {
        const layer_errors error =
            step.refine(exec, layer, weight, part_for(step, seen), scores, chosen.keep);
        if (!chosen.error) chosen.error = layer_errors{error.before, error.before, 0};
        chosen.error->after = error.after;
        chosen.error->swaps += error.swaps;
      } else {
        const mask::bitmask before = chosen.keep;
        step.refine(exec, layer, weight, part_for(step, seen), scores, chosen.keep);
        if constexpr (has_gram) {
          const auto& gram = part_of<stat::gram>(seen);
          const auto matrix = gram_matrix(layer.operation, layer.layer, chosen.keep.cols(), gram);
          const auto error_of = [&](const mask::bitmask& keep) {
            return error_of_mask(exec, layer.operation, layer.layer, weight, keep, matrix);
          };
          if (!chosen.error) chosen.error = layer_errors{error_of(before), 0, 0};
          chosen.error->after = error_of(chosen.keep);
        }
      }
    }
  }

  // The columns among which weights take each other's places, if any step moves them.
  template <class Pattern>
  static consteval std::size_t group_of() {
    if constexpr ((repairing_refinement<Steps> && ...))
      return 0;
    else
      return tamp::detail::exchange_group<Pattern>();
  }
  // False for a refinement that says so.
  template <class Step>
  static constexpr bool takes_groups = [] {
    if constexpr (requires { Step::exchanges_in_groups; })
      return Step::exchanges_in_groups;
    else
      return true;
  }();
  static constexpr bool has_gram =
      (std::is_same_v<tamp::detail::needed_statistic_of<Steps>, stat::gram> || ...);
};

}  // namespace tamp::inline TAMP_FLAGS::refine
