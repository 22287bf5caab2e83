#pragma once

/// @file
/// Text from files, as errors show it.

#include <cstddef>
#include <string>
#include <string_view>

#include "../../error.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// A name that a file gives: control characters are written as \x1b, so that none ends the sentence
/// or steers a terminal, and of a long one there is the beginning and its length.
inline std::string shown(std::string_view name) {
  constexpr std::size_t longest = 200;
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : name.substr(0, longest))
    if (const auto byte = static_cast<unsigned char>(c); byte < 0x20 || byte == 0x7f)
      text += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    else
      text += c;
  if (name.size() > longest) text += sentence("... (", name.size(), " bytes)");
  return text;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
