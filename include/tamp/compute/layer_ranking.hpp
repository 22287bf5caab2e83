#pragma once

/// @file
/// The order in which layers can do less for visual tokens.

#include <algorithm>
#include <compare>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/special_numbers.hpp"
#include "../error.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// A set of layers as text: "{0, 3, 17}".
inline std::string set_text(std::span<const std::size_t> layers) {
  std::string text = "{";
  for (std::size_t k = 0; k < layers.size(); ++k) text += sentence(k == 0 ? "" : ", ", layers[k]);
  return text + '}';
}

/// Returns a sentence on the fault of a set or its divergence, or an empty string.
inline std::string problem_of(std::span<const std::size_t> layers, double divergence) {
  for (std::size_t k = 1; k < layers.size(); ++k)
    if (layers[k - 1] >= layers[k])
      return sentence("the set ", set_text(layers), " is not ascending");
  if (is_nan(divergence))
    return sentence("the divergence of the layers ", set_text(layers), " is ", divergence);
  return {};
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::compute {

/// The known divergences of sets of layers: the change of the model's output with exactly those
/// layers reduced. A value that belongs to one model, one way of reducing and one set of samples,
/// none of which it records. tamp/io/layer_ranking.hpp saves and loads it.
class evaluated_sets {
 public:
  using set = std::vector<std::size_t>;  ///< of layers, ascending

  std::size_t size() const noexcept { return divergences_.size(); }
  bool empty() const noexcept { return divergences_.empty(); }
  /// The sets and their divergences, in lexicographic order.
  auto begin() const noexcept { return divergences_.begin(); }
  auto end() const noexcept { return divergences_.end(); }

  /// Returns the divergence of a set, if it is known.
  std::optional<double> find(const set& layers) const {
    const auto found = divergences_.find(layers);
    if (found == divergences_.end()) return std::nullopt;
    return found->second;
  }

  /// Adds a set. Its divergence may be infinite.
  /// @returns true if the set is new
  /// @throws value_error if the layers do not ascend, the divergence is NaN, or another divergence
  ///         of the set is known
  bool insert(const set& layers, double divergence) {
    if (const std::string problem = detail::problem_of(layers, divergence); !problem.empty())
      detail::raise<value_error>("evaluated_sets: ", problem);
    const auto [place, added] = divergences_.try_emplace(layers, divergence);
    if (place->second != divergence)
      detail::raise<value_error>("evaluated_sets: the divergence of the layers ",
                                 detail::set_text(layers), " is ", place->second, ", and not ",
                                 divergence);
    return added;
  }

  /// Adds the sets of another evaluation, for example from another machine.
  /// @throws value_error if both know a set, with different divergences; nothing is added then
  evaluated_sets& combine(const evaluated_sets& other) {
    evaluated_sets both = *this;
    for (const auto& [layers, divergence] : other) both.insert(layers, divergence);
    *this = std::move(both);
    return *this;
  }

  friend bool operator==(const evaluated_sets&, const evaluated_sets&) = default;

  /// Prints one line for each set: "{0, 3} 0.25".
  friend std::ostream& operator<<(std::ostream& out, const evaluated_sets& known) {
    for (const auto& [layers, divergence] : known)
      out << detail::sentence(detail::set_text(layers), ' ', divergence, '\n');
    return out;
  }

 private:
  std::map<set, double> divergences_;
};

/// The progress of a ranking.
struct ranking_progress {
  std::size_t evaluated = 0, evaluations = 0;  ///< of all sets that the ranking needs
  std::span<const std::size_t> order;          ///< the layers ranked so far
  std::span<const std::size_t> next;           ///< the set to be evaluated now
  const evaluated_sets& known;                 ///< may be saved
};

/// A callback that is called before each set is evaluated and returns true to continue.
using ranking_callback = std::function<bool(const ranking_progress&)>;

/// Ranks layers in the order in which they can be reduced, the least important first.
///
/// Use it to choose the layers in which compute::dynamic_ffn or compute::hollow_attention replace
/// the whole computation: the first ones of the order. `divergence(layers)` is a function of the
/// host. It runs a few samples with exactly these layers reduced, an ascending span, and returns
/// the change of the output, such as the mean Kullback-Leibler divergence from the whole model's.
///
///     greedy:    order(i) = the layer l not yet in the order with the least
///                divergence({order(0), ..., order(i - 1), l})        layers (layers + 1) / 2 sets
///     one-shot:  by divergence({l})                                  `layers` sets
///
/// Ties: the lower layer comes first. Sets in `known` are not evaluated again. All evaluated sets
/// are added to it, also when the callback stops the ranking or the host throws, so that another
/// call continues where it stopped. The divergences along the order are in `known`, too.
///
/// Source: Li et al. 2025, RedundancyLens (arXiv 2501.19036).
struct layer_ranking {
  bool greedy = true;

  std::string label() const { return greedy ? "layer_ranking greedy" : "layer_ranking one-shot"; }

  /// Returns the layers in order: all `layers`, or fewer if the callback stopped the ranking.
  /// @throws value_error if a divergence is NaN, naming the set, or if the number of sets overflows
  template <class Divergence>
    requires std::is_invocable_r_v<double, Divergence&, std::span<const std::size_t>>
  std::vector<std::size_t> operator()(std::size_t layers, Divergence&& divergence,
                                      evaluated_sets& known,
                                      const ranking_callback& on_progress = {}) const {
    struct candidate {
      double divergence;
      std::size_t layer;
      auto operator<=>(const candidate&) const = default;
    };
    std::vector<std::size_t> order, reduced, set;
    const std::size_t evaluations = greedy ? pairs_up_to(layers) : layers;
    std::vector<candidate> candidates;
    for (std::size_t evaluated = 0; order.size() < layers;) {
      candidates.clear();
      for (std::size_t layer = 0; layer < layers; ++layer) {
        const auto place = std::lower_bound(reduced.begin(), reduced.end(), layer);
        if (place != reduced.end() && *place == layer) continue;
        set.assign(reduced.begin(), place);
        set.push_back(layer);
        set.insert(set.end(), place, reduced.end());
        std::optional<double> moved = known.find(set);
        if (!moved) {
          if (on_progress && !on_progress({evaluated, evaluations, order, set, known}))
            return order;
          moved = evaluate(divergence, set);
          known.insert(set, *moved);
        }
        candidates.push_back({*moved, layer});
        ++evaluated;
      }
      std::sort(candidates.begin(), candidates.end());
      if (greedy) candidates.resize(1);
      for (const candidate& best : candidates) order.push_back(best.layer);
      reduced = order;
      std::sort(reduced.begin(), reduced.end());
    }
    return order;
  }

  /// Ranks without known sets, and keeps none.
  template <class Divergence>
    requires std::is_invocable_r_v<double, Divergence&, std::span<const std::size_t>>
  std::vector<std::size_t> operator()(std::size_t layers, Divergence&& divergence) const {
    evaluated_sets known;
    return (*this)(layers, divergence, known);
  }

  friend bool operator==(const layer_ranking&, const layer_ranking&) = default;

 private:
  // Returns layers (layers + 1) / 2. One of the factors is even.
  static std::size_t pairs_up_to(std::size_t layers) {
    const std::size_t after = detail::checked_sum<value_error>("layer_ranking", layers, 1);
    const bool is_even = layers % 2 == 0;
    return detail::checked_product<value_error>("layer_ranking", is_even ? layers / 2 : layers,
                                                is_even ? after : after / 2);
  }

  template <class Divergence>
  static double evaluate(Divergence& divergence, const std::vector<std::size_t>& set) {
    const double moved = divergence(std::span<const std::size_t>(set));
    if (const std::string problem = detail::problem_of(set, moved); !problem.empty())
      detail::raise<value_error>("layer_ranking: ", problem);
    return moved;
  }
};

}  // namespace tamp::inline TAMP_FLAGS::compute
