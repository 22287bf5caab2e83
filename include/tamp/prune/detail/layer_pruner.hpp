#pragma once

/// @file
/// The work of a recipe on one layer of a model: the decision, its report and the writing.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../../detail/checked.hpp"
#include "../../detail/function_ref.hpp"
#include "../../detail/ieee_arithmetic.hpp"
#include "../../mask/bitmask.hpp"
#include "../../model/detail/stopwatch.hpp"
#include "../../score/magnitude.hpp"
#include "../apply.hpp"
#include "../select.hpp"
#include "repaired_weight.hpp"
#include "running_report.hpp"
#include "zeros.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The decision about a layer, before anything of it is written: the mask, and the repaired weights
/// if the score makes some.
struct layer_decision {
  mask::bitmask keep;
  std::vector<double> numbers;  // row after row
  bool repairs = false;

  matrix_view<const double> weights() const { return {numbers.data(), keep.rows(), keep.cols()}; }
  void take(const mask::bitmask& mask) { keep = mask; }
  void take(const auto& repaired) {
    keep = repaired.keep;
    repairs = true;
    const matrix_view<const double> from = repaired.weights();
    numbers = checked_array<double>("prune", from.rows() * from.cols());
    for (std::size_t i = 0; i < from.rows(); ++i)
      for (std::size_t j = 0; j < from.cols(); ++j) numbers[i * from.cols() + j] = from(i, j);
  }
};

/// The work of a recipe on one weight of any type. action(done, seen, decision) decides at the
/// sparsity that the report `done` asks for, given the layer's statistic, and writes the weight. With
/// a `decision`, it stores the decision there and leaves the weight unchanged.
template <class Statistic>
using layer_action =
    function_ref<void(layer_report& done, const Statistic& seen, layer_decision* decision)>;

/// A receiver of the layers of a block: on_layer(k, name, action) returns true if the layer is done.
template <class Statistic>
using on_layer = function_ref<bool(std::size_t k, std::string_view name, layer_action<Statistic>)>;

/// Shows all layers of a block to a receiver, whatever the types of model, weights and recipe.
template <class Statistic>
using block_visit = function_ref<void(std::size_t block, on_layer<Statistic>)>;

/// Counts the inputs of a layer that were always zero, from its statistic. A statistic that does not
/// show them, with values() or diagonal(), gives 0.
template <class Statistics>
std::size_t count_dead(const Statistics& statistics) {
  const ieee_arithmetic as_usual;
  const auto zeros_of = [](const auto& values) {
    using value = std::remove_cvref_t<decltype(*values.begin())>;
    return static_cast<std::size_t>(std::count(values.begin(), values.end(), value{0}));
  };
  if constexpr (requires { statistics.diagonal(); })
    return zeros_of(statistics.diagonal());
  else if constexpr (requires { statistics.values(); } ||
                     std::convertible_to<const Statistics&, std::span<const float>>)
    return zeros_of(column_values(statistics));
  else
    return 0;
}

/// Counts the zeros in memory. The report shows these, and not the mask, as achieved.
template <class Weight>
void read_back(const any_executor& exec, const Weight& weight, layer_report& done) {
  const std::size_t zeros = count_zeros(exec, weight), dropped = done.size() - done.kept;
  if (zeros >= dropped) {
    done.kept_zeros = zeros - dropped;
    return;
  }
  done.kept = done.size() - zeros;
  done.note += sentence(done.note.empty() ? "" : "; ", "of ", dropped, " weights dropped, ",
                        dropped - zeros, " did not become zero");
}

/// Writes the decision about a layer: a mask, or a mask with repaired weights.
template <class Weight>
void write_decided(const any_executor& exec, running_report& report, layer_report& done,
                   Weight& weight, const mask::bitmask& keep) {
  const stopwatch applying;
  report.writing_begins(done);
  apply_layer(exec, "prune", done.name, keep, weight);
  done.apply = applying.seconds();
  done.kept = keep.count();
  read_back(exec, weight, done);
}
template <class Weight, class Repaired>
void write_decided(const any_executor& exec, running_report& report, layer_report& done,
                   Weight& weight, const Repaired& repaired) {
  const stopwatch applying;
  report.writing_begins(done);
  write_repaired(exec, "prune", done.name, repaired, weight);
  done.apply = applying.seconds();
  done.kept = repaired.keep.count();
  read_back(exec, weight, done);
}

