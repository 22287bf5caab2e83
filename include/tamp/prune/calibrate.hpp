#pragma once

/// @file
/// Calibration: statistics of a dense model, gathered before it is pruned.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "../error.hpp"
#include "../execute/operation.hpp"
#include "../model/detail/block_observer.hpp"
#include "../model/fingerprint.hpp"
#include "../model/host.hpp"
#include "../model/progress.hpp"
#include "../score/detail/scored_rows.hpp"
#include "../stat/concepts.hpp"
#include "detail/arguments.hpp"
#include "detail/measured_weights.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

/// A statistic with parts that have a total.
template <class Statistic>
concept kept_in_parts = requires(const Statistic& parts) { parts.total(); };

}  // namespace detail

/// The statistics of each layer of a dense model, one of each type. A value: comparable,
/// combinable, saveable (tamp/io/calibration.hpp).
///
///     auto seen = tamp::calibration_for(owl, das);   // the needs of both, once
///     tamp::calibrate(host, seen);                   // one pass through the model
///     const auto plan = tamp::plan(host, seen, recipe);
template <class... Statistics>
class calibration {
 public:
  calibration() = default;
  /// Makes a calibration whose statistics start as copies of `empty`.
  explicit calibration(std::tuple<Statistics...> empty) : empty_(std::move(empty)) {}

  std::size_t layers() const noexcept { return statistics_.size(); }
  /// The number of blocks that have been observed; `blocks` is the total.
  std::size_t blocks_done() const noexcept { return blocks_done_; }
  std::size_t blocks() const noexcept { return blocks_; }
  bool complete() const noexcept { return !first_of_block_.empty() && blocks_done_ == blocks_; }

  /// Returns a statistic of a layer. Layers are numbered through all blocks.
  /// @throws shape_error if there is no such layer
  template <class Statistic>
  const Statistic& of(std::size_t layer) const {
    return std::get<Statistic>(statistics_[kept_at<Statistic>(layer)]);
  }

  /// Fingerprints of the model (names, shapes, weights) and of the calibration set.
  std::uint64_t model() const noexcept { return model_; }
  std::uint64_t samples() const noexcept { return samples_; }

  /// The weights of the samples' tokens that were measured for the statistics (see stat::reach);
  /// none if the host gave them.
  const auto& weights() const noexcept
    requires(detail::weighed_by_measure<Statistics> || ...)
  {
    return weights_;
  }

  /// Adds the statistics of the same model on another set of samples. Sums are added, so that parts
  /// may be combined in any order, up to rounding.
  /// @throws value_error if one of the two is not complete, if they belong to different models, or
  ///         if the weights of tokens were measured for one of them alone
  calibration& combine(const calibration& other) {
    if (!complete() || !other.complete())
      detail::raise<value_error>(
          "calibration: only complete ones can be combined; these have seen ", blocks_done_, " of ",
          blocks_, " and ", other.blocks_done_, " of ", other.blocks_, " blocks");
    if (model_ != other.model_)
      detail::raise<value_error>("calibration: the parts to combine were made with the models ",
                                 detail::hexadecimal(model_), " and ",
                                 detail::hexadecimal(other.model_));
    if (names_ != other.names_ || first_of_block_ != other.first_of_block_)
      detail::raise<value_error>("calibration: the parts to combine have other layers: ", layers(),
                                 " in ", blocks_, " blocks and ", other.layers(), " in ",
                                 other.blocks_);
    if (has_measured_weights() != other.has_measured_weights())
      detail::raise<value_error>(
          "calibration: the weights of tokens were measured for one of the parts to combine, and "
          "given by the host for the other");
    auto merged = statistics_;
    for (std::size_t k = 0; k < merged.size(); ++k)
      (std::get<Statistics>(merged[k]).combine(std::get<Statistics>(other.statistics_[k])), ...);
    if constexpr (measures_weights)
      if (has_measured_weights()) weights_.combine(other.weights_);
    statistics_ = std::move(merged);
    samples_ += other.samples_;
    return *this;
  }

