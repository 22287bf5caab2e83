#pragma once

// Values of GGUF metadata as bytes: the number of their type, and the value.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <tamp/io/gguf_metadata.hpp>
#include <vector>

namespace tamp_prune {

using tamp::io::detail::gguf_type;

// One pair of the metadata: the key, and its type and value as bytes.
struct metadata_pair {
  std::string key;
  std::vector<std::byte> value;
};

// With insert, GCC 12 warns of a write past the end that cannot happen.
inline void append(std::vector<std::byte>& bytes, const void* data, std::size_t size) {
  const std::size_t end = bytes.size();
  bytes.resize(end + size);
  if (size > 0) std::memcpy(bytes.data() + end, data, size);
}
template <class Number>
void append(std::vector<std::byte>& bytes, Number number) {
  append(bytes, &number, sizeof number);
}
inline void append(std::vector<std::byte>& bytes, std::string_view text) {
  append(bytes, std::uint64_t{text.size()});
  append(bytes, text.data(), text.size());
}
inline void append(std::vector<std::byte>& bytes, gguf_type type) {
  append(bytes, static_cast<std::uint32_t>(type));
}

inline std::vector<std::byte> value_of(std::size_t number) {
  std::vector<std::byte> value;
  append(value, gguf_type::u32);
  append(value, static_cast<std::uint32_t>(number));
  return value;
}
inline std::vector<std::byte> value_of(std::string_view text) {
  std::vector<std::byte> value;
  append(value, gguf_type::string);
  append(value, text);
  return value;
}
// llama.cpp reads lists of signed numbers alone.
inline std::vector<std::byte> value_of(const std::vector<std::size_t>& numbers) {
  std::vector<std::byte> value;
  append(value, gguf_type::array);
  append(value, gguf_type::i32);
  append(value, std::uint64_t{numbers.size()});
  for (const std::size_t number : numbers) append(value, static_cast<std::int32_t>(number));
  return value;
}

}  // namespace tamp_prune
