#include <tamp/token/detail/row_products.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <tamp/token/detail/cosines_of_all.hpp>
#include <utility>
#include <vector>

#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(token_detail_row_products)

using support::matrix;
using tamp::detail::row_products;

BOOST_AUTO_TEST_CASE(by_hand) {
  const matrix<float> m{{3, 4}, {-4, 3}, {6, 8}, {0, 0}};
  const row_products products(tamp::view(m));
  BOOST_TEST(products.dot(0, 2) == 50);
  BOOST_TEST(products.dot(0, 1) == 0);
  BOOST_TEST(products.cosine(0, 2) == 1);
  BOOST_TEST(products.cosine(0, 1) == 0);
  BOOST_TEST(products.cosine(0, 3) == 0);
  BOOST_TEST(products.cosine(3, 3) == 0);
  BOOST_TEST(products.is_zero(3));
  BOOST_TEST(!products.is_zero(0));
}

BOOST_AUTO_TEST_CASE(sums_are_as_good_as_double_at_every_length) {
  for (const std::size_t features : {0u, 1u, 7u, 8u, 9u, 31u, 200u}) {
    const matrix<float> m = support::random_matrix(5, features, unsigned(features));
    const row_products products(tamp::view(m));
    for (std::size_t i = 0; i < 5; ++i)
      for (std::size_t j = 0; j < 5; ++j) {
        double sum = 0;
        for (std::size_t k = 0; k < features; ++k) sum += double(m(i, k)) * double(m(j, k));
        BOOST_TEST(std::fabs(products.dot(i, j) - sum) < 1e-12);
      }
  }
}

// Of most rows the product with the rounded factors to unit length is not 1.
BOOST_AUTO_TEST_CASE(the_cosine_of_a_copy_is_exactly_1) {
  std::size_t rounded = 0;
  for (const std::size_t features : {1u, 3u, 7u, 64u, 301u}) {
    auto m = support::random_matrix(60, features, unsigned(features));
    for (std::size_t i = 1; i < 60; i += 2)
      for (std::size_t k = 0; k < features; ++k) m(i, k) = i % 4 == 1 ? m(i - 1, k) : -m(i - 1, k);
    const row_products products(tamp::view(std::as_const(m)));
    std::vector<std::size_t> chosen;
    for (std::size_t i = 0; i < 60; ++i) chosen.push_back(i);
    const tamp::detail::cosines_of_all all("reader", tamp::view(std::as_const(m)), chosen);
    for (std::size_t i = 0; i < 60; i += 2) {
      const double expected = i % 4 == 0 ? 1 : -1, squared = products.dot(i, i);
      const double factor = 1 / std::sqrt(squared);
      rounded += squared * (factor * factor) != 1;
      BOOST_TEST(products.cosine(i, i) == 1);
      BOOST_TEST(products.cosine(i, i + 1) == expected);
      BOOST_TEST(all[i][i + 1] == expected);
    }
  }
  BOOST_TEST(rounded > 40u);
}

BOOST_AUTO_TEST_CASE(neither_order_nor_layout_nor_place_changes_a_bit) {
  auto m = support::random_matrix(6, 37, 1);
  for (std::size_t k = 0; k < 37; ++k) m(5, k) = m(2, k);
  const row_products expected(tamp::view(std::as_const(m)));
  BOOST_TEST(expected.cosine(0, 2) == expected.cosine(0, 5));
  support::in_every_layout(m, [&](auto view) {
    const row_products products(tamp::matrix_view<const float>{view});
    for (std::size_t i = 0; i < 6; ++i)
      for (std::size_t j = 0; j < 6; ++j) {
        BOOST_TEST(products.dot(i, j) == expected.dot(i, j));
        BOOST_TEST(products.cosine(i, j) == expected.cosine(j, i));
      }
  });
}

BOOST_AUTO_TEST_CASE(no_row_is_welcome) {
  const matrix<float> none;
  BOOST_CHECK_NO_THROW(row_products(tamp::view(none)));
}

BOOST_AUTO_TEST_SUITE_END()
