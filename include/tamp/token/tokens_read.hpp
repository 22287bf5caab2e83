#pragma once

/// @file
/// The tokens of a context of which a policy reads hidden states, keys, attention and relevance.

#include <concepts>
#include <cstddef>

#include "../config.hpp"
#include "context.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// A set of tokens of a context.
enum class token_set : unsigned {
  none = 0,
  visual = 1,
  text_before = 2,  ///< text that a visual token follows
  text_after = 4,   ///< text after the last visual token
  all = 7,
};

constexpr token_set operator|(token_set a, token_set b) noexcept {
  return static_cast<token_set>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}

/// The tokens of which a policy reads each part of a context. Numbers of other tokens may be
/// anything, NaN too.
///
/// A policy that does not read all of them declares it by a function `tokens_read read_tokens(const
/// context&) const`. What it declares is what token::select examines.
struct tokens_read {
  token_set hidden = token_set::all;
  token_set keys = token_set::all;
  token_set attention = token_set::all;  ///< the tokens to which queries attend
  token_set relevance = token_set::all;

  friend bool operator==(const tokens_read&, const tokens_read&) = default;
};

/// The declaration of a policy that decides by its visual tokens alone.
inline constexpr tokens_read only_visual{token_set::visual, token_set::visual, token_set::visual,
                                         token_set::visual};

}  // namespace tamp::inline TAMP_FLAGS::token

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns the tokens that a policy reads: all, if it does not declare any.
template <class Policy>
token::tokens_read tokens_read_by(const Policy& policy, const token::context& c) {
  if constexpr (requires {
                  { policy.read_tokens(c) } -> std::same_as<token::tokens_read>;
                })
    return policy.read_tokens(c);
  else
    return {};
}

/// The members of a set of tokens, found once.
class set_members {
 public:
  set_members(const token::context& c, token::token_set set)
      : context_(&c), text_begin_(c.text_begin()), set_(static_cast<unsigned>(set)) {}

  bool operator()(std::size_t token) const noexcept {
    const token::token_set kind = context_->is_visual(token) ? token::token_set::visual
                                  : token < text_begin_      ? token::token_set::text_before
                                                             : token::token_set::text_after;
    return (set_ & static_cast<unsigned>(kind)) != 0;
  }

 private:
  const token::context* context_;
  std::size_t text_begin_;
  unsigned set_;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
