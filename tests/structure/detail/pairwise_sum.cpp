#include <tamp/structure/detail/pairwise_sum.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <span>
#include <vector>

BOOST_AUTO_TEST_SUITE(structure_detail_pairwise_sum)

using tamp::detail::pairwise_sum;

BOOST_AUTO_TEST_CASE(few_numbers_are_added_in_order) {
  BOOST_TEST(pairwise_sum({}) == 0.0);
  const std::vector<double> three{1e16, 1, 1};
  BOOST_TEST(pairwise_sum(three) == 1e16);  // each 1 is lost by itself
}

BOOST_AUTO_TEST_CASE(eight_and_more_are_added_by_eight_running_sums) {
  // In pairs (0 1)(2 3) (4 5)(6 7): the ones beside the large number are lost, all others count.
  const std::vector<double> eight{1e16, 1, 1, 1, 1, 1, 1, 1};
  BOOST_TEST(pairwise_sum(eight) == 1e16 + 6);
  // The ninth is added behind.
  const std::vector<double> nine{1, 1, 1, 1, 1, 1, 1, 1, 0.5};
  BOOST_TEST(pairwise_sum(nine) == 8.5);
}

BOOST_AUTO_TEST_CASE(many_are_added_by_halves_of_whole_eights) {
  std::vector<double> numbers(1000);
  for (std::size_t k = 0; k < numbers.size(); ++k) numbers[k] = 1.0 / static_cast<double>(k + 3);
  // 1000 / 2 = 500, of which 496 are whole eights.
  const std::span<const double> all(numbers);
  BOOST_TEST(pairwise_sum(all) == pairwise_sum(all.first(496)) + pairwise_sum(all.subspan(496)));
  // As NumPy 2.4 adds them up: np.add.reduce(1 / np.arange(3, 1003)).
  BOOST_TEST(pairwise_sum(all) == 0x1.7f32ac6b1678p+2);
}

BOOST_AUTO_TEST_SUITE_END()
