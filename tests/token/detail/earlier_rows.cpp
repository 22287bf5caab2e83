#include <tamp/token/detail/earlier_rows.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>

#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(token_detail_earlier_rows)

using support::matrix;

BOOST_AUTO_TEST_CASE(each_place_has_the_row_before) {
  const matrix<float> rows = support::random_matrix(12, 5, 1);
  support::in_every_layout(rows, [&](auto view) {
    tamp::detail::earlier_rows earlier(view, 3);
    BOOST_TEST(earlier.before(2) == nullptr);
    for (std::size_t t = 0; t < 12; ++t) {
      const float* const before = earlier.before(t % 3);
      const float* const now = earlier.next(t % 3, t);
      BOOST_TEST(earlier.before(t % 3) == now);
      for (std::size_t j = 0; j < 5; ++j) {
        BOOST_TEST(now[j] == rows(t, j));
        if (t >= 3) BOOST_TEST(before[j] == rows(t - 3, j));
      }
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
