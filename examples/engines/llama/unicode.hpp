#pragma once

/// @file
/// UTF-8 and the three classes of characters that a GPT-2 tokenizer tells apart.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace llama {

enum class character { letter, number, space, other };

character classify(std::uint32_t code_point);

/// One character of a text: how many bytes it has and what it is.
struct decoded {
  std::uint32_t code_point;
  std::size_t bytes;
};

/// The first character of a text that is not empty. A byte that starts no valid character stands
/// for itself, as U+FFFD.
decoded decode_utf8(std::string_view text);

}  // namespace llama
