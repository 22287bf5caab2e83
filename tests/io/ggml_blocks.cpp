#include <tamp/io/ggml_blocks.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

BOOST_AUTO_TEST_SUITE(io_ggml_blocks)

using tamp::bf16;
using tamp::f16;
namespace ggml = tamp::io::ggml;

namespace {

const ggml::type_info& type_named(std::string_view name) {
  return *std::find_if(ggml::types.begin(), ggml::types.end(),
                       [&](const auto& type) { return type.name == name; });
}

std::vector<float> decoded(std::string_view name, std::span<const std::uint8_t> bytes) {
  const auto& type = type_named(name);
  std::vector<float> out(bytes.size() / type.bytes * type.values);
  type.decode_row(reinterpret_cast<const std::byte*>(bytes.data()), out);
  return out;
}

void check_equal(std::span<const float> values, std::span<const float> expected) {
  BOOST_TEST(values.size() == expected.size());
  for (std::size_t k = 0; k < expected.size(); ++k)
    BOOST_TEST(values[k] == expected[k],
               "value " << k << ": " << values[k] << " is not " << expected[k]);
}

// Blocks of random bits, made by gguf-py 0.19 with d (and dmin) of 1, so that all is whole.
const std::uint8_t q4_k_block[] = {
    0x00, 0x3c, 0x00, 0x3c, 0x18, 0xe9, 0xa4, 0xfb, 0xf7, 0x57, 0x4a, 0x7f, 0xa5, 0x04, 0x5d, 0xb7,
    0xaf, 0xfa, 0xc3, 0x74, 0xb9, 0x7f, 0x32, 0x79, 0xf9, 0x40, 0xff, 0x31, 0x88, 0xa1, 0xa2, 0x41,
    0x8a, 0x88, 0x52, 0xe2, 0xeb, 0xb3, 0xc9, 0xea, 0x36, 0xba, 0x13, 0x1c, 0xc9, 0x02, 0x3a, 0x1f,
    0xaf, 0x18, 0x95, 0xd6, 0xa5, 0xcb, 0xa0, 0xcd, 0x93, 0xe8, 0x78, 0xc5, 0xfa, 0x7c, 0x1d, 0x12,
    0x67, 0xfe, 0x92, 0xdd, 0x6f, 0xe9, 0x7d, 0x6f, 0xb9, 0x22, 0x94, 0x62, 0x52, 0xc8, 0xaa, 0xda,
    0xfa, 0xd7, 0x9b, 0xca, 0x8b, 0x78, 0x52, 0x0b, 0x92, 0xeb, 0x36, 0xc4, 0x91, 0xfd, 0x23, 0x68,
    0x7e, 0x7d, 0x4a, 0xf8, 0x86, 0xc4, 0x8a, 0xb5, 0xba, 0xc5, 0xe6, 0x81, 0xc8, 0x41, 0xe4, 0xcf,
    0xee, 0x46, 0xfc, 0x2c, 0x8d, 0xb5, 0x6a, 0xf8, 0x23, 0x7a, 0x89, 0xdd, 0x05, 0xd2, 0xf5, 0xbb,
    0x2e, 0xd3, 0xd2, 0x9a, 0x41, 0xda, 0xcf, 0x13, 0xe6, 0x94, 0x3e, 0xe6, 0xf7, 0x10, 0x97, 0x40};
const float q4_k_values[] = {
    305, 185, 17,  41,  161, 305, -7,  161, 161, -55, 305, -31, 137, -31, -7,  -31, 185, 137, -7,
    -7,  209, 17,  161, 185, 89,  185, 17,  233, 161, -7,  185, 305, 387, 592, 469, 264, 428, 264,
    100, 264, 592, 141, 592, 100, 305, 387, 387, 141, 305, 305, 182, 551, 551, 428, 469, 551, 100,
    428, 18,  18,  469, -23, 100, 18,  530, 278, 170, 206, 170, 386, -10, 458, 98,  278, 278, 170,
    350, 422, 458, 62,  242, 494, 62,  458, 530, 314, 458, 530, 314, 62,  134, 62,  62,  278, 350,
    350, 527, -4,  468, 704, 527, 645, 527, 645, 468, 763, 350, 645, 822, 350, -4,  -4,  291, 822,
    468, 704, 291, 763, 350, 291, 586, 55,  468, 291, 232, 645, 527, 704, -8,  -23, -3,  -8,  -3,
    -18, -48, -3,  -48, -3,  -28, -38, -53, 7,   -43, -18, 12,  7,   -8,  -18, -28, -38, -8,  -33,
    -8,  -33, -28, -53, -18, -53, -38, 17,  764, 660, 452, 608, 400, 348, 244, -16, 452, 712, 140,
    608, 452, 764, 88,  296, 348, 348, 192, 764, 400, 608, 400, 556, 556, 608, 712, 400, 608, 192,
    712, 608, 609, 249, 519, 519, 564, 204, 429, 339, 114, 429, 384, 564, 204, 69,  204, 474, 609,
    114, 69,  429, 24,  429, 654, 114, 249, 159, 609, 249, 294, -21, 294, -21, 743, 193, 798, 83,
    413, 578, 303, 798, 83,  358, 413, 688, -27, 688, 798, 578, 83,  688, 688, 468, 193, 688, 633,
    28,  743, 468, 138, 743, 798, 28,  468, 193};

const std::uint8_t q6_k_block[] = {
    0xa4, 0x7e, 0xeb, 0xfc, 0x18, 0xe9, 0xa4, 0xfb, 0xf7, 0x57, 0x4a, 0x7f, 0xa5, 0x04, 0x5d,
    0xb7, 0xaf, 0xfa, 0xc3, 0x74, 0xb9, 0x7f, 0x32, 0x79, 0xf9, 0x40, 0xff, 0x31, 0x88, 0xa1,
    0xa2, 0x41, 0x8a, 0x88, 0x52, 0xe2, 0xeb, 0xb3, 0xc9, 0xea, 0x36, 0xba, 0x13, 0x1c, 0xc9,
    0x02, 0x3a, 0x1f, 0xaf, 0x18, 0x95, 0xd6, 0xa5, 0xcb, 0xa0, 0xcd, 0x93, 0xe8, 0x78, 0xc5,
    0xfa, 0x7c, 0x1d, 0x12, 0x67, 0xfe, 0x92, 0xdd, 0x6f, 0xe9, 0x7d, 0x6f, 0xb9, 0x22, 0x94,
    0x62, 0x52, 0xc8, 0xaa, 0xda, 0xfa, 0xd7, 0x9b, 0xca, 0x8b, 0x78, 0x52, 0x0b, 0x92, 0xeb,
    0x36, 0xc4, 0x91, 0xfd, 0x23, 0x68, 0x7e, 0x7d, 0x4a, 0xf8, 0x86, 0xc4, 0x8a, 0xb5, 0xba,
    0xc5, 0xe6, 0x81, 0xc8, 0x41, 0xe4, 0xcf, 0xee, 0x46, 0xfc, 0x2c, 0x8d, 0xb5, 0x6a, 0xf8,
    0x23, 0x7a, 0x89, 0xdd, 0x05, 0xd2, 0xf5, 0xbb, 0x2e, 0xd3, 0xd2, 0x9a, 0x41, 0xda, 0xcf,
    0x13, 0xe6, 0x94, 0x3e, 0xe6, 0xf7, 0x10, 0x97, 0x40, 0xa8, 0x56, 0x56, 0x9a, 0x35, 0x23,
    0xa4, 0xcb, 0x37, 0xb2, 0xf7, 0xae, 0xf7, 0xf0, 0x86, 0xbc, 0xc6, 0x2b, 0x10, 0x27, 0x96,
    0x26, 0x2b, 0x6f, 0x63, 0x30, 0x12, 0x88, 0xe9, 0xaf, 0xa7, 0xda, 0xfc, 0x3d, 0xed, 0xf0,
    0x82, 0xae, 0x7d, 0xcf, 0xf2, 0x21, 0xdc, 0x70, 0x38, 0xd8, 0x2b, 0x60, 0x09, 0x5e, 0xd7,
    0xdd, 0xc1, 0xaa, 0x94, 0x66, 0xf4, 0x9f, 0x1f, 0xa2, 0x0a, 0xe7, 0x76, 0xdf, 0x00, 0x3c};
const float q6_k_values[] = {
    36,    270,   99,    108,   -72,   81,    180,   243,   63,    -225,  90,    135,   189,  -252,
    261,   -225,  -1598, 940,   282,   376,   -658,  2914,  -2820, 2350,  2350,  0,     2914, 94,
    2256,  -2914, 188,   -2914, -1066, 984,   1230,  -82,   861,   -123,  -1025, 902,   410,  246,
    -779,  164,   287,   1230,  246,   697,   -525,  280,   385,   -210,  385,   735,   560,  -455,
    455,   840,   280,   -735,  210,   700,   105,   -630,  -630,  567,   126,   63,    1953, 126,
    1386,  63,    -945,  693,   -1260, -441,  -1638, 1008,  693,   1323,  -860,  86,    344,  774,
    -2322, -602,  -258,  2150,  -2666, -1720, -2666, -258,  -2064, -2236, 1892,  -1720, 2592, -2592,
    -2268, -1512, 216,   -2916, -3024, 1944,  -2052, -1188, 3348,  -1836, -3024, 3456,  -324, 1620,
    1020,  -1530, -714,  1326,  -2244, -2040, 1020,  2856,  -2346, 1428,  2346,  1224,  3162, 2346,
    102,   102,   -84,   -360,  360,   -348,  -180,  -108,  -348,  -372,  -300,  360,   -48,  360,
    168,   -288,  -312,  -120,  2134,  873,   485,   2134,  -1067, -776,  1358,  -2619, -194, 485,
    2522,  2716,  3007,  1843,  -1843, 2328,  -62,   403,   -682,  -248,  -310,  -372,  310,  651,
    -682,  -837,  -806,  31,    248,   527,   -372,  465,   -2820, -2068, -2632, 1880,  1786, -1974,
    -2444, -2256, 2726,  2068,  -2350, 1786,  -470,  -188,  -470,  1974,  -260,  150,   -70,  130,
    -100,  140,   70,    60,    110,   180,   -70,   -260,  50,    120,   100,   -30,   -775, -725,
    -225,  -700,  600,   -175,  -525,  800,   -625,  -350,  325,   -700,  -625,  25,    -50,  -150,
    2714,  -2950, -3304, -2006, 944,   -2360, -2832, -590,  -590,  -2360, -2124, 944,   3304, 472,
    1652,  3304,  -990,  924,   -1023, -594,  -264,  -363,  330,   -1023, -594,  825,   -792, 99,
    1056,  -957,  561,   165};

// Knuth's generator, of which the upper byte is taken.
struct random_bytes {
  std::uint64_t state;
  std::uint8_t operator()() {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::uint8_t>(state >> 56);
  }
};

std::uint64_t fnv1a(std::span<const float> values) {
  std::uint64_t hash = 14695981039346656037u;
  for (const std::byte b : std::as_bytes(values))
    hash = (hash ^ std::to_integer<std::uint64_t>(b)) * 1099511628211u;
  return hash;
}

}  // namespace

