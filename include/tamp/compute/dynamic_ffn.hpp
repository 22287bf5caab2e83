#pragma once

/// @file
/// RedundancyLens: the feed-forward channels that visual tokens need.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string>
#include <type_traits>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../execute/detail/for_each_strip.hpp"
#include "../execute/operation.hpp"
#include "../tensor/rows.hpp"
#include "../tensor/traits.hpp"

namespace tamp::inline TAMP_FLAGS::compute {

/// Chooses the feed-forward channels to compute for an image's tokens, from a few of the tokens:
/// RedundancyLens' probe-activated dynamic FFN.
///
/// Use it in layers that barely change visual tokens (compute::layer_ranking finds them). Run the
/// probe tokens in full, and choose the channels. Gather their rows of the gate and up projections
/// and their columns of the down projection once (compute::gather_rows, gather_columns). Run the
/// image's other tokens through these. Run text through the whole weights. With `whole_probe` the
/// output of the probe tokens is that of the whole weights. Without it their output comes from the
/// gathered weights as well, as that of all other visual tokens does. The probe then takes part in
/// one product with them, and has no need of the whole down projection.
///
///     probe    = trunc(linspace(0, n - 1, max(1, n / probe_every))) of the n visual tokens
///     score(j) = mean over the probe of |hidden(t, j)|
///     kept     = the round(channels * keep_ratio) channels of highest score, at least one
///
/// `hidden` is the input of the down projection, (tokens, channels). Halves are rounded to the even
/// number. Ties: the lower channel is dropped first. Sums are in double and in the probe's order,
/// so that the bits do not depend on the executor.
///
/// Source: Li et al. 2025, RedundancyLens (arXiv 2501.19036).
struct dynamic_ffn {
  double keep_ratio = 0.2;
  std::size_t probe_every = 10;
  bool whole_probe = true;  ///< the output of the probe tokens is that of all channels

  std::string label() const {
    return detail::sentence("dynamic_ffn ", keep_ratio, ' ', probe_every,
                            whole_probe ? "" : " reduced_probe");
  }

  /// Returns the visual tokens to compute in full, ascending: places among the visual tokens,
  /// evenly spaced from the first to the last. Only the first if they are fewer than 2 probe_every;
  /// empty if there are none.
  /// @throws value_error if probe_every is 0
  std::vector<std::size_t> probe(std::size_t visual_tokens) const {
    const detail::ieee_arithmetic as_usual;
    check_parameters();
    if (visual_tokens == 0) return {};
    auto rows = detail::checked_array<std::size_t>(
        "dynamic_ffn", (std::max)(std::size_t{1}, visual_tokens / probe_every));
    // The arithmetic of numpy.linspace, which may give just less than a whole number, and
    // truncates.
    const auto steps = static_cast<double>(rows.size() - 1);
    const double step = rows.size() == 1 ? 0.0 : static_cast<double>(visual_tokens - 1) / steps;
    for (std::size_t k = 1; k < rows.size(); ++k)
      rows[k] = static_cast<std::size_t>(static_cast<double>(k) * step);
    if (rows.size() != 1) rows.back() = visual_tokens - 1;
    return rows;
  }

  /// Returns the number of channels that are kept.
  /// @throws value_error if keep_ratio is not in [0, 1]
  std::size_t kept(std::size_t channels) const {
    const detail::ieee_arithmetic as_usual;
    check_parameters();
    const double wanted = static_cast<double>(channels) * keep_ratio, below = std::floor(wanted);
    if (below >= static_cast<double>(channels)) return channels;
    auto count = static_cast<std::size_t>(below);
    if (wanted - below > 0.5 || (wanted - below == 0.5 && count % 2 == 1)) ++count;
    return (std::min)(channels, (std::max)(count, std::size_t{1}));
  }

  /// Returns the kept channels, ascending, from the activations of all visual tokens, of which it
  /// reads those of the probe. Use it in a host that has them all, and in studies: it saves no
  /// work.
  /// @throws shape_error if there is no token
  /// @throws value_error if an activation of the probe is not finite, naming token and channel, or
  ///         if a parameter cannot be used
  template <executor E, tensor_argument Hidden>
  std::vector<std::size_t> channels(const E& exec, const Hidden& hidden) const {
    const detail::ieee_arithmetic as_usual;
    return detail::with_source(hidden, [&](const auto& source) {
      if (static_cast<std::size_t>(source.cols()) == 0 &&
          static_cast<std::size_t>(source.rows()) != 0)
        return check_parameters(), std::vector<std::size_t>{};
      return choose(exec, source, probe(static_cast<std::size_t>(source.rows())), "token ");
    });
  }

  /// Returns the kept channels from the activations of the probe alone, (probe tokens, channels),
  /// for an engine that has computed only those.
  /// @throws shape_error and value_error as `channels` does; a token is named by its place in the
  ///         probe
  template <executor E, tensor_argument Hidden>
  std::vector<std::size_t> channels_of_probe(const E& exec, const Hidden& probe_hidden) const {
    const detail::ieee_arithmetic as_usual;
    check_parameters();
    return detail::with_source(probe_hidden, [&](const auto& source) {
      if (static_cast<std::size_t>(source.cols()) == 0 &&
          static_cast<std::size_t>(source.rows()) != 0)
        return std::vector<std::size_t>{};
      auto rows = detail::checked_array<std::size_t>("dynamic_ffn",
                                                     static_cast<std::size_t>(source.rows()));
      std::iota(rows.begin(), rows.end(), std::size_t{0});
      return choose(exec, source, rows, "probe token ");
    });
  }

