#pragma once

/// @file
/// Byte-pair encoding (Sennrich et al. 2016, arXiv 1508.07909) in its two forms: on bytes, by a list of
/// merges (GPT-2), and on characters, by scores (sentencepiece).

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "split.hpp"

namespace llama {

/// The purpose of a token, by GGUF's numbers.
enum class token_kind { normal = 1, unknown, control, user_defined, unused, byte };

/// Turns text into tokens and back.
///
/// Every token stands for a string of bytes. A piece of text starts as single bytes or characters; then
/// the pair of neighbours that comes first in the list of merges, or that makes the token of the
/// highest score, is joined, the leftmost where it occurs twice, until no pair can be joined.
/// Control tokens such as `<|endoftext|>` are never made from text; `decode` spells them out. Tokens
/// that are user-defined are found before anything else, the longest first.
class tokenizer {
 public:
  /// On bytes. Takes the vocabulary and the merges ("left right") as GGUF and Hugging Face spell them:
  /// in an alphabet that gives every byte a printable character. A byte that the vocabulary lacks is
  /// left out. `kinds` is (vocabulary,), or empty: all tokens are normal then.
  tokenizer(const std::vector<std::string>& vocabulary, const std::vector<std::string>& merges,
            splitter split = split_smollm, std::span<const token_kind> kinds = {});

  /// On characters. The vocabulary spells a blank as U+2581. A character that the vocabulary lacks
  /// becomes its bytes' tokens, or the unknown one. `blank_before` sets a blank before a text. A token
  /// of the score `never_joined` is not made of two others.
  tokenizer(const std::vector<std::string>& vocabulary, std::span<const float> scores,
            std::span<const token_kind> kinds, bool blank_before);

  static constexpr float never_joined = -std::numeric_limits<float>::infinity();

  std::size_t size() const { return bytes_of_.size(); }

  std::vector<int> encode(std::string_view text) const;
  std::string decode(std::span<const int> tokens) const;

  /// The token that the model expects before the first one of a text, if it does.
  std::optional<int> start() const { return start_; }
  void set_start(int token);

  /// Makes a piece that is a token this token, whatever the merges say (Llama 3).
  void prefer_whole_pieces() { prefers_whole_pieces_ = true; }

  /// Sets no blank before a text that begins with one.
  void set_at_most_one_blank_before() { is_first_blank_enough_ = true; }

 private:
  struct merge {
    float priority;
    int token;
  };
  struct text_hash {  // finds views among strings
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  struct symbol {
    std::string_view text;
    int token;
    std::ptrdiff_t previous, next;
  };

  void set_kinds(std::span<const token_kind> kinds);
  std::optional<merge> find(const symbol& left, const symbol& right) const;
  // -1 where there is none.
  int token_of(std::string_view text) const;
  int user_defined(std::string_view text) const;
  std::vector<symbol> symbols(std::string_view piece) const;
  void encode_text(std::string_view text, std::vector<int>& tokens) const;
  void encode_piece(std::string_view piece, std::vector<int>& tokens) const;

  std::vector<std::string> bytes_of_;  // by token
  std::unordered_map<std::string, int, text_hash, std::equal_to<>>
      token_of_;                      // what text can become
  std::array<int, 256> byte_tokens_;  // token of a single byte, -1 where there is none
  std::array<std::vector<int>, 256> user_defined_;   // by their first byte, the longest first
  std::unordered_map<std::uint64_t, merge> merges_;  // on bytes, of two tokens
  std::vector<float> scores_;                        // on characters, by token
  splitter split_ = nullptr;                         // on bytes
  bool blank_before_ = false, prefers_whole_pieces_ = false, is_first_blank_enough_ = false;
  int unknown_ = -1;
  std::optional<int> start_;
};

}  // namespace llama