BOOST_AUTO_TEST_CASE(plain_numbers_are_blocks_of_one) {
  // 1.5 and -2 in each of the formats
  const std::uint8_t f32s[] = {0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0}, f16s[] = {0, 0x3e, 0, 0xc0},
                     bf16s[] = {0xc0, 0x3f, 0, 0xc0};
  const float expected[] = {1.5f, -2};
  check_equal(decoded("F32", f32s), expected);
  check_equal(decoded("F16", f16s), expected);
  check_equal(decoded("BF16", bf16s), expected);
}

BOOST_AUTO_TEST_CASE(q4_0_by_hand) {
  std::uint8_t block[18] = {0x00, 0x38};  // d = 0.5
  for (std::uint8_t k = 0; k < 16; ++k) block[2 + k] = static_cast<std::uint8_t>(k | (15 - k) << 4);
  float expected[32];
  for (int k = 0; k < 16; ++k) {
    expected[k] = 0.5f * static_cast<float>(k - 8);
    expected[16 + k] = 0.5f * static_cast<float>(7 - k);
  }
  check_equal(decoded("Q4_0", block), expected);
}

BOOST_AUTO_TEST_CASE(q4_1_by_hand) {
  std::uint8_t block[20] = {0x00, 0x40, 0x00, 0xbc};  // d = 2, m = -1
  for (std::uint8_t k = 0; k < 16; ++k) block[4 + k] = static_cast<std::uint8_t>(k | (15 - k) << 4);
  float expected[32];
  for (int k = 0; k < 16; ++k) {
    expected[k] = static_cast<float>(2 * k - 1);
    expected[16 + k] = static_cast<float>(29 - 2 * k);
  }
  check_equal(decoded("Q4_1", block), expected);
}

