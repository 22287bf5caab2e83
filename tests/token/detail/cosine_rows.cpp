#include <tamp/token/detail/cosine_rows.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(token_detail_cosine_rows)

BOOST_AUTO_TEST_CASE(few_and_many_are_the_same_but_for_rounding) {
  auto rows = support::random_matrix(70, 20, 1);
  for (std::size_t j = 0; j < 20; ++j) {
    rows(5, j) = 0;
    rows(9, j) = rows(8, j);
  }
  std::vector<std::size_t> chosen(65);
  std::iota(chosen.begin(), chosen.end(), std::size_t{2});
  support::in_every_layout(rows, [&](auto view) {
    const tamp::token::rows_view shown{tamp::matrix_view<const float>{view}};
    tamp::detail::cosine_rows few("reader", shown, chosen, 2), many("reader", shown, chosen, 60);
    for (std::size_t i = 0; i < 65; ++i) {
      BOOST_TEST(few.is_zero(i) == (i == 3));
      BOOST_TEST(many.is_zero(i) == (i == 3));
      const auto one = few(i), all = many(i);
      for (std::size_t t = 0; t < 65; ++t) BOOST_TEST(std::abs(one[t] - all[t]) <= 1e-14);
      BOOST_TEST(one[i] == (i == 3 ? 0.0 : 1.0));
      BOOST_TEST(all[i] == (i == 3 ? 0.0 : 1.0));
    }
    BOOST_TEST(few(6)[7] == 1.0);  // rows 8 and 9
    BOOST_TEST(many(6)[7] == 1.0);
  });
}

BOOST_AUTO_TEST_SUITE_END()
