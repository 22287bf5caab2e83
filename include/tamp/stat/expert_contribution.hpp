#pragma once

/// @file
/// The contribution of each expert of a layer: gate times norm of its output.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../element.hpp"
#include "../error.hpp"
#include "../execute/adds_anywhere.hpp"
#include "../execute/executor.hpp"
#include "../tensor/detail/finite.hpp"
#include "../tensor/rows.hpp"
#include "../tensor/traits.hpp"

namespace tamp::inline TAMP_FLAGS::stat {

/// The mean contribution of each expert of a layer, over the tokens that were sent to it.
///
///     score(e) = 1 / tokens(e) * sum over tokens t sent to e of gate(t, e) * || output_e(t) ||
///
/// A host calls `add` for each expert with the gates and the outputs of the tokens that it computed
/// for this expert, (tokens, width), before they are multiplied by the gate. An expert that saw no
/// token scores 0; tokens() says so, and structure::experts_to_drop names it.
///
/// Norms and sums are in double, tokens in order: the same for any number of threads and any layout.
/// Another split into calls changes a sum by rounding alone. Memory: two numbers for each expert.
///
/// Source: Lasby et al. 2025, REAP (arXiv 2510.13999), router-weighted expert activation pruning.
/// @see stat::router_gates, the gates of a softmax router
class [[nodiscard]] expert_contribution : public tamp::detail::adds_anywhere<expert_contribution> {
 public:
  using tamp::detail::adds_anywhere<expert_contribution>::add;

  static constexpr std::string_view label() { return "expert_contribution"; }

  /// Makes a statistic of no experts. `combine` sets the number.
  expert_contribution() = default;
  /// @throws shape_error if memory cannot hold that many experts
  explicit expert_contribution(std::size_t experts)
      : sums_(tamp::detail::checked_array<double>(label(), experts)),
        tokens_(tamp::detail::checked_array<double>(label(), experts)) {}

  /// Adds tokens that were sent to an expert: a gate for each, and the expert's outputs.
  /// @throws shape_error if there is no such expert, or there is not one gate for each row
  /// @throws value_error if a gate is negative or not finite, an output is not finite, or a norm or
  ///         a sum is too large; nothing is added then
  template <executor E, tensor_argument Y>
  expert_contribution& add(const E& exec, std::size_t expert, std::span<const double> gates,
                           const Y& outputs) {
    const tamp::detail::ieee_arithmetic as_usual;
    if (expert >= experts())
      tamp::detail::raise<shape_error>("expert_contribution: there is no expert ", expert, " of ",
                                       experts());
    tamp::detail::check_list(label(), "gates", gates);
    tamp::detail::with_source(outputs, [&](const auto& y) { add_tokens(exec, expert, gates, y); });
    return *this;
  }
  template <tensor_argument Y>
  expert_contribution& add(std::size_t expert, std::span<const double> gates, const Y& outputs) {
    return add(execute::standard{}, expert, gates, outputs);
  }

  /// Adds the data of another accumulator, as if its tokens had been added here.
  /// @throws shape_error if it covers another number of experts
  /// @throws value_error if a sum is too large; nothing is combined then
  expert_contribution& combine(const expert_contribution& other) {
    const tamp::detail::ieee_arithmetic as_usual;
    if (other.experts() == 0) return *this;
    expert_contribution sum = experts() == 0 ? expert_contribution(other.experts()) : *this;
    if (sum.experts() != other.experts())
      tamp::detail::raise<shape_error>("expert_contribution: the statistics to combine cover ",
                                       other.experts(), " experts, these ", sum.experts());
    for (std::size_t e = 0; e < sum.experts(); ++e) {
      sum.sums_[e] += other.sums_[e];
      sum.tokens_[e] += other.tokens_[e];
    }
    sum.validate();
    std::swap(*this, sum);
    return *this;
  }