BOOST_AUTO_TEST_CASE(q8_0_by_hand) {
  std::uint8_t block[34] = {0x00, 0x34};  // d = 0.25
  float expected[32];
  for (int k = 0; k < 32; ++k) {
    const int q = k == 0 ? -128 : k == 1 ? 127 : 5 * k - 80;
    block[2 + k] = static_cast<std::uint8_t>(q);
    expected[k] = 0.25f * static_cast<float>(q);
  }
  check_equal(decoded("Q8_0", block), expected);
}

// One bit of each packed field at a time, against the fields' definition.
BOOST_AUTO_TEST_CASE(q4_k_has_six_bits_for_each_scale_and_minimum) {
  for (unsigned group = 0; group < 8; ++group)
    for (unsigned bit = 0; bit < 6; ++bit)
      for (const bool minimum : {false, true}) {
        std::uint8_t block[144] = {0x00, 0x3c, 0x00, 0x3c};      // d = dmin = 1
        std::fill(block + 16, block + 144, std::uint8_t{0x11});  // every q is 1
        const unsigned field = (minimum ? 4 : 0) + group;
        if (group < 4)
          block[4 + field] = static_cast<std::uint8_t>(1 << bit);
        else if (bit < 4)
          block[4 + group + 4] = static_cast<std::uint8_t>(1 << (bit + (minimum ? 4 : 0)));
        else
          block[4 + group - (minimum ? 0 : 4)] = static_cast<std::uint8_t>(1 << (bit + 2));
        const auto values = decoded("Q4_K", block);
        const float expected = static_cast<float>(1 << bit) * (minimum ? -1.0f : 1.0f);
        for (std::size_t j = 0; j < 32; ++j) BOOST_TEST(values[group * 32 + j] == expected);
        // The other groups: only the one whose spare bits may hold these bits could differ.
        for (std::size_t k = 0; k < 256; ++k)
          if (k / 32 != group && !(group >= 4 && bit >= 4)) BOOST_TEST(values[k] == 0);
      }
}

