#include <tamp/score/detail/column_statistics.hpp>

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <span>
#include <string_view>
#include <tamp/stat/column_norm.hpp>
#include <type_traits>
#include <vector>

#include "../../support/errors.hpp"
#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(score_detail_column_statistics)

using support::check_error;
using support::matrix;
using tamp::detail::check_statistics;
using tamp::detail::column_values;
using tamp::stat::column_norm;

namespace {

// A statistic of some of the tokens.
struct of_some {
  std::uint64_t tokens() const { return 2; }
  std::uint64_t tokens_seen() const { return 7; }
};

}  // namespace

BOOST_AUTO_TEST_CASE(values_are_those_of_an_accumulator_or_the_numbers_themselves) {
  column_norm norms;
  norms.add(matrix<float>{{3, 0}, {4, 2}});
  const std::vector<float> numbers = column_values(norms);
  BOOST_TEST(numbers == norms.values(), boost::test_tools::per_element());
  const std::array<float, 2> fixed{1, 2};
  const std::span<float> writable;
  static_assert(std::is_same_v<decltype(column_values(numbers)), std::span<const float>>);
  static_assert(std::is_same_v<decltype(column_values(writable)), std::span<const float>>);
  BOOST_TEST(column_values(numbers).data() == numbers.data());
  BOOST_TEST(column_values(fixed).data() == fixed.data());
  BOOST_TEST(column_values(fixed).size() == 2u);
  BOOST_TEST(column_values(writable).empty());
}

BOOST_AUTO_TEST_CASE(tokens_that_were_not_selected_were_seen_too) {
  column_norm norms;
  BOOST_TEST(tamp::detail::tokens_seen(norms) == 0u);
  norms.add(matrix<float>(3, 2));
  BOOST_TEST(tamp::detail::tokens_seen(norms) == 3u);
  BOOST_TEST(tamp::detail::tokens_seen(of_some{}) == 7u);
}

BOOST_AUTO_TEST_CASE(there_is_one_number_for_each_column) {
  const std::vector<float> three{1, 0, -2};
  BOOST_CHECK_NO_THROW(check_statistics(three, 3, "select", "a"));
  BOOST_CHECK_NO_THROW(check_statistics({}, 0, "select", "a"));
  check_error<tamp::shape_error>("select: the weight has 4 columns, the statistics cover 3",
                                 [&] { check_statistics(three, 4, "select", {}); });
  check_error<tamp::shape_error>("prune: the weight of 0.up has 0 columns, the statistics cover 3",
                                 [&] { check_statistics(three, 0, "prune", "0.up"); });
}

BOOST_AUTO_TEST_CASE(statistics_that_lie_nowhere_are_refused) {
  const std::span nowhere(static_cast<const float*>(nullptr), 3);
  check_error<tamp::value_error>("select: the statistics are a null pointer",
                                 [&] { check_statistics(nowhere, 3, "select", {}); });
  check_error<tamp::value_error>("prune: the statistics of 0.up are a null pointer",
                                 [&] { check_statistics(nowhere, 3, "prune", "0.up"); });
}

BOOST_AUTO_TEST_CASE(statistics_that_are_not_finite_are_refused_by_column) {
  std::vector<float> norms{1, 2, support::not_a_number, support::infinity};
  check_error<tamp::value_error>("select: the statistic of column 2 is nan",
                                 [&] { check_statistics(norms, 4, "select", {}); });
  norms[2] = 0;
  check_error<tamp::value_error>("prune: the statistic of column 3 of 0.up is inf",
                                 [&] { check_statistics(norms, 4, "prune", "0.up"); });
}

BOOST_AUTO_TEST_SUITE_END()