  friend bool operator==(const dynamic_ffn&, const dynamic_ffn&) = default;

 private:
  void check_parameters() const {
    if (probe_every == 0 || !detail::is_fraction(keep_ratio))
      detail::raise<value_error>("dynamic_ffn: the ratio to keep is ", keep_ratio,
                                 " (of 0 to 1), and one token is probed of every ", probe_every);
  }

  template <executor E, class Source>
  std::vector<std::size_t> choose(const E& exec, const Source& hidden,
                                  const std::vector<std::size_t>& rows, const char* token) const {
    if (rows.empty()) detail::raise<shape_error>("dynamic_ffn: there is no visual token to probe");
    const std::vector<double> scores =
        detail::with_memory("dynamic_ffn", [&] { return means(exec, hidden, rows); });
    for (std::size_t j = 0; j < scores.size(); ++j)
      if (!is_finite(scores[j])) refuse(hidden, rows, j, token);
    std::vector<std::size_t> order(scores.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto end = order.begin() + static_cast<std::ptrdiff_t>(kept(order.size()));
    std::nth_element(order.begin(), end, order.end(), [&](std::size_t a, std::size_t b) {
      return scores[a] > scores[b] || (scores[a] == scores[b] && a > b);
    });
    order.erase(end, order.end());
    std::sort(order.begin(), order.end());
    return order;
  }

  template <executor E, class Source>
  static std::vector<double> means(const E& exec, const Source& hidden,
                                   const std::vector<std::size_t>& rows) {
    auto scores =
        detail::checked_array<double>("dynamic_ffn", static_cast<std::size_t>(hidden.cols()));
    const auto add = [&](auto read, std::size_t begin, std::size_t end) {
      for (const std::size_t t : rows) {
        const auto row = read(t);
        for (std::size_t j = begin; j < end; ++j)
          scores[j] += std::fabs(static_cast<double>(row[j - begin]));
      }
      for (std::size_t j = begin; j < end; ++j) scores[j] /= static_cast<double>(rows.size());
    };
    if constexpr (viewable<Source>) {
      // Strips of channels stay in the first-level cache. Each sum belongs to one thread.
      constexpr std::size_t width = 512;
      detail::for_each_strip(exec, scores.size(), width, rows.size(),
                             [&](std::size_t begin, std::size_t end) {
                               for (std::size_t first = begin; first < end; first += width) {
                                 const std::size_t last = (std::min)(first + width, end);
                                 const Source strip(&hidden(0, first), hidden.rows(), last - first,
                                                    hidden.row_stride(), hidden.col_stride());
                                 add(detail::row_reader(strip), first, last);
                               }
                             });
    } else {
      add(detail::row_reader(hidden), 0, scores.size());
    }
    return scores;
  }

  template <class Source>
  [[noreturn]] static void refuse(const Source& hidden, const std::vector<std::size_t>& rows,
                                  std::size_t channel, const char* token) {
    detail::row_reader read(hidden);
    for (const std::size_t t : rows)
      if (const auto value = read(t)[channel]; !is_finite(value))
        detail::raise<value_error>("dynamic_ffn: the activation of ", token, t, ", channel ",
                                   channel, " is ", value);
    detail::raise<value_error>("dynamic_ffn: the activations of channel ", channel,
                               " are too large for their mean to be found");
  }
};

/// The type of compute::channels.
struct channels_operation : tamp::detail::operation<channels_operation> {
  using tamp::detail::operation<channels_operation>::operator();

  template <executor E, tensor_argument Hidden>
  [[nodiscard]] std::vector<std::size_t> operator()(const E& exec, const Hidden& hidden,
                                                    const dynamic_ffn& policy) const {
    return policy.channels(exec, hidden);
  }
};
/// Returns the kept channels, from the activations of all visual tokens:
/// channels(where, hidden, policy).
/// @see dynamic_ffn::channels
inline constexpr channels_operation channels{};

/// The type of compute::channels_of_probe.
struct channels_of_probe_operation : tamp::detail::operation<channels_of_probe_operation> {
  using tamp::detail::operation<channels_of_probe_operation>::operator();

  template <executor E, tensor_argument Hidden>
  [[nodiscard]] std::vector<std::size_t> operator()(const E& exec, const Hidden& probe_hidden,
                                                    const dynamic_ffn& policy) const {
    return policy.channels_of_probe(exec, probe_hidden);
  }
};
/// Returns the kept channels, from the activations of the probe alone:
/// channels_of_probe(where, hidden, policy).
/// @see dynamic_ffn::channels_of_probe
inline constexpr channels_of_probe_operation channels_of_probe{};

}  // namespace tamp::inline TAMP_FLAGS::compute
