#include <tamp/structure/lowest_units.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <vector>

#include "../support/errors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(structure_lowest_units)

using places = std::vector<std::size_t>;
using tamp::structure::all_but;
using tamp::structure::lowest_units;

BOOST_AUTO_TEST_CASE(by_hand) {
  const std::vector<double> scores{3, 1, 2, 1, 5, 0};
  BOOST_TEST(lowest_units(scores, 0).empty());
  BOOST_TEST(lowest_units(scores, 1) == places{5}, boost::test_tools::per_element());
  BOOST_TEST(lowest_units(scores, 3) == (places{1, 3, 5}), boost::test_tools::per_element());
  BOOST_TEST(lowest_units(scores, 6).size() == 6u);
}

BOOST_AUTO_TEST_CASE(of_equal_scores_the_lower_unit_comes_first) {
  const std::vector<double> scores{0.0, -0.0, 1, 1, 0.0};
  BOOST_TEST(lowest_units(scores, 2) == (places{0, 1}), boost::test_tools::per_element());
  BOOST_TEST(lowest_units(scores, 4) == (places{0, 1, 2, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(sections_lose_equally_many) {
  const std::vector<double> scores{0, 1, 2, 9, 8, 7};
  BOOST_TEST(lowest_units(scores, 2, {.sections = 2}) == (places{0, 5}),
             boost::test_tools::per_element());
  // 3 / 2 = 1 of each.
  BOOST_TEST(lowest_units(scores, 3, {.sections = 2}) == (places{0, 5}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(units_to_keep_come_last) {
  const std::vector<double> scores{0, 1, 2, 3};
  const places keep{0, 1};
  BOOST_TEST(lowest_units(scores, 2, {.keep = keep}) == (places{2, 3}),
             boost::test_tools::per_element());
  BOOST_TEST(lowest_units(scores, 3, {.keep = keep}) == (places{0, 2, 3}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_others_are_the_rest) {
  BOOST_TEST(all_but(4, places{1, 3}) == (places{0, 2}), boost::test_tools::per_element());
  BOOST_TEST(all_but(0, places{}).empty());
}

BOOST_AUTO_TEST_CASE(the_other_units_must_fit_into_memory) {
  BOOST_TEST(all_but(4, places{1, 3}) == (places{0, 2}), boost::test_tools::per_element());
  support::check_error<tamp::shape_error>(
      "all_but: 4611686018427387904 numbers of 8 bytes are more than memory can hold",
      [] { all_but(std::size_t{1} << 62, {}); });
}

BOOST_AUTO_TEST_CASE(rejections_name_what_is_wrong) {
  const std::vector<double> scores{1, 2, 3};
  const places five{5};
  support::check_error<tamp::value_error>(
      "lowest_units: there are 3 units, of which 4 cannot be chosen",
      [&] { lowest_units(scores, 4); });
  support::check_error<tamp::shape_error>("lowest_units: 3 units do not divide into 2 sections",
                                          [&] { lowest_units(scores, 1, {.sections = 2}); });
  support::check_error<tamp::shape_error>("lowest_units: 3 units do not divide into 0 sections",
                                          [&] { lowest_units(scores, 1, {.sections = 0}); });
  support::check_error<tamp::value_error>("lowest_units: unit 5 cannot be kept: there are 3",
                                          [&] { lowest_units(scores, 1, {.keep = five}); });
  support::check_error<tamp::value_error>("lowest_units: the score of unit 1 is nan", [&] {
    lowest_units(std::vector<double>{1, std::numeric_limits<double>::quiet_NaN()}, 1);
  });
}

BOOST_AUTO_TEST_SUITE_END()
