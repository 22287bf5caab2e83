#pragma once

/// @file
/// Attention of text alone, for heads and layers that need not process images.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../execute/operation.hpp"
#include "../model/modality.hpp"
#include "../tensor/detail/apart.hpp"
#include "../tensor/view.hpp"
#include "hollow_attention.hpp"

namespace tamp::inline TAMP_FLAGS::compute {

/// Causal attention of the text alone: a visual token sees nothing, and no text sees it. YOPO's
/// dropped heads, and the attention of its dropped layers.
///
/// Use it for the heads that compute::head_activity finds inactive, and, for all heads, in layers
/// that leave visual tokens as they are. The work is that of the text, however large the images.
///
///     allowed(q, k) = k <= q, and both are text
///     out(q)        = 0 for a visual query
///
/// The softmax is over the keys that are allowed. The published code takes it over all keys and sets
/// the weights of visual keys to zero afterwards, which computes as much as before. The results
/// differ by the attention that the head paid to images, which is small for an inactive head.
///
/// In a layer that is dropped for visual tokens, the host also leaves out their projections and
/// their feed-forward part: it runs the block on the rows of the text (token::gather_rows) and
/// writes these rows back.
///
/// Source: Zhang et al. 2024, YOPO (arXiv 2410.06169), and its published code
/// (ZhangAIPI/YOPO_MLLM_Pruning at f0783f442781).
/// @see hollow_attention, in which text sees the images, and an image its neighbourhood
struct text_attention {
  static constexpr std::string_view label() { return "text_attention"; }

  /// Returns the places of the text, ascending.
  static std::vector<std::size_t> text(std::span<const modality> kinds) {
    std::vector<std::size_t> tokens;
    for (std::size_t t = 0; t < kinds.size(); ++t)
      if (kinds[t] == modality::text) tokens.push_back(t);
    return tokens;
  }

  /// Counts the allowed pairs of query and key, the argument of block_shape::pairs.
  static std::uint64_t products(std::span<const modality> kinds) noexcept {
    const auto tokens =
        static_cast<std::uint64_t>(std::count(kinds.begin(), kinds.end(), modality::text));
    return tokens * (tokens + 1) / 2;
  }

  /// Computes the attention of one head, as hollow_attention::attend does. Only rows of text are
  /// read. Memory: a copy of them.
  /// @throws shape_error if the shapes do not match, or elements of the output share memory
  /// @throws value_error if an element of text is not finite, or is so large that the scores or sums
  ///         overflow a float; nothing is written
  template <executor E>
  void attend(const E& exec, matrix_view<const float> q, matrix_view<const float> k,
              matrix_view<const float> v, std::span<const modality> kinds, float scale,
              matrix_view<float> out) const {
    if (k.rows() != kinds.size() || v.rows() != kinds.size() || q.rows() > kinds.size())
      detail::raise<shape_error>("text_attention: there are ", q.rows(), " queries, ", k.rows(),
                                 " keys and ", v.rows(), " values of a sequence of ", kinds.size(),
                                 " tokens");
    if (q.cols() != k.cols())
      detail::raise<shape_error>("text_attention: queries have ", q.cols(), " columns, keys ",
                                 k.cols());
    if (out.rows() != q.rows() || out.cols() != v.cols())
      detail::raise<shape_error>("text_attention: the output is ", out.rows(), " x ", out.cols(),
                                 " for ", q.rows(), " queries and values of ", v.cols(),
                                 " columns");
    detail::check_memory("text_attention: output", out);
    detail::check_apart("text_attention", out, "the output");
    const std::vector<std::size_t> tokens = text(kinds);
    const std::size_t before = kinds.size() - q.rows();
    const auto first = std::lower_bound(tokens.begin(), tokens.end(), before);
    const std::vector<std::size_t> asking(first, tokens.end());
    const rows queries("query", q, asking, before);
    const rows keys("key", k, tokens, 0), values("value", v, tokens, 0);
    rows context(asking.size(), v.cols());
    const std::vector<modality> all_text(tokens.size(), modality::text);
    hollow_attention{}.attend(exec, queries.view(), keys.view(), values.view(), all_text, scale,
                              context.view());
    for (std::size_t i = 0, next = 0; i < out.rows(); ++i) {
      const bool is_text = next < asking.size() && asking[next] == before + i;
      for (std::size_t j = 0; j < out.cols(); ++j)
        out(i, j) = is_text ? context.view()(next, j) : 0.0f;
      next += is_text;
    }
  }

  friend bool operator==(const text_attention&, const text_attention&) = default;

 private:
  // Rows of a matrix that belong to tokens, copied one behind the other.
  class rows {
   public:
    rows(std::size_t count, std::size_t cols)
        : numbers_(
              detail::checked_array<float>(label(), detail::checked_product(label(), count, cols))),
          count_(count),
          cols_(cols) {}
    // The first row of the matrix belongs to token `first`.
    rows(std::string_view what, matrix_view<const float> from, std::span<const std::size_t> tokens,
         std::size_t first)
        : rows(tokens.size(), from.cols()) {
      detail::check_memory("text_attention", from);
      for (std::size_t i = 0; i < count_; ++i)
        for (std::size_t j = 0; j < cols_; ++j) {
          const float number = numbers_[i * cols_ + j] = from(tokens[i] - first, j);
          if (!is_finite(number))
            detail::raise<value_error>("text_attention: the ", what, " of token ", tokens[i],
                                       ", column ", j, " is ", number);
        }
    }
    matrix_view<const float> view() const noexcept { return {numbers_.data(), count_, cols_}; }
    matrix_view<float> view() noexcept { return {numbers_.data(), count_, cols_}; }

   private:
    std::vector<float> numbers_;
    std::size_t count_, cols_;
  };
};

}  // namespace tamp::inline TAMP_FLAGS::compute
