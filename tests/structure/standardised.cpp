#include <tamp/structure/standardised.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(structure_standardised)

using numbers = std::vector<double>;
using tamp::structure::standardised;

BOOST_AUTO_TEST_CASE(by_hand) {
  // Mean 2, deviations -1, 0, 1, whose squares sum up to 2: s = 1.
  BOOST_TEST(standardised(numbers{1, 2, 3}) == (numbers{-1, 0, 1}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(heads_are_squared_before_and_averaged_after) {
  // Squares 1, 4, 9, 16: mean 7.5, s^2 = (42.25 + 12.25 + 2.25 + 72.25) / 3 = 43.
  const numbers heads = standardised(numbers{1, 2, 3, 4}, {.width = 2, .squared = true});
  BOOST_TEST(heads.size() == 2u);
  BOOST_TEST(heads[0] == -5 / std::sqrt(43.0), boost::test_tools::tolerance(1e-14));
  BOOST_TEST(heads[1] == 5 / std::sqrt(43.0), boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(a_common_factor_makes_no_difference) {
  const numbers few = standardised(numbers{0.5, 3, 1, 0.25});
  const numbers many = standardised(numbers{512, 3072, 1024, 256});
  BOOST_TEST(few == many, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(equal_channels_and_a_single_one_score_zero) {
  BOOST_TEST(standardised(numbers{0.1, 0.1, 0.1}) == numbers(3, 0.0),
             boost::test_tools::per_element());
  BOOST_TEST(standardised(numbers{5}) == numbers(1, 0.0), boost::test_tools::per_element());
  BOOST_TEST(standardised(numbers{}).empty());
}

BOOST_AUTO_TEST_CASE(rejections_name_what_is_wrong) {
  support::check_error<tamp::shape_error>("standardised: 3 channels do not divide into units of 2",
                                          [&] { standardised(numbers{1, 2, 3}, {.width = 2}); });
  support::check_error<tamp::shape_error>("standardised: 3 channels do not divide into units of 0",
                                          [&] { standardised(numbers{1, 2, 3}, {.width = 0}); });
  support::check_error<tamp::value_error>("standardised: the score of unit 1 is inf",
                                          [&] { standardised(numbers{1, INFINITY}); });
  support::check_error<tamp::value_error>("standardised: the score of unit 0 is inf", [&] {
    standardised(numbers{1e200, 1}, {.squared = true});
  });
  support::check_error<tamp::value_error>(
      "standardised: the scores are too far apart to be standardised",
      [&] { standardised(numbers{1e200, 1}); });
}

BOOST_AUTO_TEST_SUITE_END()