  /// The name that the host gives a layer.
  /// @throws shape_error if there is no such layer
  const std::string& name(std::size_t layer) const {
    check_layer(layer);
    return names_[layer];
  }
  /// The first layer with the same input, which keeps the statistics of it.
  /// @throws shape_error if there is no such layer
  std::size_t input_of(std::size_t layer) const {
    check_layer(layer);
    const auto after = std::upper_bound(first_of_block_.begin(), first_of_block_.end(), layer);
    return *(after - 1) + places_[layer].input;
  }

  /// Returns the totals of statistics that are kept in parts (see stat::pairwise), as statistics
  /// that policies read.
  [[nodiscard]] auto totals() const
    requires(detail::kept_in_parts<Statistics> && ...)
  {
    calibration<decltype(std::declval<const Statistics&>().total())...> all(
        std::tuple(std::get<Statistics>(empty_).total()...));
    for (const auto& of_layer : statistics_)
      all.statistics_.emplace_back(std::get<Statistics>(of_layer).total()...);
    all.places_ = places_;
    all.names_ = names_;
    all.first_of_block_ = first_of_block_;
    all.model_ = model_;
    all.samples_ = samples_;
    if constexpr (std::is_same_v<decltype(all.weights_), kept_weights>) all.weights_ = weights_;
    all.blocks_ = blocks_;
    all.blocks_done_ = blocks_done_;
    return all;
  }

