#pragma once

/// @file
/// Cuts text into the pieces that a byte-level tokenizer encodes one by one.

#include <cstddef>
#include <string_view>
#include <vector>

namespace llama {

/// The next piece of a text that is not empty, as GPT-2's regular expression finds it:
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
std::string_view gpt2_piece(std::string_view text);

/// The splitting that GGUF calls "smollm": every number character is a piece of its own, the text
/// between them is cut as GPT-2 does it.
std::vector<std::string_view> split_smollm(std::string_view text);

/// The splitting that GGUF calls "qwen2" where `digits` is 1, and "llama-bpe" where it is 3:
///
///     (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*
///     |\s*[\r\n]+|\s+(?!\S)|\s+
template <std::size_t digits>
std::vector<std::string_view> split_qwen2(std::string_view text);

using splitter = std::vector<std::string_view> (*)(std::string_view);

}  // namespace llama
