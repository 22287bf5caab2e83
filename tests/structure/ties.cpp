#include <tamp/structure/ties.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <vector>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(structure_ties)

using tamp::structure::axis;
using tamp::structure::group;
using tamp::structure::ties;
using tamp::structure::unit_sizes;
using tamp::structure::validate;
using tamp::structure::weight_shapes;

namespace {

const weight_shapes shapes{{"gate", {6, 4}}, {"up", {6, 4}},     {"down", {4, 6}},
                           {"bias", {1, 6}}, {"fused", {12, 4}}, {"square", {6, 6}}};

ties neurons() {
  return {
      {{"mlp", "neurons", 6, {{"gate", axis::rows}, {"up", axis::rows}, {"down", axis::cols}}}}};
}

template <class Error>
void check_refused(const ties& all, std::string_view sentence) {
  support::check_error<Error>(sentence, [&] { validate(all, shapes); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(ties_that_fit_are_accepted) {
  validate(neurons(), shapes);
  validate({}, shapes);
  // Gate and up in one tensor.
  validate({{{"mlp",
              "neurons",
              6,
              {{"fused", axis::rows, 1, 0}, {"fused", axis::rows, 1, 6}, {"down", axis::cols}}}}},
           shapes);
  // Parts of a weight that nobody owns must be meant to stay.
  validate({{{"some", "neurons", 3, {{"gate", axis::rows, 1, 2, true}}}}}, shapes);
  // Different groups may own rows and columns of one weight.
  validate(
      {{{"a", "neurons", 6, {{"gate", axis::rows}}}, {"b", "hidden", 4, {{"gate", axis::cols}}}}},
      shapes);
}

BOOST_AUTO_TEST_CASE(sizes_count_each_number_once) {
  BOOST_TEST(unit_sizes(neurons().groups[0], shapes) == std::vector<std::size_t>(6, 12),
             boost::test_tools::per_element());
  const group heads{"heads", "heads", 3, {{"gate", axis::rows, 2}, {"bias", axis::cols, 2}}};
  BOOST_TEST(unit_sizes(heads, shapes) == std::vector<std::size_t>(3, 10),
             boost::test_tools::per_element());
  // A row and a column of a square share a number.
  const group square{"square", "hidden", 6, {{"square", axis::rows}, {"square", axis::cols}}};
  BOOST_TEST(unit_sizes(square, shapes) == std::vector<std::size_t>(6, 11),
             boost::test_tools::per_element());
  const group own{"layers", "layers", 2, {}, {{"gate", "down"}, {"bias"}}};
  BOOST_TEST(unit_sizes(own, shapes) == (std::vector<std::size_t>{48, 6}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_group_is_found_by_its_name) {
  const ties all = neurons();
  BOOST_TEST(all.at("mlp").units == 6u);
  support::check_error<tamp::value_error>("ties: there is no group 'x'", [&] { all.at("x"); });
}

BOOST_AUTO_TEST_CASE(widths_and_numbers_must_fit) {
  check_refused<tamp::shape_error>(
      {{{"a", "neurons", 7, {{"gate", axis::rows}}}}},
      "ties: 7 units of a with 1 rows each from 0 on do not fit into the 6 rows of gate");
  check_refused<tamp::shape_error>(
      {{{"a", "heads", 2, {{"down", axis::cols, 2, 3}}}}},
      "ties: 2 units of a with 2 columns each from 3 on do not fit into the 6 columns of down");
  check_refused<tamp::shape_error>(
      {{{"a", "heads", std::size_t(-1) / 2 + 2, {{"down", axis::cols, 2}}}}},
      "ties: 9223372036854775809 units of a with 2 columns each from 0 on do not fit into the 6 "
      "columns of down");
  check_refused<tamp::shape_error>({{{"a", "heads", 2, {{"down", axis::cols, 0}}}}},
                                   "ties: the units of a own 0 columns of down");
}

BOOST_AUTO_TEST_CASE(gaps_are_refused) {
  check_refused<tamp::shape_error>({{{"a", "neurons", 5, {{"gate", axis::rows}}}}},
                                   "ties: the units of a own 5 of the 6 rows of gate; say "
                                   "`rest_stays` of the part if the others "
                                   "are meant to stay");
}

BOOST_AUTO_TEST_CASE(overlaps_are_refused) {
  check_refused<tamp::shape_error>(
      {{{"a", "neurons", 6, {{"fused", axis::rows, 1, 0}, {"fused", axis::rows, 1, 5}}}}},
      "ties: two units of a own rows 5 of fused");
  check_refused<tamp::shape_error>(
      {{{"a", "neurons", 6, {{"gate", axis::rows}}}, {"b", "heads", 3, {{"gate", axis::rows, 2}}}}},
      "ties: a and b both own rows 0 of gate");
  check_refused<tamp::value_error>({{{"a", "layers", 2, {}, {{"gate"}, {"gate"}}}}},
                                   "ties: units 0 and 1 of a both own gate");
  check_refused<tamp::value_error>(
      {{{"a", "experts", 6, {{"gate", axis::rows}}, {{"gate"}, {}, {}, {}, {}, {}}}}},
      "ties: gate leaves as a whole with a unit of a, and others own parts of it");
}

BOOST_AUTO_TEST_CASE(weights_must_be_there) {
  check_refused<tamp::value_error>(
      {{{"a", "neurons", 6, {{"gates", axis::rows}}}}},
      "ties: a names the weight 'gates', which the model does not have");
  check_refused<tamp::value_error>(
      {{{"a", "layers", 1, {}, {{"gates"}}}}},
      "ties: a names the weight 'gates', which the model does not have");
}

BOOST_AUTO_TEST_CASE(numbers_of_a_group_must_agree) {
  check_refused<tamp::value_error>({{{"a", "neurons", 0, {{"gate", axis::rows}}}}},
                                   "ties: a has no units");
  check_refused<tamp::value_error>({{{"a", "neurons", 6}}}, "ties: the units of a own nothing");
  check_refused<tamp::shape_error>({{{"a", "layers", 2, {}, {{"gate"}}}}},
                                   "ties: a has 2 units, and lists of weights for 1");
  group g{"a", "neurons", 6, {{"gate", axis::rows}}};
  g.sections = 4;
  check_refused<tamp::shape_error>({{g}}, "ties: the 6 units of a do not divide into 4 sections");
  g.sections = 0;
  check_refused<tamp::shape_error>({{g}}, "ties: the 6 units of a do not divide into 0 sections");
  g.sections = 1;
  g.multiple = 7;
  check_refused<tamp::value_error>({{g}}, "ties: a cannot keep a multiple of 7 of its 6 units");
  g.multiple = 0;
  check_refused<tamp::value_error>({{g}}, "ties: a cannot keep a multiple of 0 of its 6 units");
  g.multiple = 1;
  g.fewest = 0;
  check_refused<tamp::value_error>(
      {{g}}, "ties: a has 6 units, of which between 1 and all stay, not at least 0");
  g.fewest = 1;
  check_refused<tamp::value_error>({{g, g}}, "ties: two groups have the name 'a'");
}

BOOST_AUTO_TEST_CASE(widths_that_wrap_are_refused) {
  const std::size_t half = std::size_t{1} << 63;
  const group g{"a", "neurons", 1, {{"w", axis::rows, half}, {"w", axis::rows, half}}};
  support::check_error<tamp::shape_error>(
      "ties: 9223372036854775808 and 9223372036854775808 together are too large to be counted",
      [&] { unit_sizes(g, {{"w", {2, 2}}}); });
}

BOOST_AUTO_TEST_SUITE_END()
