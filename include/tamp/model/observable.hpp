#pragma once

/// @file
/// Sets of observations of a running model.

#include <string>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS {

/// The observations of one sample on its way through one block. Values are sets: `observable::input
/// | observable::output`. A host declares the set that it shows; a statistic or a token policy
/// declares the set that it `reads`.
///
/// A host with fused attention, which can only run the last query once more, still serves every
/// token policy that reads no more than last_query, hidden and keys.
enum class observable : unsigned {
  none = 0,
  input = 1,          ///< X of each linear layer, (tokens, in_features)
  output = 2,         ///< Y of each linear layer, (tokens, out_features)
  hidden = 4,         ///< residual stream, (tokens, hidden); statistics see it before and after
                      ///< the block, token policies before it
  modality = 8,       ///< kind of each token, (tokens,)
  attention = 16,     ///< attention probabilities of some queries, any of them
  last_query = 32,    ///< those of the last token; for statistics their mean over heads, (tokens,)
  text_queries = 64,  ///< those of the text after the last visual token, or of the last token if
                      ///< no text follows
  visual_queries = 128,  ///< those of all visual tokens
  keys = 256,            ///< keys of the attention, (tokens, kv_heads * head_dim)
  weights = 512,         ///< weights that the host gives tokens in statistics, (tokens,)
  grid = 1024,           ///< frames, rows and columns of the visual tokens
  importance = 2048,     ///< importance that the host gives tokens, (tokens,)
};

constexpr observable operator|(observable a, observable b) noexcept {
  return static_cast<observable>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr observable operator&(observable a, observable b) noexcept {
  return static_cast<observable>(static_cast<unsigned>(a) & static_cast<unsigned>(b));
}
constexpr observable operator~(observable a) noexcept {
  return static_cast<observable>(~static_cast<unsigned>(a));
}

/// Returns true if `all` has every member of `part`.
constexpr bool includes(observable all, observable part) noexcept { return (all & part) == part; }

/// Returns the members of a set in words: "output and the attention of the last query".
inline std::string names(observable set) {
  static constexpr struct {
    observable one;
    const char* name;
  } known[] = {{observable::input, "input"},
               {observable::output, "output"},
               {observable::hidden, "hidden states"},
               {observable::modality, "modality"},
               {observable::attention, "attention"},
               {observable::last_query, "the attention of the last query"},
               {observable::text_queries, "the attention of the text after the last visual token"},
               {observable::visual_queries, "the attention of the visual tokens"},
               {observable::keys, "keys"},
               {observable::weights, "the weights of tokens"},
               {observable::grid, "the grid of frames"},
               {observable::importance, "the importance of tokens"}};
  std::string text;
  for (const auto& [one, name] : known)
    if (includes(set, one)) text.append(text.empty() ? "" : " and ").append(name);
  return text.empty() ? "nothing" : text;
}

/// The observations that a statistic reads: its `reads`, or observable::input by default.
template <class Statistic>
inline constexpr observable observables_read = observable::input;
template <class Statistic>
  requires requires { Statistic::reads; }
inline constexpr observable observables_read<Statistic> = Statistic::reads;

}  // namespace tamp::inline TAMP_FLAGS
