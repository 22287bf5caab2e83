#include <tamp/stat/sequence_moments.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <tamp/stat/concepts.hpp>
#include <tamp/stat/pairwise.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(stat_sequence_moments)

using support::check_error;
using support::matrix;
using tamp::stat::sequence_moments;
using numbers = std::vector<double>;

static_assert(tamp::stat::statistic<sequence_moments>);

BOOST_AUTO_TEST_CASE(by_hand) {
  // 1 and 3 have the sum 4 and the variance 1; 8 alone has the sum 8 and none.
  sequence_moments seen;
  seen.add(matrix<float>{{1, 5}, {3, 5}});
  BOOST_TEST(seen.sums() == (numbers{4, 10}), boost::test_tools::per_element());
  BOOST_TEST(seen.variances() == (numbers{1, 0}), boost::test_tools::per_element());
  seen.add(matrix<float>{{8, 5}});
  BOOST_TEST(seen.sums() == (numbers{6, 7.5}), boost::test_tools::per_element());
  BOOST_TEST(seen.variances() == (numbers{0.5, 0}), boost::test_tools::per_element());
  BOOST_TEST(seen.count() == 2u);
  BOOST_TEST(seen.tokens() == 3u);
  BOOST_TEST(seen.features() == 2u);
}

BOOST_AUTO_TEST_CASE(tokens_may_have_weights) {
  // 1 and 3, of which the latter counts three times: the sum 10, the mean 2.5, the variance 3 / 4.
  sequence_moments seen;
  seen.add(matrix<float>{{1}, {3}, {100}}, numbers{1, 3, 0});
  BOOST_TEST(seen.sums()[0] == 10.0);
  BOOST_TEST(seen.variances()[0] == 0.75, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(seen.tokens() == 2u);
}

BOOST_AUTO_TEST_CASE(parts_are_combined_as_if_they_had_been_added) {
  const auto x = support::random_matrix(40, 9, 1), y = support::random_matrix(7, 9, 2);
  sequence_moments both, first, second;
  both.add(x).add(y);
  first.add(x);
  second.add(y);
  first.combine(second);
  BOOST_TEST((first == both));
  sequence_moments none;
  BOOST_TEST((none.combine(both) == both));
  tamp::stat::pairwise<sequence_moments> parts;
  parts.add(x).add(y);
  BOOST_TEST((parts.total() == both));
  for (const auto& exec : support::every_executor) {
    sequence_moments same;
    same.add(exec, x).add(exec, y);
    BOOST_TEST((same == both));
  }
}

BOOST_AUTO_TEST_CASE(nothing_is_added_where_something_is_refused) {
  sequence_moments seen;
  seen.add(matrix<float>{{1, 2}});
  const sequence_moments before = seen;
  check_error<tamp::shape_error>(
      "sequence_moments: a batch of activations has 3 features, the statistics cover 2",
      [&] { seen.add(matrix<float>{{1, 2, 3}}); });
  check_error<tamp::value_error>("column_variance: the activation of token 0, feature 1 is nan",
                                 [&] { seen.add(matrix<float>{{1, support::not_a_number}}); });
  check_error<tamp::value_error>(
      "sequence_moments: the numbers of feature 0 are too large: their sum or their variance is "
      "not finite",
      [&] { seen.add(matrix<double>{{1.5e308, 0}, {1.5e308, 0}}); });
  sequence_moments other;
  other.add(matrix<float>{{1, 2, 3}});
  check_error<tamp::shape_error>(
      "sequence_moments: the statistics to combine cover 3 features, the statistics cover 2",
      [&] { seen.combine(other); });
  BOOST_TEST((seen == before));
}

BOOST_AUTO_TEST_CASE(files_are_checked) {
  sequence_moments seen;
  seen.add(matrix<float>{{1, 2}, {3, 5}});
  std::size_t fields = 0;
  sequence_moments::fields(seen, [&](auto, auto&) { ++fields; });
  BOOST_TEST(fields == 4u);
  seen.validate();
  sequence_moments::fields(seen, [](std::string_view name, auto& value) {
    if constexpr (requires { value.clear(); })
      if (name == "variances") value[1] = -1;
  });
  check_error<tamp::value_error>(
      "sequence_moments: the numbers of feature 1 are too large: their sum or their variance is "
      "not finite",
      [&] { seen.validate(); });
}

BOOST_AUTO_TEST_SUITE_END()
