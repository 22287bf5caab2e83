#include <tamp/io/ggml_types.hpp>

#include <algorithm>
#include <bit>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "ggml_bytes.hpp"

BOOST_AUTO_TEST_SUITE(io_ggml_types)

using support::block_bytes;
using support::decoded;
using support::random_blocks;
using support::type_named;
using support::zeroed;
namespace ggml = tamp::io::ggml;

namespace {

std::uint64_t fnv1a(std::span<const float> values) {
  std::uint64_t hash = 14695981039346656037u;
  for (const std::byte b : std::as_bytes(values))
    hash = (hash ^ std::to_integer<std::uint64_t>(b)) * 1099511628211u;
  return hash;
}

// A type that has a code for zero, where its 16-bit scales are, and how many bits a code has.
struct zeroable {
  std::string_view name;
  std::vector<std::size_t> scales;
  int bits;
};
const zeroable zeroable_types[] = {
    {"F32", {2}, 32}, {"F16", {0}, 16}, {"BF16", {0}, 16},  {"F64", {6}, 64},   {"Q4_0", {0}, 4},
    {"Q5_0", {0}, 5}, {"Q8_0", {0}, 8}, {"Q3_K", {108}, 3}, {"Q6_K", {208}, 6}, {"MXFP4", {}, 4}};

bool same_bits(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

}  // namespace

// Hashes of what gguf-py 0.19, an implementation of its own, makes of the same random blocks.
BOOST_AUTO_TEST_CASE(random_blocks_have_the_bits_that_another_implementation_gives_them) {
  const struct {
    std::string_view name;
    std::size_t blocks;
    std::vector<std::size_t> scales;
    std::uint64_t hash;
  } cases[] = {{"F32", 512, {2}, 0x21b489c43eee2527},      {"F16", 512, {0}, 0xa843563315ac5a60},
               {"BF16", 512, {0}, 0xde4faea5c8f055f5},     {"Q4_0", 64, {0}, 0xaf6c1d603ae08a95},
               {"Q4_1", 64, {0, 2}, 0x5304f06615c1b51d},   {"Q5_0", 64, {0}, 0x65edb1b326261bed},
               {"Q5_1", 64, {0, 2}, 0x071bbe2880a932be},   {"Q8_0", 64, {0}, 0xd9d19617718b6c7d},
               {"Q2_K", 64, {80, 82}, 0x45368d46dbbaf9bc}, {"Q3_K", 64, {108}, 0x88326da9fe253354},
               {"Q4_K", 64, {0, 2}, 0x6f1844c51520f935},   {"Q5_K", 64, {0, 2}, 0x306d76b4e715fac3},
               {"Q6_K", 64, {208}, 0x437af967d04f23e8},    {"IQ4_NL", 64, {0}, 0xba95123b806f0b64},
               {"IQ4_XS", 64, {0}, 0xb936b4e25fdb1876},    {"MXFP4", 64, {}, 0xf1ffccd76d805981}};
  for (const auto& c : cases) {
    const auto bytes = random_blocks(c.name, c.blocks, c.scales, type_named(c.name).id);
    BOOST_TEST(fnv1a(decoded(c.name, bytes)) == c.hash, c.name);
  }
}

BOOST_AUTO_TEST_CASE(dropped_weights_are_zero_and_kept_ones_keep_their_bits) {
  for (const auto& [name, scales, bits] : zeroable_types) {
    // Seven blocks: a row whose mask ends within a word, unless a block has 256 values.
    const auto bytes = random_blocks(name, 7, scales, 3);
    const auto before = decoded(name, bytes);
    support::random_bytes random{type_named(name).id};
    std::vector<bool> keep;
    for (std::size_t j = 0; j < before.size(); ++j) keep.push_back(random() % 2 == 0);
    const auto pruned = zeroed(name, bytes, [&](std::size_t j) { return bool(keep[j]); });
    const auto after = decoded(name, pruned);
    for (std::size_t j = 0; j < before.size(); ++j)
      BOOST_TEST((keep[j] ? same_bits(after[j], before[j]) : after[j] == 0), name << ' ' << j);
    BOOST_TEST((zeroed(name, bytes, [](std::size_t) { return true; }) == bytes), name);
    for (const float x : decoded(name, zeroed(name, bytes, [](std::size_t) { return false; })))
      BOOST_TEST(x == 0, name);
  }
}

// In a block of ones and in one of zeros, those bits change that are not the zero's: all bits of a
// code do in one of the two, and nothing else may.
BOOST_AUTO_TEST_CASE(a_dropped_weight_changes_the_bits_of_its_code_alone) {
  for (const auto& [name, scales, bits] : zeroable_types) {
    const auto& type = type_named(name);
    const block_bytes ones(type.bytes, 0xff), none(type.bytes, 0x00);
    block_bytes seen(type.bytes);
    for (std::size_t dropped = 0; dropped < type.values; ++dropped) {
      const auto keep = [&](std::size_t j) { return j != dropped; };
      const auto a = zeroed(name, ones, keep), b = zeroed(name, none, keep);
      int changed = 0;
      for (std::size_t k = 0; k < type.bytes; ++k) {
        const unsigned here = unsigned(a[k] ^ ones[k]) | unsigned(b[k] ^ none[k]);
        changed += std::popcount(here);
        BOOST_TEST((here & seen[k]) == 0u, name << " byte " << k);
        seen[k] = std::uint8_t(seen[k] | here);
      }
      BOOST_TEST(changed == bits, name << ' ' << dropped);
    }
    if (type.values > 1)
      for (const std::size_t scale : scales)
        BOOST_TEST((seen[scale] == 0 && seen[scale + 1] == 0), name);
  }
}

BOOST_AUTO_TEST_CASE(types_have_numbers_and_names_of_their_own) {
  for (const auto& a : ggml::types) {
    BOOST_TEST((a.values > 0 && a.bytes > 0));
    for (const auto& b : ggml::types)
      BOOST_TEST((&a == &b || (a.id != b.id && a.name != b.name)), a.name << " and " << b.name);
    BOOST_TEST(ggml::find_type(a.id) == &a);
  }
  BOOST_TEST(ggml::find_type(4) == nullptr);  // Q4_2, which ggml has given up
  BOOST_TEST(ggml::find_type(0xffffffffu) == nullptr);
}

BOOST_AUTO_TEST_CASE(which_types_are_read_and_which_have_a_zero) {
  const auto names = [](auto&& has) {
    std::vector<std::string_view> all;
    for (const auto& type : ggml::types)
      if (has(type)) all.push_back(type.name);
    return all;
  };
  const std::vector<std::string_view> read{"F32",    "F16",    "Q4_0", "Q4_1", "Q5_0", "Q5_1",
                                           "Q8_0",   "Q2_K",   "Q3_K", "Q4_K", "Q5_K", "Q6_K",
                                           "IQ4_NL", "IQ4_XS", "F64",  "BF16", "MXFP4"},
      with_zero{"F32", "F16", "Q4_0", "Q5_0", "Q8_0", "Q3_K", "Q6_K", "F64", "BF16", "MXFP4"};
  BOOST_TEST((names([](const auto& type) { return type.decode_row != nullptr; }) == read));
  BOOST_TEST((names([](const auto& type) { return type.zero_row != nullptr; }) == with_zero));
}

BOOST_AUTO_TEST_SUITE_END()