  std::size_t experts() const noexcept { return sums_.size(); }
  /// The number of tokens that were sent to each expert.
  [[nodiscard]] std::vector<std::uint64_t> tokens() const {
    std::vector<std::uint64_t> counts(experts());
    for (std::size_t e = 0; e < counts.size(); ++e)
      counts[e] = static_cast<std::uint64_t>(tokens_[e]);
    return counts;
  }
  /// The score of each expert; 0 for one that saw no token.
  [[nodiscard]] std::vector<double> scores() const {
    const tamp::detail::ieee_arithmetic as_usual;
    std::vector<double> means(experts());
    for (std::size_t e = 0; e < means.size(); ++e)
      means[e] = tokens_[e] == 0 ? 0.0 : sums_[e] / tokens_[e];
    return means;
  }

  /// Calls visit(name, value) for all values that combine adds up, for files.
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("sums", self.sums_);
    visit("tokens_of_experts", self.tokens_);
  }
  /// Checks values that were read from a file.
  /// @throws value_error if no statistic can have written them
  void validate() const {
    const tamp::detail::ieee_arithmetic as_usual;
    if (tokens_.size() != sums_.size())
      tamp::detail::raise<value_error>("expert_contribution: ", sums_.size(),
                                       " sums, and tokens of ", tokens_.size(), " experts");
    for (std::size_t e = 0; e < experts(); ++e) {
      const double count = tokens_[e];
      if (!tamp::detail::is_nonnegative(count) || count != std::floor(count) || count > most_tokens)
        tamp::detail::raise<value_error>("expert_contribution: expert ", e, " saw ", count,
                                         " tokens");
      if (!tamp::detail::is_nonnegative(sums_[e]) || (count == 0 && sums_[e] != 0))
        tamp::detail::raise<value_error>("expert_contribution: the contributions of expert ", e,
                                         " over ", count, " tokens sum up to ", sums_[e]);
    }
  }

  friend bool operator==(const expert_contribution&, const expert_contribution&) = default;

 private:
  static constexpr double most_tokens = 0x1p53;  // that a double counts

  template <executor E, class Source>
  void add_tokens(const E& exec, std::size_t expert, std::span<const double> gates,
                  const Source& y) {
    const auto tokens = static_cast<std::size_t>(y.rows());
    if (gates.size() != tokens)
      tamp::detail::raise<shape_error>("expert_contribution: ", gates.size(), " gates for ", tokens,
                                       " tokens");
    for (std::size_t t = 0; t < tokens; ++t)
      if (!tamp::detail::is_nonnegative(gates[t]))
        tamp::detail::raise<value_error>("expert_contribution: the gate of token ", t, " is ",
                                         gates[t]);
    auto norms = tamp::detail::checked_array<double>(label(), tokens);
    if (y.cols() != 0)
      tamp::detail::for_each_range(exec, tokens, [&](std::size_t begin, std::size_t end) {
        tamp::detail::row_reader read(y);
        for (std::size_t t = begin; t < end; ++t) {
          double sum = 0;
          for (const auto value : read(t))
            sum += static_cast<double>(value) * static_cast<double>(value);
          norms[t] = std::sqrt(sum);
        }
      });
    double sum = sums_[expert];
    for (std::size_t t = 0; t < tokens; ++t) {
      if (!is_finite(norms[t])) refuse(y, t);
      sum += gates[t] * norms[t];
    }
    const double count = tokens_[expert] + static_cast<double>(tokens);
    if (!is_finite(sum) || count > most_tokens)
      tamp::detail::raise<value_error>("expert_contribution: the contributions of expert ", expert,
                                       " are too large to be summed");
    sums_[expert] = sum;
    tokens_[expert] = count;
  }

  template <class Source>
  [[noreturn]] static void refuse(const Source& y, std::size_t token) {
    if (const auto at = tamp::detail::first_not_finite(y, token, token + 1))
      tamp::detail::raise<value_error>("expert_contribution: the output of token ", token,
                                       ", feature ", at.column, " is ", at.value);
    tamp::detail::raise<value_error>("expert_contribution: the squares of token ", token,
                                     " are too large to be summed");
  }

  std::vector<double> sums_, tokens_;  // tokens are whole numbers; files hold doubles
};

}  // namespace tamp::inline TAMP_FLAGS::stat
