#pragma once

/// @file
/// The view of one sequence at one layer that a token policy reads.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "../error.hpp"
#include "../model/modality.hpp"
#include "attention_view.hpp"
#include "grid.hpp"
#include "rows_view.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// One sequence at one layer, as views of the host's memory. Only `kinds` is required. A policy's
/// `reads` names the other parts that it requires.
///
/// Attention, hidden states and keys are numbers of any type and strides (see attention_view and
/// rows_view). Those that are floats in one piece are read in place.
///
/// `relevance` and `importance` are numbers that a host gives. The first says how much a token has
/// to do with the question, and cdpruner scales similarities by it. The second is any measure of
/// how much a token matters by itself: the attention that it receives, its change since the frame
/// before, the length of its value. Policies that weigh importance, scope and mmr, read it, and it
/// may be the relevance.
struct context {
  std::span<const modality> kinds{};         ///< (tokens,); all but text is visual
  attention_view attention{};                ///< of this layer
  rows_view hidden{};                        ///< (tokens, features)
  rows_view keys{};                          ///< (tokens, kv_heads * head_dim)
  std::span<const float> relevance{};        ///< (tokens,) to the question, if the host knows
  std::span<const float> importance{};       ///< (tokens,) by any measure: larger matters more
  std::span<const std::uint32_t> images{};   ///< (tokens,), the image of a visual token; if empty,
                                             ///< each unbroken run of one kind is an image
  std::span<const grid> grids{};             ///< (images,), the frames of each image or video, in
                                             ///< the order of their first tokens, or empty: each
                                             ///< image is one frame
  std::span<const std::size_t> positions{};  ///< (tokens,), places before any drop, or empty
  std::span<const float> sizes{};  ///< (tokens,), number of tokens that each represents, or empty
  std::size_t layer = 0;
  std::uint64_t sequence = 0;  ///< number of the sequence, which random policies read

  std::size_t tokens() const noexcept { return kinds.size(); }
  /// Requires a token below tokens(), as does `position`.
  bool is_visual(std::size_t token) const noexcept {
    expect_token(token);
    return kinds[token] != modality::text;
  }
  /// The place of the token before any token was dropped.
  std::size_t position(std::size_t token) const noexcept {
    expect_token(token);
    return positions.empty() ? token : positions[token];
  }
  /// The visual tokens, which may be dropped, in ascending order.
  std::vector<std::size_t> visual() const {
    std::vector<std::size_t> tokens;
    for (std::size_t t = 0; t < kinds.size(); ++t)
      if (is_visual(t)) tokens.push_back(t);
    return tokens;
  }
  /// The first token of the text after the last visual token, or tokens() if there is no text
  /// there.
  std::size_t text_begin() const noexcept {
    std::size_t begin = tokens();
    while (begin != 0 && !is_visual(begin - 1)) --begin;
    return begin;
  }
  void expect_token([[maybe_unused]] std::size_t token) const noexcept {
    TAMP_EXPECTS(token < tokens(), "context: token ", token, " of ", tokens());
  }
};

}  // namespace tamp::inline TAMP_FLAGS::token