BOOST_AUTO_TEST_CASE(q4_k_of_a_random_block) {
  check_equal(decoded("Q4_K", q4_k_block), q4_k_values);
}

BOOST_AUTO_TEST_CASE(q6_k_of_a_random_block) {
  check_equal(decoded("Q6_K", q6_k_block), q6_k_values);
}

BOOST_AUTO_TEST_CASE(zero_bits_are_the_smallest_values) {
  const std::uint8_t q4_0[18] = {0, 0x3c};
  for (const float x : decoded("Q4_0", q4_0)) BOOST_TEST(x == -8);
  std::uint8_t q6_k[210] = {};
  std::fill(q6_k + 192, q6_k + 208, std::uint8_t{1});
  q6_k[209] = 0x3c;
  for (const float x : decoded("Q6_K", q6_k)) BOOST_TEST(x == -32);
}

BOOST_AUTO_TEST_CASE(a_row_is_block_after_block_at_any_address) {
  std::vector<std::uint8_t> bytes(1 + 3 * 34);
  for (int block = 0; block < 3; ++block) {
    bytes[static_cast<std::size_t>(1 + block * 34 + 1)] = 0x3c;
    for (int k = 0; k < 32; ++k)
      bytes[static_cast<std::size_t>(1 + block * 34 + 2 + k)] =
          static_cast<std::uint8_t>(block * 32 + k);
  }
  const auto values = decoded("Q8_0", std::span(bytes).subspan(1));
  BOOST_TEST(values.size() == 96u);
  for (std::size_t k = 0; k < 96; ++k) BOOST_TEST(values[k] == static_cast<float>(k));
}