  /// Visits the contents, for files: calls `visit(name, value)` for every component of the
  /// statistics of the observed blocks, each a std::vector<double>& or a std::uint64_t&.
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    for (std::size_t k = 0; k < self.layers_done(); ++k)
      (fields_of<Statistics>(self, k, visit), ...);
    if constexpr (measures_weights)
      kept_weights::fields(self.weights_, [&](std::string_view name, auto& value) {
        visit(detail::sentence("weights.", name), value);
      });
  }

  /// An empty statistic of each kind.
  const std::tuple<Statistics...>& empty_statistics() const noexcept { return empty_; }
  /// Returns an empty calibration of the same kind.
  calibration emptied() const { return calibration(empty_); }

  /// Marks the first blocks as observed, for files, after `prepare`. Fill in their statistics
  /// through `fields`.
  /// @throws value_error if there are fewer blocks
  void resume_at(std::size_t blocks_done) {
    if (blocks_done > blocks_)
      detail::raise<value_error>("calibration: ", blocks_done, " of ", blocks_,
                                 " blocks cannot have been done");
    blocks_done_ = blocks_done;
  }

  /// Checks the statistics that were filled in.
  /// @param source their origin, such as a file's name
  /// @throws value_error if they are inconsistent, naming source and fields
  void validate(std::string_view source) const {
    for (std::size_t k = 0; k < layers_done(); ++k)
      (validate_one(source, detail::sentence("layer.", k, '.', index_of<Statistics>()),
                    std::get<Statistics>(statistics_[k])),
       ...);
    if constexpr (measures_weights) validate_one(source, "weights", weights_);
  }

  /// The names of the statistics, with their parameters.
  std::string label() const {
    std::string text;
    ((text += (text.empty() ? "" : ", ") + std::string(std::get<Statistics>(empty_).label())), ...);
    return text;
  }

  friend bool operator==(const calibration& a, const calibration& b) {
    return a.statistics_ == b.statistics_ && a.blocks_ == b.blocks_ &&
           a.blocks_done_ == b.blocks_done_ && a.model_ == b.model_ && a.samples_ == b.samples_ &&
           a.weights_ == b.weights_;
  }

  /// Prepares an empty calibration for a model, with one statistic for each layer. A calibration
  /// that already belongs to the model keeps its statistics. `samples` is the fingerprint of the
  /// calibration set.
  /// @throws value_error if it belongs to another model or calibration set, naming both
  template <executor E, tamp::model Model>
  void prepare(const E& exec, Model& host) {
    prepare(exec, host, detail::samples_fingerprint(host));
  }
  template <executor E, tamp::model Model>
  void prepare(const E& exec, Model& host, std::uint64_t samples) {
    detail::check_shown<(observable::none | ... | given_to<Statistics>)>(host);
    const std::uint64_t model = detail::model_fingerprint(detail::any_executor(exec), host);
    if (blocks_done_ != 0 || has_measured_weights()) check_fingerprints(model, samples);
    model_ = model;
    samples_ = samples;
    blocks_ = detail::block_count(host);
    places_.clear();
    names_.clear();
    first_of_block_.assign(1, 0);
    for (std::size_t block = 0; block < blocks_; ++block) {
      std::size_t layer = 0;
      host.visit_layers(block, [&](std::string_view name, auto&&) {
        names_.emplace_back(name);
        places_.push_back({detail::input_of(host, block, layer)});
        ++layer;
      });
      first_of_block_.push_back(places_.size());
    }
    statistics_.resize(places_.size(), empty_);
  }

  /// Replaces the contents by statistics from elsewhere: of_layer(name, rows, cols) returns that
  /// of a layer. The weights are not read, so that model() is 0 and such a calibration can be
  /// combined with its kind alone.
  template <layered_model Model, class OfLayer>
    requires(sizeof...(Statistics) == 1)
  void assign(Model& host, OfLayer&& of_layer) {
    calibration given(empty_);
    detail::for_each_shape(
        host, [&](std::size_t block, std::string_view name, std::size_t rows, std::size_t cols) {
          given.first_of_block_.resize(block + 1, given.statistics_.size());
          given.places_.push_back({given.statistics_.size() - given.first_of_block_[block]});
          given.statistics_.emplace_back(of_layer(name, rows, cols));
          given.names_.emplace_back(name);
        });
    given.blocks_ = given.blocks_done_ = detail::block_count(host);
    given.first_of_block_.resize(given.blocks_ + 1, given.statistics_.size());
    *this = std::move(given);
  }

  /// Measures the weights of the host's tokens, from where they end, and returns a pointer to them.
  /// It is null if the callback stopped it.
  template <executor E, tamp::model Model>
  const auto* measure_weights(const E& exec, Model& host, const progress_callback& on_progress)
    requires(detail::weighed_by_measure<Statistics> || ...)
  {
    const bool is_done = std::apply(
        [&](const auto&... empty) {
          return detail::measured_weighting(empty...).measure(exec, host, weights_, on_progress);
        },
        empty_);
    return is_done ? &weights_ : nullptr;
  }
  /// Replaces them by weights that were measured elsewhere.
  template <class Weights>
  void set_weights(Weights weights) {
    weights_ = std::move(weights);
  }

  /// Observes the next block.
  /// @throws value_error if all blocks were observed
  template <executor E, tamp::model Model>
  void observe_next(const E& exec, Model& host) {
    observe_next([&](std::vector<std::tuple<Statistics...>>& seen,
                     std::span<const detail::statistic_place> places) {
      detail::observe_block(exec, host, blocks_done_, seen, places);
    });
  }
  /// The same by another way to observe: `observe(seen, places)` gets an empty statistic of each
  /// kind for each layer of the block.
  template <class Observe>
    requires std::invocable<Observe&, std::vector<std::tuple<Statistics...>>&,
                            std::span<const detail::statistic_place>>
  void observe_next(Observe&& observe) {
    if (blocks_done_ == blocks_)
      detail::raise<value_error>("calibration: all ", blocks_, " blocks were observed");
    const std::size_t begin = first_of_block_[blocks_done_],
                      count = first_of_block_[blocks_done_ + 1] - begin;
    std::vector<std::tuple<Statistics...>> seen(count, empty_);
    observe(seen, std::span<const detail::statistic_place>(places_).subspan(begin, count));
    std::move(seen.begin(), seen.end(), statistics_.begin() + static_cast<std::ptrdiff_t>(begin));
    ++blocks_done_;
  }

 private:
  template <class... Others>
  friend class calibration;

  static constexpr bool measures_weights = (detail::weighed_by_measure<Statistics> || ...);
  using kept_weights = std::conditional_t<measures_weights, token_weights, detail::no_weights>;
  // The observations that a host must show for a statistic. Weights that can be measured are not
  // among them.
  template <class Statistic>
  static constexpr observable given_to =
      detail::weighed_by_measure<Statistic> ? observables_read<Statistic> & ~observable::weights
                                            : observables_read<Statistic>;

  bool has_measured_weights() const {
    if constexpr (measures_weights)
      return !(weights_ == kept_weights{});
    else
      return false;
  }

  template <class Statistic>
  static constexpr std::size_t index_of() {
    std::size_t index = 0;
    (void)((std::is_same_v<Statistic, Statistics> || (++index, false)) || ...);
    return index;
  }

  template <class Statistic, class Self, class Visit>
  static void fields_of(Self& self, std::size_t layer, const Visit& visit) {
    Statistic::fields(
        std::get<Statistic>(self.statistics_[layer]), [&](std::string_view name, auto& value) {
          visit(detail::sentence("layer.", layer, '.', index_of<Statistic>(), '.', name), value);
        });
  }

  template <class Part>
  static void validate_one([[maybe_unused]] std::string_view source,
                           [[maybe_unused]] std::string_view name, const Part& part) {
#if TAMP_EXCEPTIONS
    try {
      part.validate();
    } catch (const error& problem) {
      detail::raise<value_error>(source, ": ", name, ": ", problem.what());
    }
#else
    part.validate();
#endif
  }

  void check_layer(std::size_t layer) const {
    if (layer >= layers())
      detail::raise<shape_error>("calibration: there is no layer ", layer, " of ", layers());
  }

  std::size_t layers_done() const noexcept {
    return first_of_block_.empty() ? 0 : first_of_block_[blocks_done_];
  }

  template <class Statistic>
  std::size_t kept_at(std::size_t layer) const {
    check_layer(layer);
    const auto after = std::upper_bound(first_of_block_.begin(), first_of_block_.end(), layer);
    const std::size_t first = *(after - 1);
    return first + places_[layer].template of<Statistic>(layer - first);
  }

  void check_fingerprints(std::uint64_t model, std::uint64_t samples) const {
    if (model != model_)
      detail::raise<value_error>("calibration: made with the model ", detail::hexadecimal(model_),
                                 ", this one is ", detail::hexadecimal(model));
    if (samples != samples_)
      detail::raise<value_error>("calibration: made with the samples ",
                                 detail::hexadecimal(samples_), ", these are ",
                                 detail::hexadecimal(samples));
  }

  std::tuple<Statistics...> empty_;
  std::vector<std::tuple<Statistics...>> statistics_;
  std::vector<detail::statistic_place> places_;
  std::vector<std::string> names_;
  std::vector<std::size_t> first_of_block_;  // index of its first layer; one more at the end
  std::uint64_t model_ = 0, samples_ = 0;
  [[no_unique_address]] kept_weights weights_;
  std::size_t blocks_ = 0, blocks_done_ = 0;
};

