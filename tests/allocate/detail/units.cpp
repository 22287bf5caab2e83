#include <tamp/allocate/detail/units.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../../support/errors.hpp"
#include "../../support/units.hpp"

BOOST_AUTO_TEST_SUITE(allocate_detail_units)

using support::check_error;
using support::matrix;
using tamp::detail::check_unit_values;
using tamp::detail::listed;
using tamp::detail::mean_over_params;
using tamp::detail::total_params;
using tamp::detail::unit_name;
using indices = std::vector<std::size_t>;
using strings = std::vector<std::string>;

namespace {

constexpr std::size_t large = std::size_t{1} << 62;

}  // namespace

BOOST_AUTO_TEST_CASE(numbers_of_weights_and_names_are_copied) {
  const support::units<> units{{{"block 0", {{"a", matrix<float>(2, 3)}, {"b", {{1, 2}}}}},
                                {"block 1", {{"c", matrix<float>(4, 5)}}}}};
  BOOST_TEST(tamp::detail::num_params_of(units) == (indices{8, 20}),
             boost::test_tools::per_element());
  BOOST_TEST(tamp::detail::names_of(units) == (strings{"block 0", "block 1"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_mean_is_over_weights) {
  BOOST_TEST(mean_over_params(std::vector{1.0, 4.0}, indices{3, 1}) == 1.75);
  BOOST_TEST(mean_over_params(std::vector{1.0, 4.0}, indices{0, 2}) == 4.0);
  BOOST_TEST(mean_over_params(std::vector{1.0, 4.0}, indices{0, 0}) == 0.0);
  BOOST_TEST(mean_over_params({}, {}) == 0.0);
}

BOOST_AUTO_TEST_CASE(a_unit_without_a_name_has_a_number) {
  BOOST_TEST(unit_name(strings{"a", "b"}, 1) == "b");
  BOOST_TEST(unit_name({}, 3) == "unit 3");
}

BOOST_AUTO_TEST_CASE(long_lists_of_names_are_cut) {
  const indices units{0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 9};
  const auto first = [&](std::size_t count) { return std::span(units).first(count); };
  BOOST_TEST(listed(indices{2, 0}, strings{"a", "b", "c"}) == "c, a");
  BOOST_TEST(listed({}, {}).empty());
  BOOST_TEST(listed(first(8), {}) ==
             "unit 0, unit 1, unit 2, unit 3, unit 4, unit 5, unit 6, unit 7");
  BOOST_TEST(listed(units, {}) ==
             "unit 0, unit 1, unit 2, unit 3, unit 4, unit 5, unit 6, unit 7 and 3 more");
}

BOOST_AUTO_TEST_CASE(all_weights_are_counted) {
  BOOST_TEST(total_params("test", indices{3, 0, 4}) == 7u);
  BOOST_TEST(total_params("test", {}) == 0u);
  BOOST_TEST(total_params("test", indices{large, large - 1}) == 2 * large - 1);
}

BOOST_AUTO_TEST_CASE(weights_that_cannot_be_counted_are_refused) {
  const std::vector<double> values{1, 2};
  const auto check = [&](std::string_view sentence, const indices& sizes) {
    check_error<tamp::shape_error>(sentence, [&] { total_params("test", sizes); });
    check_error<tamp::shape_error>(sentence,
                                   [&] { check_unit_values("test", "value", values, sizes, {}); });
  };
  check("test: there cannot be 9223372036854775808 weights", {large, large});
  check("test: 13835058055282163712 and 4611686018427387904 together are too large to be counted",
        {3 * large, large});
}

BOOST_AUTO_TEST_CASE(there_is_one_value_for_each_unit) {
  BOOST_CHECK_NO_THROW(check_unit_values("test", "value", std::vector{0.0, 1e300}, indices{3, 0},
                                         strings{"a", "b"}));
  check_error<tamp::shape_error>("test: 1 values of the weight for 2 units", [] {
    check_unit_values("test", "weight", std::vector{1.0}, indices{3, 4}, {});
  });
  check_error<tamp::shape_error>("test: 2 values lie at a null pointer", [] {
    check_unit_values("test", "weight", std::span(static_cast<const double*>(nullptr), 2),
                      indices{3, 4}, {});
  });
  check_error<tamp::shape_error>("test: 2 numbers of weights lie at a null pointer", [] {
    check_unit_values("test", "weight", std::vector{1.0, 2.0},
                      std::span(static_cast<const std::size_t*>(nullptr), 2), {});
  });
}

BOOST_AUTO_TEST_CASE(a_value_is_finite_and_not_negative) {
  const auto check = [](std::string_view sentence, double value) {
    check_error<tamp::value_error>(sentence, [&] {
      check_unit_values("test", "weight", std::vector{1.0, value}, indices{3, 4}, strings{"a"});
    });
  };
  check("test: the weight of unit 1 is -2", -2);
  check("test: the weight of unit 1 is nan", NAN);
  check("test: the weight of unit 1 is inf", std::numeric_limits<double>::infinity());
  check_error<tamp::value_error>("test: the weight of a is -1", [] {
    check_unit_values("test", "weight", std::vector{-1.0, -2.0}, indices{3, 4}, strings{"a", "b"});
  });
}

BOOST_AUTO_TEST_SUITE_END()
