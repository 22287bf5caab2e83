#pragma once

/// @file
/// Byte-level byte-pair encoding (Sennrich et al. 2016, arXiv 1508.07909; on bytes: GPT-2).

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace llama {

/// Turns text into tokens and back.
///
/// Every token stands for a string of bytes. A piece of text starts as single bytes; then the pair
/// of neighbours that comes first in the list of merges is joined, the leftmost where it occurs
/// twice, until no pair is in the list. Control tokens such as `<|endoftext|>` are never made from
/// text; `decode` spells them out. A byte that the vocabulary lacks is left out.
class tokenizer {
 public:
  /// Takes the vocabulary and the merges ("left right") as GGUF and Hugging Face spell them: in an
  /// alphabet that gives every byte a printable character.
  tokenizer(const std::vector<std::string>& vocabulary, const std::vector<std::string>& merges);

  std::size_t size() const { return bytes_of_.size(); }

  std::vector<int> encode(std::string_view text) const;
  std::string decode(std::span<const int> tokens) const;

 private:
  struct merge {
    int rank, token;
  };

  merge find(int left, int right) const;
  void encode_piece(std::string_view piece, std::vector<int>& tokens) const;

  std::vector<std::string> bytes_of_;  // by token
  std::array<int, 256> byte_tokens_;   // token of a single byte, -1 where there is none
  std::unordered_map<std::uint64_t, merge> merges_;
};

}  // namespace llama
