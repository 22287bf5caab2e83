#include "tokenizer.hpp"

#include <algorithm>
#include <charconv>
#include <queue>

#include "config.hpp"
#include "unicode.hpp"

namespace llama {
namespace {

std::uint64_t key(int left, int right) {
  return std::uint64_t(std::uint32_t(left)) << 32 | std::uint32_t(right);
}

/// A spelling in the printable alphabet as the bytes it stands for: the printable bytes of
/// Latin-1 are themselves, the others are numbered from U+0100 on. What is in no such alphabet (a
/// control token's text) stays as it is.
std::string bytes(std::string_view spelling) {
  static const std::array<int, 0x200> byte_of = [] {
    std::array<int, 0x200> table{};
    table.fill(-1);
    std::size_t substitute = 0x100;
    for (int byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte != 0xad);
      table[printable ? std::size_t(byte) : substitute++] = byte;
    }
    return table;
  }();
  std::string result;
  for (std::string_view rest = spelling; !rest.empty();) {
    const decoded next = decode_utf8(rest);
    const int byte = next.code_point < byte_of.size() ? byte_of[next.code_point] : -1;
    if (byte < 0) return std::string(spelling);
    result += static_cast<char>(byte);
    rest.remove_prefix(next.bytes);
  }
  return result;
}

/// A spelling of sentencepiece as the bytes it stands for: U+2581 is a blank.
std::string without_marks(std::string_view spelling) {
  constexpr std::string_view mark = "\xe2\x96\x81";
  std::string result;
  for (std::string_view rest = spelling; !rest.empty();) {
    const bool is_mark = rest.starts_with(mark);
    result += is_mark ? ' ' : rest[0];
    rest.remove_prefix(is_mark ? mark.size() : 1);
  }
  return result;
}

/// The byte that "<0x0A>" spells.
char spelled_byte(const std::string& spelling) {
  unsigned value = 256;
  if (spelling.size() == 6 && spelling.starts_with("<0x") && spelling[5] == '>')
    std::from_chars(spelling.data() + 3, spelling.data() + 5, value, 16);
  if (value > 255) fail("the token '", spelling, "' is said to be a byte, as '<0x0A>' is");
  return static_cast<char>(value);
}

}  // namespace

tokenizer::tokenizer(const std::vector<std::string>& vocabulary,
                     const std::vector<std::string>& merges, splitter split,
                     std::span<const token_kind> kinds)
    : split_(split) {
  std::unordered_map<std::string, int> token_of;
  for (const std::string& spelling : vocabulary) {
    const std::size_t t = bytes_of_.size();
    const bool is_plain = t < kinds.size() && kinds[t] == token_kind::user_defined;
    token_of.emplace(spelling, int(t));
    bytes_of_.push_back(is_plain ? spelling : bytes(spelling));
  }
  set_kinds(kinds);
  const auto token = [&](std::size_t rank, const std::string& spelling) {
    const auto found = token_of.find(spelling);
    if (found == token_of.end())
      fail("merge ", rank, ", '", merges[rank], "', names '", spelling,
           "', which the vocabulary lacks");
    return found->second;
  };
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const std::size_t blank = merges[rank].find(' ');
    if (blank == std::string::npos) fail("merge ", rank, ", '", merges[rank], "', is not a pair");
    const std::string left = merges[rank].substr(0, blank), right = merges[rank].substr(blank + 1);
    const int left_token = token(rank, left), right_token = token(rank, right);
    merges_.emplace(key(left_token, right_token), merge{-float(rank), token(rank, left + right)});
  }
}

tokenizer::tokenizer(const std::vector<std::string>& vocabulary, std::span<const float> scores,
                     std::span<const token_kind> kinds, bool blank_before)
    : scores_(scores.begin(), scores.end()), blank_before_(blank_before) {
  if (scores.size() != vocabulary.size())
    fail(scores.size(), " scores for ", vocabulary.size(), " tokens");
  for (const std::string& spelling : vocabulary) {
    const std::size_t t = bytes_of_.size();
    const bool is_byte = t < kinds.size() && kinds[t] == token_kind::byte;
    bytes_of_.push_back(is_byte ? std::string(1, spelled_byte(spelling)) : without_marks(spelling));
  }
  set_kinds(kinds);
}

void tokenizer::set_kinds(std::span<const token_kind> kinds) {
  if (!kinds.empty() && kinds.size() != size())
    fail(kinds.size(), " kinds for ", size(), " tokens");
  byte_tokens_.fill(-1);
  for (std::size_t t = 0; t < size(); ++t) {
    const token_kind kind = kinds.empty() ? token_kind::normal : kinds[t];
    const std::string& bytes = bytes_of_[t];
    const auto first = static_cast<unsigned char>(bytes.empty() ? '\0' : bytes[0]);
    if (kind == token_kind::unknown) unknown_ = int(t);
    if (bytes.size() == 1 && (split_ != nullptr || kind == token_kind::byte))
      byte_tokens_[first] = int(t);
    if (kind == token_kind::unknown || kind == token_kind::control || kind == token_kind::byte ||
        bytes.empty())
      continue;
    token_of_.emplace(bytes, int(t));
    if (kind == token_kind::user_defined) user_defined_[first].push_back(int(t));
  }
  for (auto& list : user_defined_)
    std::ranges::sort(list, std::greater{},
                      [&](int t) { return bytes_of_[std::size_t(t)].size(); });
}

