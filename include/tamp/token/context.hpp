#pragma once

/// @file
/// What a token policy sees of one sequence at one layer.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "../error.hpp"
#include "../model/modality.hpp"
#include "../tensor/view.hpp"
#include "attention_view.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// One sequence at one layer, as a host shows it: views, nothing is copied. Only `kinds` must be
/// there; what else, is the policy's to say.
struct context {
  std::span<const modality> kinds{};         ///< (tokens,); all but text is visual: it may go
  attention_view attention{};                ///< of this layer
  matrix_view<const float> hidden{};         ///< (tokens, features)
  matrix_view<const float> keys{};           ///< (tokens, kv_heads * head_dim)
  std::span<const float> relevance{};        ///< (tokens,) to the question, if the host knows
  std::span<const std::uint32_t> images{};   ///< (tokens,), the image of a visual token; if empty,
                                             ///< an unbroken run of one kind is an image
  std::span<const std::size_t> positions{};  ///< (tokens,) before anything was dropped, or empty
  std::span<const float> sizes{};  ///< (tokens,) how many tokens each stands for, or empty
  std::size_t layer = 0;
  std::uint64_t sequence = 0;  ///< number of the sequence, so that chance differs between them

  std::size_t tokens() const noexcept { return kinds.size(); }
  /// Requires a token below tokens(); so does `position`.
  bool is_visual(std::size_t token) const noexcept {
    expect_token(token);
    return kinds[token] != modality::text;
  }
  /// Where the token stood before anything was dropped.
  std::size_t position(std::size_t token) const noexcept {
    expect_token(token);
    return positions.empty() ? token : positions[token];
  }
  /// The tokens that may go, ascending.
  std::vector<std::size_t> visual() const {
    std::vector<std::size_t> tokens;
    for (std::size_t t = 0; t < kinds.size(); ++t)
      if (is_visual(t)) tokens.push_back(t);
    return tokens;
  }
  /// Where the text after the last visual token begins: tokens() if there is none.
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
