#include <tamp/pattern/detail/highest_of_group.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <vector>

BOOST_AUTO_TEST_SUITE(pattern_detail_highest_of_group)

using tamp::detail::keep_highest;
using tamp::mask::word;

namespace {

std::vector<word> kept(const std::vector<float>& group, std::size_t drop, std::size_t first,
                       std::size_t words = 2) {
  std::vector<word> keep(words, 0);
  keep_highest(group.data(), group.size(), drop, first, keep);
  return keep;
}

}  // namespace

BOOST_AUTO_TEST_CASE(all_but_the_lowest_stay) {
  BOOST_TEST(kept({3, 1, 2, 4}, 2, 0)[0] == 0b1001u);
  BOOST_TEST(kept({3, 1, 2, 4}, 0, 0)[0] == 0b1111u);
  BOOST_TEST(kept({3, 1, 2, 4}, 4, 0)[0] == 0u);
}

BOOST_AUTO_TEST_CASE(of_equal_scores_the_lower_columns_go) {
  BOOST_TEST(kept({5, 5, 5, 5}, 2, 0)[0] == 0b1100u);
  BOOST_TEST(kept({5, 1, 5, 1}, 1, 0)[0] == 0b1101u);
}

BOOST_AUTO_TEST_CASE(a_group_may_straddle_two_words) {
  const auto keep = kept({3, 1, 2, 4}, 1, 62);
  BOOST_TEST(keep[0] == word{0b01} << 62);
  BOOST_TEST(keep[1] == 0b11u);
}

BOOST_AUTO_TEST_CASE(a_group_at_the_end_needs_no_second_word) {
  BOOST_TEST(kept({3, 1}, 0, 62, 1)[0] == word{3} << 62);
  BOOST_TEST(kept(std::vector<float>(32, 1.0f), 0, 32, 1)[0] == word{0xffffffff} << 32);
}

BOOST_AUTO_TEST_CASE(bits_before_the_group_are_left_alone) {
  std::vector<word> keep{1, 0};
  const float group[] = {1, 2};
  keep_highest(group, 2, 1, 2, keep);
  BOOST_TEST(keep[0] == 0b1001u);
}

BOOST_AUTO_TEST_SUITE_END()
