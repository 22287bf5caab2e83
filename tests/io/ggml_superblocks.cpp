#include <tamp/io/ggml_superblocks.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "ggml_bytes.hpp"

BOOST_AUTO_TEST_SUITE(io_ggml_superblocks)

using support::block_bytes;
using support::check_equal;
using support::check_values;
using support::decoded;
using support::put;
using support::zeroed;

namespace {

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

// The fields of blocks as ggml describes them, for weight k of 256 or one of their groups.
void put_two_bits(block_bytes& block, std::size_t begin, std::size_t k, std::size_t code) {
  put(block, begin + k / 128 * 32 + k % 32, code, k % 128 / 32 * 2, 2);
}
void put_run_of_nibbles(block_bytes& block, std::size_t begin, std::size_t k, std::size_t code) {
  put(block, begin + k / 64 * 32 + k % 32, code, k % 64 / 32 * 4, 4);
}
void put_upper_bit(block_bytes& block, std::size_t begin, std::size_t k, std::size_t code) {
  put(block, begin + k % 32, code, k / 32, 1);
}
void put_scale_and_minimum(block_bytes& block, std::size_t group, std::size_t s, std::size_t m) {
  if (group < 4) {
    put(block, 4 + group, s, 0, 6);
    put(block, 8 + group, m, 0, 6);
  } else {
    put(block, 8 + group, s, 0, 4);
    put(block, 8 + group, m, 4, 4);
    put(block, group, s >> 4, 6, 2);
    put(block, 4 + group, m >> 4, 6, 2);
  }
}

std::size_t code_of(std::size_t k, std::size_t codes) { return (5 * k + k / 16) % codes; }

// d = 0.5 (a 16-bit 0x3800), codes of three bits and scales of six.
block_bytes q3_k_by_hand() {
  block_bytes block(110);
  for (std::size_t k = 0; k < 256; ++k) {
    put_upper_bit(block, 0, k, code_of(k, 8) >> 2);
    put_two_bits(block, 32, k, code_of(k, 8));
  }
  for (std::size_t group = 0; group < 16; ++group) {
    const std::size_t s = code_of(group, 64);
    put(block, 96 + group % 8, s, group / 8 * 4, 4);
    put(block, 104 + group % 4, s >> 4, group / 4 * 2, 2);
  }
  block[109] = 0x38;
  return block;
}
double q3_k_number(std::size_t k) {
  return 0.5 * (double(code_of(k / 16, 64)) - 32) * (double(code_of(k, 8)) - 4);
}

// d = 0.25, codes of six bits and signed scales.
block_bytes q6_k_by_hand() {
  block_bytes block(210);
  for (std::size_t k = 0; k < 256; ++k) {
    const std::size_t quarter = k % 128 / 32;
    put(block, k / 128 * 64 + quarter % 2 * 32 + k % 32, code_of(k, 64), quarter / 2 * 4, 4);
    put_two_bits(block, 128, k, code_of(k, 64) >> 4);
  }
  for (std::size_t group = 0; group < 16; ++group) block[192 + group] = std::uint8_t(17 * group);
  block[209] = 0x34;
  return block;
}
double q6_k_number(std::size_t k) {
  return 0.25 * std::int8_t(17 * (k / 16)) * (double(code_of(k, 64)) - 32);
}

// Drops every third weight.
bool two_of_three(std::size_t k) { return k % 3 != 0; }

}  // namespace

BOOST_AUTO_TEST_CASE(q2_k_by_hand) {
  block_bytes block(84);
  for (std::size_t k = 0; k < 256; ++k) put_two_bits(block, 16, k, code_of(k, 4));
  for (std::size_t group = 0; group < 16; ++group) {
    put(block, group, group, 0, 4);       // s
    put(block, group, 15 - group, 4, 4);  // m
  }
  block[81] = 0x40;  // d = 2
  block[83] = 0x38;  // dmin = 0.5
  check_values("Q2_K", block, [](std::size_t k) {
    const double s = double(k / 16), m = 15 - s;
    return 2 * s * double(code_of(k, 4)) - 0.5 * m;
  });
}

BOOST_AUTO_TEST_CASE(q3_k_by_hand_and_its_zeros) {
  const block_bytes block = q3_k_by_hand();
  check_values("Q3_K", block, q3_k_number);
  check_values("Q3_K", zeroed("Q3_K", block, two_of_three),
               [](std::size_t k) { return two_of_three(k) ? q3_k_number(k) : 0; });
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

BOOST_AUTO_TEST_CASE(q5_k_by_hand) {
  block_bytes block(176);
  const auto s = [](std::size_t group) { return 63 - 7 * group; };
  const auto m = [](std::size_t group) { return 9 * group; };
  for (std::size_t k = 0; k < 256; ++k) {
    put_upper_bit(block, 16, k, code_of(k, 32) >> 4);
    put_run_of_nibbles(block, 48, k, code_of(k, 32));
  }
  for (std::size_t group = 0; group < 8; ++group)
    put_scale_and_minimum(block, group, s(group), m(group));
  block[1] = 0x38;  // d = 0.5
  block[3] = 0xc0;  // dmin = -2
  check_values("Q5_K", block, [&](std::size_t k) {
    return 0.5 * double(s(k / 32)) * double(code_of(k, 32)) + 2 * double(m(k / 32));
  });
}

BOOST_AUTO_TEST_CASE(q6_k_by_hand_and_its_zeros) {
  const block_bytes block = q6_k_by_hand();
  check_values("Q6_K", block, q6_k_number);
  check_values("Q6_K", zeroed("Q6_K", block, two_of_three),
               [](std::size_t k) { return two_of_three(k) ? q6_k_number(k) : 0; });
}

BOOST_AUTO_TEST_CASE(q6_k_of_a_random_block) {
  check_equal(decoded("Q6_K", q6_k_block), q6_k_values);
}

BOOST_AUTO_TEST_CASE(iq4_xs_by_hand) {
  block_bytes block(136);
  const auto s = [](std::size_t group) { return 9 * group; };
  for (std::size_t group = 0; group < 8; ++group) {
    put(block, 2 + group / 4, s(group) >> 4, group % 4 * 2, 2);
    put(block, 4 + group / 2, s(group), group % 2 * 4, 4);
    for (std::size_t j = 0; j < 16; ++j)
      block[8 + 16 * group + j] = static_cast<std::uint8_t>(j | (15 - j) << 4);
  }
  block[1] = 0x38;  // d = 0.5
  const double numbers[] = {-127, -104, -83, -65, -49, -35, -22, -10,
                            1,    13,   25,  38,  53,  69,  89,  113};
  check_values("IQ4_XS", block, [&](std::size_t k) {
    const std::size_t j = k % 32, q = j < 16 ? j : 31 - j;
    return 0.5 * (double(s(k / 32)) - 32) * numbers[q];
  });
}

BOOST_AUTO_TEST_CASE(zero_bits_are_the_smallest_values) {
  block_bytes q6_k(210), q3_k(110);
  std::fill(q6_k.begin() + 192, q6_k.begin() + 208, std::uint8_t{1});
  q6_k[209] = 0x3c;
  for (const float x : decoded("Q6_K", q6_k)) BOOST_TEST(x == -32);
  q3_k[109] = 0x3c;
  for (const float x : decoded("Q3_K", q3_k)) BOOST_TEST(x == 128);  // -32 * -4
}

BOOST_AUTO_TEST_SUITE_END()
