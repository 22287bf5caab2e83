#include <tamp/io/ggml_blocks.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "ggml_bytes.hpp"

BOOST_AUTO_TEST_SUITE(io_ggml_blocks)

using support::block_bytes;
using support::check_equal;
using support::check_values;
using support::decoded;
using support::put;
using support::zeroed;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

// 16 bytes from `begin`: codes 0 to 15, then 15 to 0.
void put_every_nibble(block_bytes& block, std::size_t begin) {
  for (std::size_t j = 0; j < 16; ++j)
    block[begin + j] = static_cast<std::uint8_t>(j | (15 - j) << 4);
}
std::size_t nibble_of(std::size_t k) { return k < 16 ? k : 31 - k; }

bool is_even(std::size_t k) { return k % 2 == 0; }

// The bytes of a block from `begin` on, against those expected.
void check_bytes(const block_bytes& block, std::size_t begin,
                 const std::vector<unsigned>& expected) {
  for (std::size_t k = 0; k < expected.size(); ++k)
    BOOST_TEST(block[begin + k] == expected[k], "byte " << begin + k);
}

}  // namespace

BOOST_AUTO_TEST_CASE(plain_numbers_are_blocks_of_one) {
  // 1.5 and -2 in each of the formats
  const block_bytes f32s{0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0}, f16s{0, 0x3e, 0, 0xc0},
      bf16s{0xc0, 0x3f, 0, 0xc0}, f64s{0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0};
  const float expected[] = {1.5f, -2}, second_only[] = {0, -2};
  for (const auto& [name, bytes] : {std::pair<std::string_view, block_bytes>{"F32", f32s},
                                    {"F16", f16s},
                                    {"BF16", bf16s},
                                    {"F64", f64s}}) {
    check_equal(decoded(name, bytes), expected);
    check_equal(decoded(name, zeroed(name, bytes, [](auto j) { return j == 1; })), second_only);
  }
  // A number that is not finite can be dropped, and is +0 then.
  check_bytes(zeroed("F16", {0x01, 0xfe, 0, 0xfc}, [](auto) { return false; }), 0, {0, 0, 0, 0});
}

BOOST_AUTO_TEST_CASE(doubles_are_rounded_to_float) {
  const double numbers[] = {0.1, -1e300, 1e-300, 16777217};
  block_bytes bytes(sizeof numbers);
  std::memcpy(bytes.data(), numbers, sizeof numbers);
  const float expected[] = {0.1f, -infinity, 0, 16777216};
  check_equal(decoded("F64", bytes), expected);
  // The kept ones are still doubles.
  double after[4];
  const auto kept = zeroed("F64", bytes, is_even);
  std::memcpy(after, kept.data(), sizeof after);
  BOOST_TEST((after[0] == 0.1 && after[1] == 0 && after[2] == 1e-300 && after[3] == 0));
}

BOOST_AUTO_TEST_CASE(q4_0_by_hand_and_its_zeros) {
  block_bytes block(18);
  block[1] = 0x38;  // d = 0.5
  put_every_nibble(block, 2);
  const auto number = [](std::size_t k) { return 0.5 * (double(nibble_of(k)) - 8); };
  check_values("Q4_0", block, number);
  const auto kept = zeroed("Q4_0", block, is_even);
  check_values("Q4_0", kept, [&](std::size_t k) { return is_even(k) ? number(k) : 0; });
  check_bytes(kept, 0, {0x00, 0x38, 0xf0, 0x88, 0xd2, 0x88, 0xb4, 0x88, 0x96, 0x88});
}

BOOST_AUTO_TEST_CASE(q4_1_by_hand) {
  block_bytes block(20);
  block[1] = 0x40;  // d = 2
  block[3] = 0xbc;  // m = -1
  put_every_nibble(block, 4);
  check_values("Q4_1", block, [](std::size_t k) { return 2 * double(nibble_of(k)) - 1; });
}

// Five bits: 16 is added to weight k where bit k of the word 0xf0cc5a01 is 1.
BOOST_AUTO_TEST_CASE(q5_0_and_q5_1_by_hand_and_the_zeros_of_q5_0) {
  constexpr std::uint32_t upper = 0xf0cc5a01;
  const auto code = [](std::size_t k) {
    return double(nibble_of(k)) + ((upper >> k & 1u) != 0 ? 16 : 0);
  };
  block_bytes q5_0(22), q5_1(24);
  q5_0[1] = q5_1[1] = 0x38;  // d = 0.5
  q5_1[3] = 0xc4;            // m = -4
  for (std::size_t k = 0; k < 4; ++k) {
    put(q5_0, 2 + k, upper >> 8 * k & 0xffu);
    put(q5_1, 4 + k, upper >> 8 * k & 0xffu);
  }
  put_every_nibble(q5_0, 6);
  put_every_nibble(q5_1, 8);
  const auto number = [&](std::size_t k) { return 0.5 * (code(k) - 16); };
  check_values("Q5_0", q5_0, number);
  check_values("Q5_1", q5_1, [&](std::size_t k) { return 0.5 * code(k) - 4; });
  const auto kept = zeroed("Q5_0", q5_0, is_even);
  check_values("Q5_0", kept, [&](std::size_t k) { return is_even(k) ? number(k) : 0; });
  // The upper bits of dropped weights, which are the odd ones, are 1, and their lower ones 0.
  check_bytes(kept, 0, {0x00, 0x38, 0xab, 0xfa, 0xee, 0xfa, 0xf0, 0x00, 0xd2, 0x00, 0xb4, 0x00});
}

