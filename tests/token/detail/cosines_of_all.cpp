#include <tamp/token/detail/cosines_of_all.hpp>

#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "../../support/instructions.hpp"
#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(token_detail_cosines_of_all)

using support::matrix;
using tamp::detail::row_products;

namespace {

std::vector<double> cosines_of_all(const tamp::token::rows_view& rows,
                                   const std::vector<std::size_t>& chosen) {
  const tamp::detail::cosines_of_all cosines("reader", rows, chosen);
  std::vector<double> all;
  for (std::size_t i = 0; i < cosines.rows(); ++i)
    all.insert(all.end(), cosines[i].begin(), cosines[i].end());
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const matrix<float> m{{3, 4}, {-4, 3}, {6, 8}, {0, 0}};
  const std::vector<std::size_t> chosen{2, 1, 0, 3};
  const std::vector<double> expected{1, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0};
  BOOST_TEST(cosines_of_all(tamp::view(m), chosen) == expected, boost::test_tools::per_element());
  BOOST_TEST(cosines_of_all(tamp::view(m), {}).empty());
}

BOOST_AUTO_TEST_CASE(they_are_those_of_the_pairs_and_the_same_with_all_instructions) {
  auto m = support::random_matrix(40, 300, 2);
  for (std::size_t k = 0; k < 300; ++k) m(7, k) = 0, m(9, k) = m(3, k);
  std::vector<std::size_t> chosen;
  for (std::size_t i = 39; i > 1; --i) chosen.push_back(i);
  const row_products products(tamp::view(std::as_const(m)));
  std::vector<double> expected;
  support::with_every_instructions([&] {
    support::in_every_layout(m, [&](auto view) {
      const auto cosines = cosines_of_all(tamp::matrix_view<const float>{view}, chosen);
      if (expected.empty()) expected = cosines;
      BOOST_TEST((cosines == expected));
    });
  });
  const std::size_t n = chosen.size();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      BOOST_TEST_REQUIRE(std::fabs(expected[i * n + j] - products.cosine(chosen[i], chosen[j])) <
                         1e-14);
  for (std::size_t i = 0; i < n; ++i)  // bit for bit: a pair has one distance, from both sides
    for (std::size_t j = 0; j < i; ++j)
      BOOST_TEST_REQUIRE(std::bit_cast<std::uint64_t>(expected[i * n + j]) ==
                         std::bit_cast<std::uint64_t>(expected[j * n + i]));
  for (std::size_t j = 0; j < n; ++j) {
    BOOST_TEST(expected[32 * n + j] == 0.0);                   // row 7 is zero
    BOOST_TEST(expected[30 * n + j] == expected[36 * n + j]);  // rows 9 and 3 are equal
  }
}

BOOST_AUTO_TEST_SUITE_END()
