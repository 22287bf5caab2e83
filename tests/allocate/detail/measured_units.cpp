#include <tamp/allocate/detail/measured_units.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "../../support/errors.hpp"
#include "../../support/units.hpp"

BOOST_AUTO_TEST_SUITE(allocate_detail_measured_units)

using support::check_error;
using support::matrix;
using tamp::allocate::allocation;
using tamp::detail::allocation_by;
using tamp::detail::check_seen_at_all;
using tamp::detail::fill_unknown;
using tamp::detail::mean_over_layers;
using indices = std::vector<std::size_t>;
using strings = std::vector<std::string>;

namespace {

// A layer's tokens: their number, and a number that is measured of them.
struct seen {
  std::size_t count = 0;
  double number = 0;
  std::size_t tokens() const { return count; }
};
using units = support::units<seen>;

// The mean of a unit of these layers; -1 if there is none.
double mean_of(const std::vector<support::layer<seen>>& layers, strings& notes) {
  double mean = -1;
  const bool known = mean_over_layers(
      "test", "number", units{{{"block 0", layers}}}, 0, [](const seen& one) { return one.number; },
      mean, notes);
  BOOST_TEST(known == (mean != -1));
  return mean;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_unit_has_the_mean_of_its_layers_over_weights) {
  // 6 weights of 1 and 2 of 5 are 2 each; the numbers of tokens do not count.
  strings notes;
  BOOST_TEST(mean_of({{"a", matrix<float>(2, 3), {9, 1}}, {"b", matrix<float>(1, 2), {1, 5}}},
                     notes) == 2.0);
  BOOST_TEST(notes.empty());
}

BOOST_AUTO_TEST_CASE(layers_that_are_alike_have_their_number_to_the_bit) {
  // 0.1 + 0.1 + 0.1 is more than 0.3.
  const matrix<float> w(1, 1);
  strings notes;
  BOOST_TEST(mean_of({{"a", w, {1, 0.1}}, {"b", w, {1, 0.1}}, {"c", w, {1, 0.1}}}, notes) == 0.1);
}

BOOST_AUTO_TEST_CASE(a_layer_that_saw_no_token_has_no_part) {
  const matrix<float> w(2, 3);
  strings notes;
  BOOST_TEST(mean_of({{"a", w, {1, 4}}, {"b", w, {0, 100}}, {"c", w, {1, 5}}}, notes) == 4.5);
  BOOST_TEST(notes == (strings{"test: b saw no token, and has no part in the number of block 0"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(where_no_layer_saw_a_token_there_is_no_mean_and_no_note) {
  const matrix<float> w(2, 3);
  strings notes;
  BOOST_TEST(mean_of({{"a", w, {0, 4}}, {"b", w, {0, 5}}}, notes) == -1.0);
  BOOST_TEST(mean_of({}, notes) == -1.0);
  BOOST_TEST(notes.empty());
}

BOOST_AUTO_TEST_CASE(units_that_are_not_known_get_the_mean_of_the_others) {
  std::vector<double> values{1, 77, 4, 77};
  strings notes;
  fill_unknown("test", "number", values, {true, false, true, false}, strings{"a", "b", "c", "d"},
               notes);
  BOOST_TEST(values == (std::vector{1.0, 2.5, 4.0, 2.5}), boost::test_tools::per_element());
  BOOST_TEST(notes == (strings{"test: no number could be measured for b, d; the mean of the other "
                               "units stands in"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(units_that_are_known_are_left_alone) {
  std::vector<double> values{1, 4}, none;
  strings notes;
  fill_unknown("test", "number", values, {true, true}, {}, notes);
  fill_unknown("test", "number", none, {}, {}, notes);
  BOOST_TEST(values == (std::vector{1.0, 4.0}), boost::test_tools::per_element());
  BOOST_TEST(notes.empty());
}

BOOST_AUTO_TEST_CASE(where_none_is_known_all_are_zero) {
  std::vector<double> values{77, 77};
  strings notes;
  fill_unknown("test", "number", values, {false, false}, {}, notes);
  BOOST_TEST(values == std::vector(2, 0.0), boost::test_tools::per_element());
  BOOST_TEST(notes == (strings{"test: no number could be measured for unit 0, unit 1"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(weights_of_which_none_saw_a_token_are_refused) {
  check_error<tamp::value_error>(
      "test: no number could be measured of any of 2 units, because no calibration token came to "
      "their layers",
      [] { check_seen_at_all("test", "number", {false, false}, indices{0, 3}); });
  check_error<tamp::value_error>(
      "test: no number could be measured of any of 1 unit, because no calibration token came to "
      "their layers",
      [] { check_seen_at_all("test", "number", {false}, indices{3}); });
  BOOST_CHECK_NO_THROW(check_seen_at_all("test", "number", {false, true}, indices{3, 0}));
  BOOST_CHECK_NO_THROW(check_seen_at_all("test", "number", {false, false}, indices{0, 0}));
  BOOST_CHECK_NO_THROW(check_seen_at_all("test", "number", {}, {}));
}

BOOST_AUTO_TEST_CASE(an_allocation_is_measured_and_distributed) {
  const auto some = units::of_layers({{"a", matrix<float>(2, 3), {1, 4}},
                                      {"b", matrix<float>(1, 2), {0, 0}},
                                      {"c", matrix<float>(1, 5), {1, 8}}});
  const auto answer = allocation_by(
      "test", "number", some, true,
      [&](std::size_t unit, double& value, strings& notes) {
        notes.push_back("measured " + some.all[unit].name);
        value = some.all[unit].layers[0].seen.number;
        return some.all[unit].layers[0].seen.count != 0;
      },
      [](std::span<const double> values, std::span<const std::size_t> sizes,
         std::span<const std::string> names) {
        BOOST_TEST(values == (std::vector{4.0, 6.0, 8.0}), boost::test_tools::per_element());
        BOOST_TEST(sizes == (indices{6, 2, 5}), boost::test_tools::per_element());
        BOOST_TEST(names == (strings{"a", "b", "c"}), boost::test_tools::per_element());
        return allocation{{0.1, 0.2, 0.3}, {"distributed"}, {1, 2, 3}};
      });
  BOOST_TEST(answer.sparsities == (std::vector{0.1, 0.2, 0.3}), boost::test_tools::per_element());
  BOOST_TEST(answer.drops == (indices{1, 2, 3}), boost::test_tools::per_element());
  BOOST_TEST(answer.notes ==
                 (strings{"measured a", "measured b", "measured c",
                          "test: no number could be measured for b; the mean of the other units "
                          "stands in",
                          "distributed"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(only_what_is_measured_of_tokens_needs_tokens) {
  const auto some = units::of_layers({{"a", matrix<float>(2, 3), {}}});
  const auto from_tokens = [&](bool tokens) {
    return allocation_by(
        "test", "number", some, tokens, [](std::size_t, double&, strings&) { return false; },
        [](std::span<const double> values, auto, auto) {
          return allocation{{values.begin(), values.end()}, {}};
        });
  };
  BOOST_TEST(from_tokens(false).sparsities == std::vector(1, 0.0),
             boost::test_tools::per_element());
  check_error<tamp::value_error>(
      "test: no number could be measured of any of 1 unit, because no calibration token came to "
      "their layers",
      [&] { from_tokens(true); });
}

BOOST_AUTO_TEST_SUITE_END()