void tokenizer::set_start(int token) {
  if (token < 0 || std::size_t(token) >= size())
    fail("token ", token, " is outside the vocabulary of ", size());
  start_ = token;
}

std::vector<int> tokenizer::encode(std::string_view text) const {
  std::vector<int> tokens;
  std::size_t begin = 0, at = 0;
  const auto encode_before = [&] {
    if (at > begin) encode_text(text.substr(begin, at - begin), tokens);
  };
  while (at < text.size()) {
    const int token = user_defined(text.substr(at));
    if (token < 0) {
      ++at;
      continue;
    }
    encode_before();
    tokens.push_back(token);
    begin = at += bytes_of_[std::size_t(token)].size();
  }
  encode_before();
  return tokens;
}

std::string tokenizer::decode(std::span<const int> tokens) const {
  std::string text;
  for (const int token : tokens) {
    if (token < 0 || std::size_t(token) >= size())
      fail("token ", token, " is outside the vocabulary of ", size());
    text += bytes_of_[std::size_t(token)];
  }
  return blank_before_ && text.starts_with(' ') ? text.substr(1) : text;
}

int tokenizer::token_of(std::string_view text) const {
  const auto found = token_of_.find(text);
  return found == token_of_.end() ? -1 : found->second;
}

int tokenizer::user_defined(std::string_view text) const {
  for (const int token : user_defined_[static_cast<unsigned char>(text[0])])
    if (text.starts_with(bytes_of_[std::size_t(token)])) return token;
  return -1;
}

void tokenizer::encode_text(std::string_view text, std::vector<int>& tokens) const {
  if (split_ != nullptr) {
    for (const std::string_view piece : split_(text)) encode_piece(piece, tokens);
    return;
  }
  std::string piece = without_marks(text);  // a mark in the text is a blank, too
  if (blank_before_ && !(is_first_blank_enough_ && piece.starts_with(' '))) piece.insert(0, 1, ' ');
  encode_piece(piece, tokens);
}

std::optional<tokenizer::merge> tokenizer::find(const symbol& left, const symbol& right) const {
  if (split_ != nullptr) {
    const auto found = merges_.find(key(left.token, right.token));
    return found == merges_.end() ? std::nullopt : std::optional(found->second);
  }
  const int token = token_of({left.text.data(), left.text.size() + right.text.size()});
  if (token < 0 || scores_[std::size_t(token)] == never_joined) return std::nullopt;
  return merge{scores_[std::size_t(token)], token};
}

std::vector<tokenizer::symbol> tokenizer::symbols(std::string_view piece) const {
  std::vector<symbol> all;
  while (!piece.empty()) {
    const std::size_t length = split_ != nullptr ? 1 : decode_utf8(piece).bytes;
    const std::string_view text = piece.substr(0, length);
    const int token =
        split_ != nullptr ? byte_tokens_[static_cast<unsigned char>(text[0])] : token_of(text);
    const auto here = std::ptrdiff_t(all.size());
    if (token >= 0 || split_ == nullptr) all.push_back({text, token, here - 1, here + 1});
    piece.remove_prefix(length);
  }
  if (!all.empty()) all.back().next = -1;
  return all;
}

void tokenizer::encode_piece(std::string_view piece, std::vector<int>& tokens) const {
  if (const int whole = prefers_whole_pieces_ ? token_of(piece) : -1; whole >= 0)
    return tokens.push_back(whole);
  std::vector<symbol> parts = symbols(piece);
  struct candidate {
    merge joined;
    std::ptrdiff_t left, right;
    std::size_t bytes;  // of both: other than then, if one of them has been joined since
  };
  const auto comes_later = [](const candidate& a, const candidate& b) {
    return a.joined.priority != b.joined.priority ? a.joined.priority < b.joined.priority
                                                  : a.left > b.left;
  };
  std::priority_queue<candidate, std::vector<candidate>, decltype(comes_later)> queue(comes_later);
  const auto consider = [&](std::ptrdiff_t l) {
    if (l < 0 || parts[std::size_t(l)].next < 0) return;
    const symbol& left = parts[std::size_t(l)];
    const symbol& right = parts[std::size_t(left.next)];
    if (const auto joined = find(left, right))
      queue.push({*joined, l, left.next, left.text.size() + right.text.size()});
  };
  for (std::size_t i = 0; i < parts.size(); ++i) consider(std::ptrdiff_t(i));

  while (!queue.empty()) {
    const candidate best = queue.top();
    queue.pop();
    symbol &left = parts[std::size_t(best.left)], &right = parts[std::size_t(best.right)];
    if (left.text.empty() || right.text.empty() ||
        left.text.size() + right.text.size() != best.bytes)
      continue;
    left = {{left.text.data(), best.bytes}, best.joined.token, left.previous, right.next};
    right.text = {};
    if (left.next >= 0) parts[std::size_t(left.next)].previous = best.left;
    consider(left.previous);
    consider(best.left);
  }
  for (const symbol& part : parts) {
    if (part.text.empty()) continue;
    if (part.token >= 0) {
      tokens.push_back(part.token);
      continue;
    }
    for (const char byte : part.text) {
      const int token = byte_tokens_[static_cast<unsigned char>(byte)];
      if (token < 0) {
        if (unknown_ >= 0) tokens.push_back(unknown_);
        break;
      }
      tokens.push_back(token);
    }
  }
}

}  // namespace llama
