#pragma once

/// @file
/// Cuts text into the pieces that a byte-level tokenizer encodes one by one.

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

}  // namespace llama
