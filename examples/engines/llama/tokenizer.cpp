#include "tokenizer.hpp"

#include <algorithm>
#include <limits>

#include "config.hpp"
#include "split.hpp"
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

}  // namespace

tokenizer::tokenizer(const std::vector<std::string>& vocabulary,
                     const std::vector<std::string>& merges) {
  std::unordered_map<std::string, int> token_of;
  for (const std::string& spelling : vocabulary) {
    token_of.emplace(spelling, int(bytes_of_.size()));
    bytes_of_.push_back(bytes(spelling));
  }
  byte_tokens_.fill(-1);
  for (std::size_t t = 0; t < bytes_of_.size(); ++t)
    if (bytes_of_[t].size() == 1)
      byte_tokens_[static_cast<unsigned char>(bytes_of_[t][0])] = int(t);
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
    merges_.emplace(key(left_token, right_token), merge{int(rank), token(rank, left + right)});
  }
}

std::vector<int> tokenizer::encode(std::string_view text) const {
  std::vector<int> tokens;
  for (const std::string_view piece : split_smollm(text)) encode_piece(piece, tokens);
  return tokens;
}

std::string tokenizer::decode(std::span<const int> tokens) const {
  std::string text;
  for (const int token : tokens) {
    if (token < 0 || std::size_t(token) >= size())
      fail("token ", token, " is outside the vocabulary of ", size());
    text += bytes_of_[std::size_t(token)];
  }
  return text;
}

tokenizer::merge tokenizer::find(int left, int right) const {
  const auto found = merges_.find(key(left, right));
  return found == merges_.end() ? merge{std::numeric_limits<int>::max(), -1} : found->second;
}

void tokenizer::encode_piece(std::string_view piece, std::vector<int>& tokens) const {
  std::vector<int> parts;
  for (const char byte : piece)
    if (const int token = byte_tokens_[static_cast<unsigned char>(byte)]; token >= 0)
      parts.push_back(token);
  std::vector<merge> pairs;  // pairs[i] joins parts[i] and parts[i + 1]
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) pairs.push_back(find(parts[i], parts[i + 1]));

  while (!pairs.empty()) {
    const auto first = std::min_element(pairs.begin(), pairs.end(),
                                        [](merge a, merge b) { return a.rank < b.rank; });
    if (first->token < 0) break;
    const auto i = first - pairs.begin();
    parts[std::size_t(i)] = first->token;
    parts.erase(parts.begin() + i + 1);
    pairs.erase(first);
    if (i > 0) pairs[std::size_t(i - 1)] = find(parts[std::size_t(i - 1)], parts[std::size_t(i)]);
    if (std::size_t(i) < pairs.size())
      pairs[std::size_t(i)] = find(parts[std::size_t(i)], parts[std::size_t(i + 1)]);
  }
  tokens.insert(tokens.end(), parts.begin(), parts.end());
}

}  // namespace llama
