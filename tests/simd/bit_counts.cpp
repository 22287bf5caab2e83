#include <tamp/simd/bit_counts.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <random>
#include <vector>

BOOST_AUTO_TEST_SUITE(simd_bit_counts)

using tamp::detail::with_bit_counts;
using words = std::vector<tamp::mask::word>;

BOOST_AUTO_TEST_CASE(bits_of_all_words_are_counted) {
  const auto count = [](const words& all) {
    const std::size_t expected =
        tamp::detail::portable::bit_counts::count_bits(all.data(), all.size());
    BOOST_TEST(with_bit_counts([&](auto loops) {
                 return loops.count_bits(all.data(), all.size());
               }) == expected);
    return expected;
  };
  BOOST_TEST(count({}) == 0u);
  BOOST_TEST(count({0}) == 0u);
  BOOST_TEST(count({0b1011, 0x8000000000000000u, ~tamp::mask::word{0}}) == 3u + 1u + 64u);
}

BOOST_AUTO_TEST_CASE(each_bit_counts_once_at_any_place) {
  std::mt19937_64 random(1);
  words some(37);
  std::size_t expected = 0;
  for (auto& word : some) {
    word = random();
    for (std::size_t k = 0; k < 64; ++k) expected += word >> k & 1u;
  }
  BOOST_TEST(with_bit_counts([&](auto loops) {
               return loops.count_bits(some.data(), some.size());
             }) == expected);
}

BOOST_AUTO_TEST_SUITE_END()