BOOST_AUTO_TEST_CASE(q8_0_by_hand_and_its_zeros) {
  block_bytes block(34);
  block[1] = 0x34;  // d = 0.25
  const auto q = [](std::size_t k) { return k == 0 ? -128 : k == 1 ? 127 : 5 * int(k) - 80; };
  for (std::size_t k = 0; k < 32; ++k) block[2 + k] = static_cast<std::uint8_t>(q(k));
  check_values("Q8_0", block, [&](std::size_t k) { return 0.25 * q(k); });
  const auto kept = zeroed("Q8_0", block, is_even);
  check_values("Q8_0", kept, [&](std::size_t k) { return is_even(k) ? 0.25 * q(k) : 0; });
  check_bytes(kept, 0, {0x00, 0x34, 0x80, 0x00, 0xba, 0x00});
}

BOOST_AUTO_TEST_CASE(iq4_nl_by_hand) {
  block_bytes block(18);
  block[1] = 0xc0;  // d = -2
  put_every_nibble(block, 2);
  const double numbers[] = {-127, -104, -83, -65, -49, -35, -22, -10,
                            1,    13,   25,  38,  53,  69,  89,  113};
  check_values("IQ4_NL", block, [&](std::size_t k) { return -2 * numbers[nibble_of(k)]; });
}

BOOST_AUTO_TEST_CASE(mxfp4_by_hand_and_its_zeros) {
  block_bytes block(17);
  block[0] = 129;  // 2^(129 - 127)
  put_every_nibble(block, 1);
  const double numbers[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6};
  const auto number = [&](std::size_t k) { return 4 * numbers[nibble_of(k)]; };
  check_values("MXFP4", block, number);
  const auto kept = zeroed("MXFP4", block, is_even);
  check_values("MXFP4", kept, [&](std::size_t k) { return is_even(k) ? number(k) : 0; });
  check_bytes(kept, 0, {129, 0xf0, 0x00, 0xd2, 0x00, 0xb4, 0x00});
}

// The smallest scales are subnormal. The largest is 2^128, which is no float, but half of it is.
BOOST_AUTO_TEST_CASE(mxfp4_has_a_scale_for_every_exponent) {
  for (const int e : {0, 1, 2, 126, 127, 253, 254, 255}) {
    block_bytes block(17);
    block[0] = static_cast<std::uint8_t>(e);
    put_every_nibble(block, 1);
    const auto values = decoded("MXFP4", block);
    BOOST_TEST((values[0] == 0 && values[8] == 0 && !std::signbit(values[8])), e);
    BOOST_TEST(values[1] == std::ldexp(1.0f, e - 128), e);
    BOOST_TEST(values[15] == std::ldexp(-12.0f, e - 128), e);  // infinite for the largest two
  }
}

BOOST_AUTO_TEST_CASE(zero_bits_are_the_smallest_values) {
  block_bytes q4_0(18), q5_0(22);
  q4_0[1] = q5_0[1] = 0x3c;
  for (const float x : decoded("Q4_0", q4_0)) BOOST_TEST(x == -8);
  for (const float x : decoded("Q5_0", q5_0)) BOOST_TEST(x == -16);
}

BOOST_AUTO_TEST_CASE(a_row_is_block_after_block_at_any_address) {
  block_bytes bytes(1 + 3 * 34);
  for (std::size_t block = 0; block < 3; ++block) {
    bytes[1 + block * 34 + 1] = 0x3c;
    for (std::size_t k = 0; k < 32; ++k)
      bytes[1 + block * 34 + 2 + k] = static_cast<std::uint8_t>(block * 32 + k);
  }
  const auto values = decoded("Q8_0", std::span(bytes).subspan(1));
  BOOST_TEST(values.size() == 96u);
  for (std::size_t k = 0; k < 96; ++k) BOOST_TEST(values[k] == static_cast<float>(k));
}

BOOST_AUTO_TEST_CASE(a_scale_that_is_not_finite_is_handed_out_as_it_is_and_leaves_no_zero) {
  block_bytes nan(34), infinite(34);
  nan[1] = 0x7e;
  infinite[1] = 0x7c;
  nan[2] = infinite[2] = 1;
  infinite[3] = 0xff;
  BOOST_TEST(std::isnan(decoded("Q8_0", nan)[0]));
  const float expected[] = {infinity, -infinity};
  const auto values = decoded("Q8_0", infinite);
  check_equal(std::span(values).first(2), expected);
  const auto none = [](std::size_t) { return false; };
  for (const auto& block : {nan, infinite})
    for (const float x : decoded("Q8_0", zeroed("Q8_0", block, none))) BOOST_TEST(std::isnan(x));
}

BOOST_AUTO_TEST_SUITE_END()
