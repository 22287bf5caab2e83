#pragma once

/// @file
/// Name patterns with * and ?.

#include <cstddef>
#include <string_view>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns true if all of `text` matches `pattern`. In the pattern, * stands for any text and ? for
/// any one character.
///
/// On a mismatch, only the last * takes in one more character. An extension of an earlier * could
/// never help, so the time is at most proportional to the product of the lengths.
constexpr bool glob_match(std::string_view pattern, std::string_view text) noexcept {
  constexpr auto none = std::string_view::npos;
  std::size_t p = 0, t = 0, star = none, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p, ++t;
    } else if (star != none) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace tamp::inline TAMP_FLAGS::detail
