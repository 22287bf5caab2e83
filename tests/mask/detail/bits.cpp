#include <tamp/mask/detail/bits.hpp>

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <random>
#include <vector>

BOOST_AUTO_TEST_SUITE(mask_detail_bits)

using tamp::detail::pack_bits;
using tamp::detail::transpose_bits;
using tamp::mask::word;

BOOST_AUTO_TEST_CASE(the_kth_number_is_the_kth_bit_and_the_rest_is_cleared) {
  const auto packed = [](std::size_t count, auto keep) {
    std::vector<word> words((count + 63) / 64, ~word{0});
    pack_bits(words, count, keep);
    return words;
  };
  const auto odd = [](std::size_t j) { return j % 2 == 1; };
  BOOST_TEST(packed(5, odd) == std::vector<word>{0b01010}, boost::test_tools::per_element());
  BOOST_TEST(packed(70, odd) == (std::vector<word>{0xaaaaaaaaaaaaaaaau, 0b101010}),
             boost::test_tools::per_element());
  const auto all = [](std::size_t) { return true; };
  BOOST_TEST(packed(64, all) == std::vector<word>{~word{0}}, boost::test_tools::per_element());
  BOOST_TEST(packed(65, all) == (std::vector<word>{~word{0}, 1}), boost::test_tools::per_element());
  BOOST_TEST(packed(0, all).empty());
}

BOOST_AUTO_TEST_CASE(rows_of_bits_become_columns) {
  std::mt19937_64 random(2);
  std::array<word, 64> before;
  std::generate(before.begin(), before.end(), random);
  std::array<word, 64> after = before;
  transpose_bits(after);
  std::size_t wrong = 0;
  for (std::size_t r = 0; r < 64; ++r)
    for (std::size_t c = 0; c < 64; ++c) wrong += (after[c] >> r & 1) != (before[r] >> c & 1);
  BOOST_TEST(wrong == 0u);
  transpose_bits(after);
  BOOST_TEST(after == before, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
