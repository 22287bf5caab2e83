#pragma once

// GGUF files byte by byte, true or lying.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "files.hpp"

namespace support {

/// GGUF's number of the type of a metadata value.
template <class T>
constexpr std::uint32_t gguf_type_of() {
  if constexpr (std::is_same_v<T, bool>) return 7;
  if constexpr (std::is_same_v<T, std::string>) return 8;
  if constexpr (std::is_floating_point_v<T>) return sizeof(T) == 4 ? 6 : 12;
  const std::uint32_t is_signed = std::is_signed_v<T> ? 1 : 0;
  return (sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 2 : sizeof(T) == 4 ? 4 : 10) + is_signed;
}

inline std::string gguf_string(std::string_view text) {
  return bytes_of(std::uint64_t{text.size()}) + std::string(text);
}

/// The parts of a GGUF file. All of them may be changed before they are put together.
struct gguf_bytes {
  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::uint64_t tensor_count = 0, pair_count = 0;
  std::string pairs, descriptions, data;
  std::size_t alignment = 32;

  std::string bytes() const {
    std::string all = magic + bytes_of(version, tensor_count, pair_count) + pairs + descriptions;
    if (tensor_count != 0) all.resize((all.size() + alignment - 1) / alignment * alignment);
    return all + data;
  }

  /// A pair whose value's bytes are given as they are.
  gguf_bytes& raw(std::string_view key, std::uint32_t type, std::string_view value) {
    pairs += gguf_string(key) + bytes_of(type) + std::string(value);
    ++pair_count;
    return *this;
  }
  template <class T>
  gguf_bytes& value(std::string_view key, const T& value) {
    return raw(key, gguf_type_of<T>(), encoded(value));
  }
  template <class T>
  gguf_bytes& array(std::string_view key, const std::vector<T>& values) {
    std::string bytes = bytes_of(gguf_type_of<T>(), std::uint64_t{values.size()});
    for (std::size_t k = 0; k < values.size(); ++k) bytes += encoded(T(values[k]));
    return raw(key, 9, bytes);
  }

  /// A description without data; extents are in ggml's order, the fastest first.
  gguf_bytes& describe(std::string_view name, const std::vector<std::uint64_t>& extents,
                       std::uint32_t type, std::uint64_t offset) {
    descriptions += gguf_string(name) + bytes_of(static_cast<std::uint32_t>(extents.size()));
    for (const std::uint64_t extent : extents) descriptions += bytes_of(extent);
    descriptions += bytes_of(type, offset);
    ++tensor_count;
    return *this;
  }
  /// A tensor and its data, aligned.
  gguf_bytes& tensor(std::string_view name, const std::vector<std::uint64_t>& extents,
                     std::uint32_t type, std::string_view contents) {
    data.resize((data.size() + alignment - 1) / alignment * alignment);
    describe(name, extents, type, data.size());
    data += contents;
    return *this;
  }

 private:
  template <class T>
  static std::string encoded(const T& value) {
    if constexpr (std::is_same_v<T, std::string>)
      return gguf_string(value);
    else
      return bytes_of(value);
  }
};

}  // namespace support
