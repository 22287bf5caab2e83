#include <tamp/model/block_shape.hpp>

#include <boost/test/unit_test.hpp>
#include <cstdint>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(model_block_shape)

using tamp::block_shape;

namespace {

// 8 heads of 2 over 2 heads of keys, 10 wide, 30 channels.
constexpr block_shape grouped{10, 16, 4, 30, 3};

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  static_assert(grouped.projections(3) == 3 * 10 * (16 + 4 + 4));
  static_assert(grouped.attention(3) == 2 * 9 * 16);  // scores and sums of values, the full square
  static_assert(grouped.pairs(5) == 2 * 5 * 16);
  static_assert(grouped.output(3) == 3 * 16 * 10);
  static_assert(grouped.feed_forward(3) == 3 * 3 * 10 * 30);
  static_assert(grouped.channels(3, 7) == 3 * 3 * 10 * 7);
  BOOST_TEST(grouped.block(3) == 720u + 288u + 480u + 2700u);
}

BOOST_AUTO_TEST_CASE(tokens_that_leave_behind_attention_cost_no_more) {
  BOOST_TEST(grouped.block(3, 2) == 720u + 288u + 320u + 1800u);
  BOOST_TEST(grouped.block(3, 0) == 720u + 288u);
  BOOST_TEST(grouped.block(3, 3) == grouped.block(3));
}

BOOST_AUTO_TEST_CASE(the_plain_shape_is_what_papers_count) {
  for (const std::uint64_t n : {0u, 1u, 77u, 2048u})
    for (const std::uint64_t d : {1u, 576u, 4096u})
      for (const std::uint64_t m : {1u, 1536u, 11008u}) {
        BOOST_TEST(block_shape::plain(d, m).block(n) ==
                   4 * n * d * d + 2 * n * n * d + 3 * n * d * m);
        BOOST_TEST(block_shape::plain(d, m, 2).block(n) ==
                   4 * n * d * d + 2 * n * n * d + 2 * n * d * m);
      }
  BOOST_TEST((block_shape::plain(4, 8) == block_shape{4, 4, 4, 8, 3}));
  BOOST_TEST((block_shape::plain(4, 8) != block_shape{4, 4, 2, 8, 3}));
}

BOOST_AUTO_TEST_CASE(nothing_costs_nothing) {
  BOOST_TEST(grouped.block(0) == 0u);
  BOOST_TEST(block_shape{}.block(1000) == 0u);
}

BOOST_AUTO_TEST_CASE(counts_of_large_models_are_exact) {
  // 70 billion weights' shape on a million tokens.
  constexpr auto large = block_shape::plain(8192, 28672);
  BOOST_TEST(large.attention(1'000'000) == 16'384'000'000'000'000u);
  BOOST_TEST(large.feed_forward(1'000'000) == 704'643'072'000'000u);
}

BOOST_AUTO_TEST_CASE(counts_that_64_bits_cannot_hold_are_refused) {
  constexpr std::uint64_t large = std::uint64_t{1} << 32;
  const auto shape = block_shape::plain(1, 1);
  BOOST_TEST(shape.attention(large / 2) == std::uint64_t{1} << 63);
  support::check_error<tamp::value_error>(
      "multiply-adds: 4294967296 times 4294967296 is too large to be counted",
      [&] { shape.attention(large); });
  support::check_error<tamp::value_error>(
      "multiply-adds: 2 times 9223372036854775808 is too large to be counted",
      [&] { block_shape{1, 1, std::uint64_t{1} << 63, 1}.projections(1); });
  support::check_error<tamp::value_error>(
      "multiply-adds: 4294967296 times 4294967296 is too large to be counted",
      [&] { block_shape{large, large, 1, 1}.output(1); });
  support::check_error<tamp::value_error>(
      "multiply-adds: 4294967296 times 4294967296 is too large to be counted",
      [&] { block_shape{large, 1, 1, 1, 1}.channels(1, large); });
}

BOOST_AUTO_TEST_SUITE_END()
