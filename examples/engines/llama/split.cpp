#include "split.hpp"

#include <cstddef>

#include "unicode.hpp"

namespace llama {

std::string_view gpt2_piece(std::string_view text) {
  for (const std::string_view contraction : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
    if (text.starts_with(contraction)) return text.substr(0, contraction.size());

  // A run of one class, after an optional blank.
  const std::size_t blank = text.size() > 1 && text[0] == ' ' ? 1 : 0;
  decoded next = decode_utf8(text.substr(blank));
  const character kind = classify(next.code_point);
  if (kind != character::space) {
    std::size_t end = blank;
    do {
      end += next.bytes;
      if (end == text.size()) break;
      next = decode_utf8(text.substr(end));
    } while (classify(next.code_point) == kind);
    return text.substr(0, end);
  }

  // White space, but not the last of several before a word: that one belongs to the word.
  std::size_t end = 0, last = 0;
  while (end < text.size()) {
    next = decode_utf8(text.substr(end));
    if (classify(next.code_point) != character::space) break;
    last = end;
    end += next.bytes;
  }
  return text.substr(0, end == text.size() || last == 0 ? end : last);
}

std::vector<std::string_view> split_smollm(std::string_view text) {
  std::vector<std::string_view> pieces;
  const auto cut = [&](std::string_view rest) {
    while (!rest.empty()) {
      pieces.push_back(gpt2_piece(rest));
      rest.remove_prefix(pieces.back().size());
    }
  };
  std::size_t begin = 0, at = 0;
  while (at < text.size()) {
    const decoded next = decode_utf8(text.substr(at));
    const std::size_t after = at + next.bytes;
    if (classify(next.code_point) == character::number) {
      cut(text.substr(begin, at - begin));
      pieces.push_back(text.substr(at, next.bytes));
      begin = after;
    }
    at = after;
  }
  cut(text.substr(begin));
  return pieces;
}

}  // namespace llama
