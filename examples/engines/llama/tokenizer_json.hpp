#pragma once

/// @file
/// Tokenizers in tokenizer.json, as the package tokenizers writes them.

#include <string>

#include "tokenizer.hpp"

namespace llama {

/// Reads byte-pair encodings in the forms that Llama 2 and 3, qwen2, qwen3, smollm and gemma have. What
/// would split or spell a text otherwise is an error that names it. Normalisation to NFC is left to
/// the text.
tokenizer read_tokenizer(const std::string& path);

}  // namespace llama