/// Chooses the weights of a layer that stay.
template <class Weight, class Statistics, class Recipe>
mask::bitmask selected(const any_executor& exec, layer_report& done, const Weight& weight,
                       const Statistics& seen, const Recipe& recipe) {
  const stopwatch selecting;
  mask::bitmask keep = [&] {
    if constexpr (refining_score<typename Recipe::score_policy>) {
      auto refined = refine_layer(exec, "prune", done.name, weight, seen, recipe);
      done.error = refined.error;
      done.note = std::move(refined.note);
      return std::move(refined.keep);
    } else {
      return select_layer(exec, "prune", done.name, weight, seen, recipe);
    }
  }();
  done.select = selecting.seconds();
  return keep;
}

/// Chooses the weights of a layer that stay, and repairs them.
template <class Weight, class Statistics, class Recipe>
auto repaired(const any_executor& exec, layer_report& done, const Weight& weight,
              const Statistics& seen, const Recipe& recipe) {
  const stopwatch selecting;
  auto repaired = repair_layer(exec, "prune", done.name, weight, seen, recipe, done.drop);
  check_repaired<Weight>(exec, "prune", done.name, repaired);
  done.select = selecting.seconds();
  done.note = repaired.note;
  if constexpr (requires { done.error = repaired.error; }) done.error = repaired.error;
  return repaired;
}

/// The action of a recipe on the layers of a model, for weights of any type. The plan decides the
/// sparsities, so that the recipe's allocation is not part of this type: Recipe is the type that
/// recipe::at returns. Functions that depend on fewer types are outside, so that a program with many
/// recipes compiles them once.
template <class Recipe>
class layer_pruner {
 public:
  using score_policy = typename Recipe::score_policy;
  static constexpr bool calibrated = needs_statistic<score_policy>;
  using statistic =
      std::conditional_t<calibrated, needed_statistic_of<score_policy>, no_statistics>;

  /// `report` must outlive the pruner.
  layer_pruner(const any_executor& exec, const Recipe& recipe, running_report& report)
      : exec_(exec), recipe_(recipe), report_(report) {}

  /// The score's statistic before any token.
  statistic empty_statistic() const {
    if constexpr (calibrated)
      return statistic_of(recipe_.score);
    else
      return {};
  }

  /// The sparsity that the pattern fixes.
  std::optional<double> fixed_sparsity() const {
    if constexpr (Recipe::sparsity_is_fixed)
      return Recipe::pattern_policy::sparsity;
    else
      return {};
  }

  /// See layer_action. A layer that saw too few tokens is pruned by magnitude.
  template <class Weight>
  void operator()(Weight& weight, layer_report& done, const statistic& seen,
                  layer_decision* decision) const {
    require_prunable_rows<Weight>();
    const auto use = [&](const auto& decided) {
      if (decision != nullptr)
        decision->take(decided);
      else
        write_decided(exec_, report_, done, weight, decided);
    };
    const auto here = recipe_.at(done.asked);
    done.score = report_.labels().score;
    if constexpr (calibrated) {
      if (must_fall_back(done, seen)) {
        done.fell_back = true;
        done.score = label(score::magnitude{});
        const auto blind = recipe{score::magnitude{}, here.allocate, here.pattern};
        return use(selected(exec_, done, weight, no_statistics{}, blind));
      }
      done.dead_inputs = count_dead(seen);
    }
    if constexpr (repairing_score<score_policy>)
      use(repaired(exec_, done, weight, seen, here));
    else
      use(selected(exec_, done, weight, seen, here));
  }

 private:
  bool must_fall_back(layer_report& done, const statistic& seen) const {
    done.tokens = tokens_seen(seen);
    const bool selected_none = done.tokens != 0 && seen.tokens() == 0;
    if (selected_none) done.note = "none of its tokens was selected";
    return selected_none ||
           done.tokens < (std::max<std::uint64_t>)(report_.plan().fewest_tokens, 1);
  }

  any_executor exec_;
  Recipe recipe_;
  running_report& report_;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
