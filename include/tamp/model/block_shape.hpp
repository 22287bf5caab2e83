#pragma once

/// @file
/// The cost of a decoder block in multiply-adds.

#include <cstddef>
#include <cstdint>

#include "../config.hpp"
#include "../detail/checked.hpp"

namespace tamp::inline TAMP_FLAGS {

/// The sizes of a decoder block, and functions that count its multiply-adds on `tokens` tokens.
///
/// Attention counts as the full square, as in the papers. An engine that skips the half that the
/// causal mask hides does half of it. Counts are exact. All counting functions throw value_error
/// for a count that does not fit into 64 bits, which is one above 1.8e19.
struct block_shape {
  std::uint64_t hidden = 0;      ///< width of the residual stream
  std::uint64_t queries = 0;     ///< heads * head_dim
  std::uint64_t keys = 0;        ///< kv_heads * head_dim: smaller with grouped queries
  std::uint64_t ffn = 0;         ///< channels of the feed-forward part
  std::uint64_t ffn_layers = 3;  ///< linear layers of the feed-forward part: 3 if gated, else 2

  /// Returns a block without grouped queries, as papers count: 4 n d^2 + 2 n^2 d + 3 n d m in all
  /// for n tokens.
  static constexpr block_shape plain(std::uint64_t d, std::uint64_t m,
                                     std::uint64_t ffn_layers = 3) noexcept {
    return {d, d, d, m, ffn_layers};
  }

  constexpr std::uint64_t projections(std::uint64_t tokens) const {
    const std::uint64_t inputs = product(tokens, hidden);
    return product(inputs, sum(queries, product(2, keys)));
  }
  constexpr std::uint64_t attention(std::uint64_t tokens) const {
    return pairs(product(tokens, tokens));
  }
  /// Multiply-adds of attention in which only `count` pairs of query and key meet.
  constexpr std::uint64_t pairs(std::uint64_t count) const {
    return product(product(2, count), queries);
  }
  constexpr std::uint64_t output(std::uint64_t tokens) const {
    return product(product(tokens, queries), hidden);
  }
  constexpr std::uint64_t feed_forward(std::uint64_t tokens) const { return channels(tokens, ffn); }
  /// Multiply-adds of a feed-forward part of which only `count` channels are computed.
  constexpr std::uint64_t channels(std::uint64_t tokens, std::uint64_t count) const {
    return product(product(product(ffn_layers, tokens), hidden), count);
  }
  /// Multiply-adds of a block that `entering` tokens enter, of which `staying` continue after the
  /// attention.
  constexpr std::uint64_t block(std::uint64_t entering, std::uint64_t staying) const {
    // The order is fixed, so that every compiler's error names the same numbers.
    std::uint64_t count = projections(entering);
    count = sum(count, attention(entering));
    count = sum(count, output(staying));
    return sum(count, feed_forward(staying));
  }
  constexpr std::uint64_t block(std::uint64_t tokens) const { return block(tokens, tokens); }

  friend bool operator==(const block_shape&, const block_shape&) = default;

  /// Returns the product or the sum of two counts of multiply-adds.
  /// @throws value_error if 64 bits cannot hold them
  static constexpr std::uint64_t product(std::uint64_t a, std::uint64_t b) {
    return detail::checked_product<value_error>("multiply-adds", a, b);
  }
  static constexpr std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
    return detail::checked_sum<value_error>("multiply-adds", a, b);
  }
};

}  // namespace tamp::inline TAMP_FLAGS
