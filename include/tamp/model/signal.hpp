#pragma once

/// @file
/// What a host can show of a calibration sample, and what a statistic reads of it.

#include <string>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS {

/// What can be seen of one sample on its way through a block. A set: `signal::input |
/// signal::output`.
enum class signal : unsigned {
  none = 0,
  input = 1,      ///< X of each linear layer, (tokens, in_features)
  output = 2,     ///< Y of each linear layer, (tokens, out_features)
  attention = 4,  ///< of the last query to each token, mean over heads, (tokens,)
  modality = 8,   ///< what kind each token is of, (tokens,)
  hidden = 16,    ///< the residual stream before and after the block, (tokens, hidden)
};

constexpr signal operator|(signal a, signal b) noexcept {
  return static_cast<signal>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr signal operator&(signal a, signal b) noexcept {
  return static_cast<signal>(static_cast<unsigned>(a) & static_cast<unsigned>(b));
}
constexpr signal operator~(signal a) noexcept {
  return static_cast<signal>(~static_cast<unsigned>(a));
}

/// Whether `all` has every signal of `part`.
constexpr bool includes(signal all, signal part) noexcept { return (all & part) == part; }

/// The names of a set, for sentences: "output and attention".
inline std::string names(signal set) {
  static constexpr struct {
    signal one;
    const char* name;
  } known[] = {{signal::input, "input"},
               {signal::output, "output"},
               {signal::attention, "attention"},
               {signal::modality, "modality"},
               {signal::hidden, "hidden"}};
  std::string text;
  for (const auto& [one, name] : known)
    if (includes(set, one)) text.append(text.empty() ? "" : " and ").append(name);
  return text.empty() ? "nothing" : text;
}

/// What a statistic reads: its `reads`, or the inputs of layers.
template <class Statistic>
inline constexpr signal signals_read = signal::input;
template <class Statistic>
  requires requires { Statistic::reads; }
inline constexpr signal signals_read<Statistic> = Statistic::reads;

}  // namespace tamp::inline TAMP_FLAGS