BOOST_AUTO_TEST_CASE(a_scale_that_is_not_finite_is_handed_out_as_it_is) {
  const std::uint8_t nan[34] = {0x00, 0x7e, 1}, infinite[34] = {0x00, 0x7c, 1, 0xff};
  BOOST_TEST(std::isnan(decoded("Q8_0", nan)[0]));
  const float expected[] = {std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()};
  const auto values = decoded("Q8_0", infinite);
  check_equal(std::span(values).first(2), expected);
}

// Hashes of what gguf-py 0.19, an implementation of its own, makes of the same random blocks. The
// second byte of each 16-bit scale has a bit cleared, so that no scale is infinite.
BOOST_AUTO_TEST_CASE(random_blocks_have_the_bits_that_another_implementation_gives_them) {
  const struct {
    std::string_view name;
    std::size_t blocks;
    std::vector<std::size_t> scales;
    std::uint64_t hash;
  } cases[] = {{"F32", 512, {2}, 0x21b489c43eee2527},    {"F16", 512, {0}, 0xa843563315ac5a60},
               {"BF16", 512, {0}, 0xde4faea5c8f055f5},   {"Q4_0", 64, {0}, 0xaf6c1d603ae08a95},
               {"Q4_1", 64, {0, 2}, 0x5304f06615c1b51d}, {"Q8_0", 64, {0}, 0xd9d19617718b6c7d},
               {"Q4_K", 64, {0, 2}, 0x6f1844c51520f935}, {"Q6_K", 64, {208}, 0x437af967d04f23e8}};
  for (const auto& c : cases) {
    const auto& type = type_named(c.name);
    random_bytes random{type.id};
    std::vector<std::uint8_t> bytes(c.blocks * type.bytes);
    for (std::size_t k = 0; k < bytes.size(); ++k) {
      bytes[k] = random();
      for (const std::size_t scale : c.scales)
        if (k % type.bytes == scale + 1) bytes[k] &= 0xbf;
    }
    BOOST_TEST(fnv1a(decoded(c.name, bytes)) == c.hash, c.name);
  }
}

BOOST_AUTO_TEST_CASE(types_have_numbers_and_names_of_their_own) {
  for (const auto& a : ggml::types) {
    BOOST_TEST((a.values > 0 && a.bytes > 0));
    for (const auto& b : ggml::types)
      BOOST_TEST((&a == &b || (a.id != b.id && a.name != b.name)), a.name << " and " << b.name);
  }
  BOOST_TEST(std::count_if(ggml::types.begin(), ggml::types.end(),
                           [](const auto& type) { return type.decode_row != nullptr; }) == 8);
}

BOOST_AUTO_TEST_SUITE_END()