namespace detail {

template <class Known, class Statistic>
struct with_statistic;
template <class... Known, class Statistic>
struct with_statistic<std::tuple<Known...>, Statistic> {
  static constexpr bool is_known = (std::is_same_v<Known, Statistic> || ...);
  using type = std::conditional_t<is_known, std::tuple<Known...>, std::tuple<Known..., Statistic>>;
};

/// Returns the tuple of the statistics that policies need, each type once.
template <class... Known>
auto join_needs(const std::tuple<Known...>& known) {
  return known;
}
template <class... Known, class Policy, class... Rest>
auto join_needs(const std::tuple<Known...>& known, const Policy& policy, const Rest&... rest) {
  if constexpr (!needs_statistic<Policy>) {
    return join_needs(known, rest...);
  } else {
    auto wanted = statistic_of(policy);
    using joined = with_statistic<std::tuple<Known...>, decltype(wanted)>;
    if constexpr (joined::is_known) {
      if (!(std::get<decltype(wanted)>(known) == wanted))
        raise<value_error>("calibration: two policies need a statistic with different parameters: ",
                           std::get<decltype(wanted)>(known).label(), " and ", wanted.label());
      return join_needs(known, rest...);
    } else {
      return join_needs(std::tuple_cat(known, std::tuple(std::move(wanted))), rest...);
    }
  }
}

template <class Tuple>
struct calibration_of_tuple;
template <class... Statistics>
struct calibration_of_tuple<std::tuple<Statistics...>> {
  using type = calibration<Statistics...>;
};

}  // namespace detail

