#pragma once

/// @file
/// What a decoder block costs.

#include <cstddef>
#include <cstdint>

#include "../config.hpp"
#include "../detail/checked.hpp"

namespace tamp::inline TAMP_FLAGS {

/// The sizes of a decoder block, and its multiply-adds on `tokens` tokens.
///
/// Attention is counted as the full square, as the papers do; an engine that leaves the half out
/// that the causal mask hides does half of it. Counts are exact; one above 1.8e19 does not fit into
/// 64 bits, and all functions throw value_error for it.
struct block_shape {
  std::uint64_t hidden = 0;      ///< width of the residual stream
  std::uint64_t queries = 0;     ///< heads * head_dim
  std::uint64_t keys = 0;        ///< kv_heads * head_dim: less with grouped queries
  std::uint64_t ffn = 0;         ///< channels of the feed-forward part
  std::uint64_t ffn_layers = 3;  ///< linear layers of the feed-forward part: 3 if gated, else 2

  /// Without grouped queries, as papers count: 4 n d^2 + 2 n^2 d + 3 n d m for all of it.
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
  /// Of attention in which only some pairs of query and key meet.
  constexpr std::uint64_t pairs(std::uint64_t count) const {
    return product(product(2, count), queries);
  }
  constexpr std::uint64_t output(std::uint64_t tokens) const {
    return product(product(tokens, queries), hidden);
  }
  constexpr std::uint64_t feed_forward(std::uint64_t tokens) const { return channels(tokens, ffn); }
  /// Of a feed-forward part of which only some channels are computed.
  constexpr std::uint64_t channels(std::uint64_t tokens, std::uint64_t count) const {
    return product(product(product(ffn_layers, tokens), hidden), count);
  }
  /// Of a block into which `entering` tokens come, of which `staying` go on once the attention is
  /// computed.
  constexpr std::uint64_t block(std::uint64_t entering, std::uint64_t staying) const {
    // In this order, so that every compiler's error names the same numbers.
    std::uint64_t count = projections(entering);
    count = sum(count, attention(entering));
    count = sum(count, output(staying));
    return sum(count, feed_forward(staying));
  }
  constexpr std::uint64_t block(std::uint64_t tokens) const { return block(tokens, tokens); }

  friend bool operator==(const block_shape&, const block_shape&) = default;

  /// Products and sums of counts of multiply-adds.
  /// @throws value_error if 64 bits cannot hold them
  static constexpr std::uint64_t product(std::uint64_t a, std::uint64_t b) {
    return detail::checked_product<value_error>("multiply-adds", a, b);
  }
  static constexpr std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
    return detail::checked_sum<value_error>("multiply-adds", a, b);
  }
};

}  // namespace tamp::inline TAMP_FLAGS
