// Block influence of each token and of all, to 1e-6: published in float, as 1 - cosine.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <tamp/stat/hidden_change.hpp>
#include <vector>

#include "weights.hpp"

BOOST_AUTO_TEST_SUITE(parity_block_influence)

BOOST_AUTO_TEST_CASE(the_published_influence) {
  parity::vectors all("block_influence");
  for (std::size_t k = 0; k < all.inputs(); ++k) {
    const auto given = all[k];
    BOOST_TEST_CONTEXT("input " << k) {
      const auto before = given.matrix("before"), after = given.matrix("after");
      const auto published = given.values<double>("published_changes");
      const std::size_t width = before.cols();
      double mean = 0;
      bool has_zero_token = false;
      for (std::size_t t = 0; t < before.rows(); ++t) {
        const auto token = [&](tamp::matrix_view<const float> state) {
          return tamp::matrix_view<const float>(&state(t, 0), 1, width);
        };
        const auto is_zero = [&](tamp::matrix_view<const float> state) {
          return std::all_of(&state(t, 0), &state(t, 0) + width, [](float x) { return x == 0; });
        };
        const double ours =
            tamp::stat::hidden_change{}.add(token(before), token(after)).influence();
        if (is_zero(before) || is_zero(after)) {
          has_zero_token = true;
          BOOST_TEST(published[t] == 0.5);
          BOOST_TEST(ours == (is_zero(before) && is_zero(after) ? 0.0 : 1.0));
        } else {
          BOOST_TEST(std::abs(ours - published[t]) < 1e-6);
        }
        mean += ours / double(before.rows());
      }
      BOOST_TEST(tamp::stat::hidden_change{}.add(before, after).influence() == mean,
                 boost::test_tools::tolerance(1e-12));
      if (has_zero_token)
        all.differs("counts 0.5 for a token that is zero before or after");
      else
        all.equal();
    }
  }
  all.summarise();
}

BOOST_AUTO_TEST_SUITE_END()
