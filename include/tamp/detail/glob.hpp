#pragma once

/// @file
/// Name patterns with * and ?.

#include <cstddef>
#include <string_view>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Whether all of `text` fits `pattern`, in which * stands for any text and ? for one character.
///
/// On a mismatch only the last * takes in one more character: giving an earlier one more could
/// never help, so that the time is at most the product of the lengths.
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
