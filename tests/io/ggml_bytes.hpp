#pragma once

// Blocks of ggml's types, byte by byte.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <tamp/io/ggml_types.hpp>
#include <vector>

namespace support {

using block_bytes = std::vector<std::uint8_t>;

inline const tamp::io::ggml::type_info& type_named(std::string_view name) {
  using tamp::io::ggml::types;
  return *std::find_if(types.begin(), types.end(),
                       [&](const auto& type) { return type.name == name; });
}

/// The numbers of a row of whole blocks.
inline std::vector<float> decoded(std::string_view name, std::span<const std::uint8_t> bytes) {
  const auto& type = type_named(name);
  std::vector<float> out(bytes.size() / type.bytes * type.values);
  type.decode_row(reinterpret_cast<const std::byte*>(bytes.data()), out);
  return out;
}

/// The bytes of a row of which only the weights that keep(j) names are kept.
inline block_bytes zeroed(std::string_view name, block_bytes bytes,
                          const std::function<bool(std::size_t)>& keep) {
  const auto& type = type_named(name);
  const std::size_t cols = bytes.size() / type.bytes * type.values;
  std::vector<std::uint64_t> words((cols + 63) / 64);
  for (std::size_t j = 0; j < cols; ++j) words[j / 64] |= std::uint64_t{keep(j)} << j % 64;
  type.zero_row(reinterpret_cast<std::byte*>(bytes.data()), cols, words.data());
  return bytes;
}

inline void check_equal(std::span<const float> values, std::span<const float> expected) {
  BOOST_TEST(values.size() == expected.size());
  for (std::size_t k = 0; k < (std::min)(values.size(), expected.size()); ++k)
    BOOST_TEST(values[k] == expected[k],
               "value " << k << ": " << values[k] << " is not " << expected[k]);
}

/// Blocks whose numbers are those of expected(j).
inline void check_values(std::string_view name, const block_bytes& bytes,
                         const std::function<double(std::size_t)>& expected) {
  const auto values = decoded(name, bytes);
  std::vector<float> by_hand;
  for (std::size_t j = 0; j < values.size(); ++j)
    by_hand.push_back(static_cast<float>(expected(j)));
  check_equal(values, by_hand);
}

/// Puts the lower `bits` of a code into a byte, `place` bits up.
inline void put(block_bytes& block, std::size_t byte, std::size_t code, std::size_t place = 0,
                std::size_t bits = 8) {
  block[byte] = static_cast<std::uint8_t>(block[byte] | (code & ((1u << bits) - 1)) << place);
}

/// Knuth's generator, of which the upper byte is taken.
struct random_bytes {
  std::uint64_t state;
  std::uint8_t operator()() {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::uint8_t>(state >> 56);
  }
};

/// Blocks of random bits. The second byte of each 16-bit scale has a bit cleared, so that none is
/// infinite; so has a float.
inline block_bytes random_blocks(std::string_view name, std::size_t blocks,
                                 std::span<const std::size_t> scales, std::uint64_t seed) {
  const auto& type = type_named(name);
  random_bytes random{seed};
  block_bytes bytes(blocks * type.bytes);
  for (std::size_t k = 0; k < bytes.size(); ++k) {
    bytes[k] = random();
    for (const std::size_t scale : scales)
      if (k % type.bytes == scale + 1) bytes[k] &= 0xbf;
  }
  return bytes;
}

}  // namespace support
