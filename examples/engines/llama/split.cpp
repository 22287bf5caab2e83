#include "split.hpp"

#include <algorithm>
#include <cstddef>

#include "unicode.hpp"

namespace llama {
namespace {

/// The number of bytes from `begin` on that are characters of this kind, at most `limit`
/// characters.
std::size_t run_of(character kind, std::string_view text, std::size_t begin = 0,
                   std::size_t limit = std::string_view::npos) {
  std::size_t end = begin;
  for (std::size_t count = 0; end < text.size() && count < limit; ++count) {
    const decoded next = decode_utf8(text.substr(end));
    if (classify(next.code_point) != kind) break;
    end += next.bytes;
  }
  return end - begin;
}

constexpr std::string_view line_ends = "\r\n";

/// The next piece of a text that is not empty.
std::string_view qwen2_piece(std::string_view text, std::size_t digits) {
  for (const std::string_view contraction : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}) {
    const std::string_view start = text.substr(0, contraction.size());
    if (std::ranges::equal(start, contraction, [](char a, char b) {
          return b == (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a);
        }))
      return start;
  }
  // Letters, after one character of another kind.
  const decoded first = decode_utf8(text);
  const character kind = classify(first.code_point);
  const bool may_lead =
      kind == character::other ||
      (kind == character::space && line_ends.find(text[0]) == std::string_view::npos);
  const std::size_t lead = may_lead ? first.bytes : 0;
  if (const std::size_t letters = run_of(character::letter, text, lead); letters != 0)
    return text.substr(0, lead + letters);
  if (kind == character::number) return text.substr(0, run_of(character::number, text, 0, digits));
  // Other characters, after a blank, and the ends of lines that follow.
  const std::size_t blank = text[0] == ' ' ? 1 : 0;
  if (const std::size_t others = run_of(character::other, text, blank); others != 0)
    return text.substr(0, text.find_first_not_of(line_ends, blank + others));
  // White space to its last end of a line; or all of it, but not the last of several before a word.
  const std::size_t spaces = run_of(character::space, text);
  if (const std::size_t last = text.substr(0, spaces).find_last_of(line_ends);
      last != std::string_view::npos)
    return text.substr(0, last + 1);
  if (spaces == text.size()) return text;
  std::size_t before_last = 0;
  for (std::size_t at = 0; at < spaces; at += decode_utf8(text.substr(at)).bytes) before_last = at;
  return text.substr(0, before_last == 0 ? spaces : before_last);
}

}  // namespace

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

template <std::size_t digits>
std::vector<std::string_view> split_qwen2(std::string_view text) {
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    pieces.push_back(qwen2_piece(text, digits));
    text.remove_prefix(pieces.back().size());
  }
  return pieces;
}
template std::vector<std::string_view> split_qwen2<1>(std::string_view);
template std::vector<std::string_view> split_qwen2<3>(std::string_view);

}  // namespace llama
