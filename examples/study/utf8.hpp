#pragma once

// Names of files may be any bytes. Texts in files of results are UTF-8.

#include <cstddef>
#include <string>
#include <string_view>

namespace study {

// The bytes of the character that a text begins with, or 0 if that is none: a byte that begins no
// character, a character cut off, one in more bytes than it needs, or half of a pair of UTF-16.
inline std::size_t character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
  if (text.empty()) return 0;
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return 0;
  // The second byte tells the short forms, the halves and what is above U+10FFFF.
  const unsigned least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const unsigned most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < least || byte(1) > most) return 0;
  for (std::size_t k = 2; k < bytes; ++k)
    if (byte(k) < 0x80 || byte(k) > 0xbf) return 0;
  return bytes;
}

// A text as one line of UTF-8: control characters are spelled out, \x0a, and so are bytes that are
// no character.
inline std::string line_of(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string line;
  while (!text.empty()) {
    const std::size_t bytes = character_bytes(text);
    const auto first = static_cast<unsigned char>(text.front());
    if (bytes == 0 || first < 0x20 || first == 0x7f)
      line += {'\\', 'x', digits[first >> 4], digits[first & 15]};
    else
      line += text.substr(0, bytes);
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  return line;
}

}  // namespace study