/// Returns an empty calibration for the statistics that the given policies need, so that one pass
/// serves several of them. Policies without needs are accepted.
/// @throws value_error if two policies need the same statistic with different parameters
template <class... Policies>
[[nodiscard]] auto calibration_for(const Policies&... policies) {
  auto empty = detail::join_needs(std::tuple<>(), policies...);
  return typename detail::calibration_of_tuple<decltype(empty)>::type(std::move(empty));
}

/// Returns the calibration of a model whose statistics come from elsewhere, for plan and
/// prune_model: of_layer(name, rows, cols) returns the statistic of a layer. Weights are not read.
///
///     const auto seen = tamp::calibration_from<tamp::stat::column_norm>(
///         host, [&](std::string_view name, std::size_t, std::size_t cols) {
///           return tamp::stat::column_norm::of(norms_of(name, cols), tokens);
///         });
///     tamp::prune_model(host, seen, plan, recipe);
template <class Statistic, layered_model Model, class OfLayer>
[[nodiscard]] calibration<Statistic> calibration_from(Model& host, OfLayer&& of_layer) {
  calibration<Statistic> seen;
  seen.assign(host, of_layer);
  return seen;
}

/// The type of tamp::calibrate.
struct calibrate_operation : detail::operation<calibrate_operation> {
  using detail::operation<calibrate_operation>::operator();

  template <executor E, class Model, class... Statistics>
  bool operator()(const E& exec, Model& host, calibration<Statistics...>& seen,
                  const progress_callback& on_progress = {}) const {
    static_cast<void>(detail::check_model_argument<Model>());
    (static_cast<void>(detail::check_statistic<Statistics>()), ...);
    static_assert(
        rewindable_model<Model>,
        "looking at the dense model first takes a pass of its own: give the host a rewind() "
        "that puts the samples back to where the first block takes them");
    seen.prepare(exec, host);
    if (seen.complete()) return true;
    const auto measure = [&](auto& unweighed) {
      return seen.measure_weights(exec, unweighed, on_progress);
    };
    return detail::with_measured_weights<Statistics...>(
        host, measure, [&](auto& shown) { return gather(exec, shown, seen, on_progress); });
  }

 private:
  template <executor E, class Model, class... Statistics>
  static bool gather(const E& exec, Model& host, calibration<Statistics...>& seen,
                     const progress_callback& on_progress) {
    host.rewind();
    for (std::size_t block = 0; block < seen.blocks(); ++block) {
      if (on_progress && !on_progress({block, seen.blocks(), 0, seen.layers(), {}, true}))
        return false;
      if (block == seen.blocks_done()) seen.observe_next(exec, host);
      if (block + 1 < seen.blocks()) host.advance(block);
    }
    return true;
  }
};

/// Sends the calibration samples through the dense model, block by block, and gathers statistics:
/// calibrate(where, host, seen, on_progress).
///
/// The callback is called before each block. `seen` is then consistent and may be saved. A
/// calibration that was stopped, or loaded from a file, continues where it stopped: observed blocks
/// are only run forward. The result is the same to the bit. Weights of tokens that a statistic
/// takes from whole samples (stat::reach) are measured first, sample by sample.
/// @returns true if the calibration is complete, false if the callback stopped it
/// @throws value_error if `seen` belongs to another model or calibration set, or if an activation
///         is not finite; `seen` then holds the blocks before it
inline constexpr calibrate_operation calibrate{};

}  // namespace tamp::inline TAMP_FLAGS
