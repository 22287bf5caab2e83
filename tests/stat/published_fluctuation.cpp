#include <tamp/stat/published_fluctuation.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "../support/errors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(stat_published_fluctuation)

using numbers = std::vector<double>;
using support::matrix;
using tamp::stat::published_fluctuation;

BOOST_AUTO_TEST_CASE(by_hand) {
  published_fluctuation seen;
  seen.add(matrix<float>{{1, 0}, {3, 0}});
  BOOST_TEST(seen.means() == (numbers{2, 0}), boost::test_tools::per_element());
  BOOST_TEST(seen.fluctuations() == (numbers{0, 0}), boost::test_tools::per_element());
  // Mean (2 + 4) / 2 = 3; (4 - 3)^2 / 2, and (2 - 1)^2 / 2 of the other.
  seen.add(matrix<float>{{4, 2}});
  BOOST_TEST(seen.means() == (numbers{3, 1}), boost::test_tools::per_element());
  BOOST_TEST(seen.fluctuations() == (numbers{0.5, 0.5}), boost::test_tools::per_element());
  // Mean 3 (2/3) + 6/3 = 4; 0.5 (1/2) + ((5 - 4)^2 + (7 - 4)^2) / 3.
  seen.add(matrix<float>{{5, 1}, {7, 1}});
  BOOST_TEST(seen.means()[0] == 4.0, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(seen.fluctuations()[0] == 0.25 + 10.0 / 3, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(seen.count() == 3u);
}

BOOST_AUTO_TEST_CASE(layouts_give_the_same_bits) {
  const matrix<float> x = support::random_matrix(7, 5, 1);
  const auto expected = published_fluctuation().add(x).add(x);
  support::in_every_layout(
      x, [&](const auto& m) { BOOST_TEST((published_fluctuation().add(m).add(m) == expected)); });
  BOOST_TEST((published_fluctuation().add(support::readable_rows{x}).add(x) == expected));
}

BOOST_AUTO_TEST_CASE(rejections_name_what_is_wrong_and_add_nothing) {
  published_fluctuation seen;
  seen.add(matrix<float>{{1, 2}});
  const auto before = seen;
  support::check_error<tamp::shape_error>("published_fluctuation: a sample has no token",
                                          [&] { seen.add(matrix<float>(0, 2)); });
  BOOST_CHECK_THROW(seen.add(matrix<float>{{1, 2, 3}}), tamp::shape_error);
  support::check_error<tamp::value_error>(
      "published_fluctuation: the numbers of feature 1 are not finite, or too large",
      [&] { seen.add(matrix<float>{{1, INFINITY}}); });
  BOOST_TEST((seen == before));
}

BOOST_AUTO_TEST_CASE(tokens_without_features_are_seen_at_once) {
  published_fluctuation seen;
  for (int sample = 0; sample < 2; ++sample)
    seen.add(tamp::matrix_view<const float>(nullptr, std::size_t{1} << 60, 0));
  BOOST_TEST(seen.means().empty());
}

BOOST_AUTO_TEST_SUITE_END()
