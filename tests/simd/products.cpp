#include <tamp/simd/products.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <tamp/execute/instructions.hpp>
#include <tamp/simd/gram_product.hpp>
#include <tuple>
#include <vector>

#include "../support/executors.hpp"
#include "../support/instructions.hpp"
#include "../support/tensors.hpp"
#include "../support/thorough.hpp"

BOOST_AUTO_TEST_SUITE(simd_products)

using support::matrix;
using support::with_every_instructions;
using tamp::detail::packed_rows;
using tamp::execute::instructions;

namespace {

template <class Real>
std::vector<Real> gram(const support::any_executor& exec, const matrix<float>& a) {
  packed_rows<Real> rows(a.rows(), a.cols());
  for (std::size_t p = 0; p < rows.panels(); ++p) {
    std::vector<Real> panel(rows.width() * a.cols());
    for (std::size_t i = 0; i < rows.width() && p * rows.width() + i < a.rows(); ++i)
      for (std::size_t k = 0; k < a.cols(); ++k)
        panel[i * a.cols() + k] = a(p * rows.width() + i, k);
    rows.put_panel(p, panel.data(), a.cols());
  }
  std::vector<Real> product(a.rows() * a.rows());
  tamp::detail::add_gram_product(exec, rows, std::span(product));
  return product;
}

// The definition of the bits: each run's sum column by column, and the runs' sums in order.
template <class Real, class Matrix>
Real in_order(const Matrix& a, std::size_t cols, std::size_t i, std::size_t j, bool is_fused) {
  Real sum = 0;
  for (std::size_t first = 0; first < cols; first += tamp::detail::product_run) {
    Real part = 0;
    for (std::size_t k = first; k < std::min(first + tamp::detail::product_run, cols); ++k) {
      const Real left = a(i, k), right = a(j, k);
      volatile Real product = left * right;  // which no compiler fuses
      part = is_fused ? std::fma(left, right, part) : product + part;
    }
    sum += part;
  }
  return sum;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  with_every_instructions([] {
    const auto g = gram<float>(support::one_thread, {{1, 2}, {0, 3}, {-1, 1}});
    const std::vector<float> expected{5, 6, 1, 6, 9, 3, 1, 3, 2};
    BOOST_TEST(g == expected, boost::test_tools::per_element());
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(they_are_what_three_loops_give_for_any_shape, Real,
                              decltype(std::tuple<float, double>{})) {
  std::size_t run = 0;
  with_every_instructions([&] {
    for (const std::size_t rows : {1u, 2u, 7u, 65u, 100u})
      for (const std::size_t cols : {0u, 1u, 255u, 511u, 513u, 1025u}) {
        if (!support::is_run(run++, 7)) continue;
        const auto a = support::random_matrix(rows, cols, unsigned(rows + cols));
        const auto g = gram<Real>(support::one_thread, a);
        double largest = 0;
        for (std::size_t i = 0; i < rows; ++i)
          for (std::size_t j = 0; j < rows; ++j) {
            double sum = 0;
            for (std::size_t k = 0; k < cols; ++k) sum += double(a(i, k)) * double(a(j, k));
            largest = std::max(largest, std::abs(double(g[i * rows + j]) - sum));
          }
        BOOST_TEST(largest <= (sizeof(Real) == 4 ? 2e-6 : 1e-14) * double(cols),
                   rows << " rows, " << cols << " columns: off by " << largest);
      }
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(every_bit_is_that_of_sums_in_order, Real,
                              decltype(std::tuple<float, double>{})) {
  const auto a = support::random_matrix(50, 700, 1);
  with_every_instructions([&] {
    const auto g = gram<Real>(support::one_thread, a);
    for (std::size_t i = 0; i < a.rows(); ++i)
      for (std::size_t j = 0; j < a.rows(); ++j) {
        const Real product = g[i * a.rows() + j];
        // The compiler may fuse the portable version, too, if it is told that it can.
        const bool is_separate = tamp::execute::current_instructions() == instructions::portable &&
                                 product == in_order<Real>(a, a.cols(), i, j, false);
        BOOST_TEST_REQUIRE((is_separate || product == in_order<Real>(a, a.cols(), i, j, true)));
      }
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    products_rounded_by_themselves_are_the_same_bits_with_all_instructions, Real,
    decltype(std::tuple<float, double>{})) {
  // Numbers of all their bits, so that few products are exact.
  const std::size_t rows = 41, cols = 600;
  std::vector<Real> numbers(rows * cols);
  for (std::size_t k = 0; k < numbers.size(); ++k) numbers[k] = std::sin(Real(k) + Real(0.5));
  with_every_instructions([&] {
    const packed_rows<Real> packed =
        tamp::detail::pack_by_rows<Real>(support::one_thread, rows, cols, [&] {
          return [&](std::size_t i, Real* to) { std::copy_n(&numbers[i * cols], cols, to); };
        });
    std::vector<Real> product(rows * rows);
    tamp::detail::for_each_product_block<tamp::detail::product_rounding::separate>(
        support::one_thread, packed, packed,
        tamp::detail::add_blocks_to(product.data(), rows, Real{1}));
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < rows; ++j)
        BOOST_TEST_REQUIRE(
            product[i * rows + j] ==
            in_order<Real>([&](std::size_t r, std::size_t c) { return numbers[r * cols + c]; },
                           cols, i, j, false));
  });
}

BOOST_AUTO_TEST_CASE(products_of_floats_in_double_are_the_same_bits_with_all_instructions) {
  const auto a = support::random_matrix(77, 600, 2);
  const auto expected = gram<double>(support::one_thread, a);
  with_every_instructions([&] { BOOST_TEST((gram<double>(support::one_thread, a) == expected)); });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_bits_do_not_depend_on_the_executor, Real,
                              decltype(std::tuple<float, double>{})) {
  // Several blocks on each side.
  const auto a = support::random_matrix(430, 70, 3);
  with_every_instructions([&] {
    const auto expected = gram<Real>(support::one_thread, a);
    for (const auto& exec : support::every_executor)
      BOOST_TEST((gram<Real>(exec, a) == expected), "other bits with " << exec);
  });
}

BOOST_AUTO_TEST_CASE(blocks_of_any_side_give_the_same_bits) {
  // Enough rows for blocks of the larger side; the first hundred are those of a product of few.
  const auto a = support::random_matrix(1600, 9, 4);
  matrix<float> few(100, 9);
  for (std::size_t i = 0; i < 100; ++i)
    for (std::size_t k = 0; k < 9; ++k) few(i, k) = a(i, k);
  with_every_instructions([&] {
    const auto many = gram<float>(support::one_thread, a);
    const auto expected = gram<float>(support::one_thread, few);
    for (std::size_t i = 0; i < 100; ++i)
      for (std::size_t j = 0; j < 100; ++j)
        BOOST_TEST_REQUIRE(many[i * 1600 + j] == expected[i * 100 + j]);
    for (std::size_t i = 0; i < 1600; ++i)
      for (std::size_t j = 0; j < i; ++j) BOOST_REQUIRE(many[i * 1600 + j] == many[j * 1600 + i]);
  });
}

BOOST_AUTO_TEST_CASE(what_is_not_finite_spoils_its_own_row_and_column_alone) {
  auto a = support::random_matrix(30, 20, 5);
  a(4, 7) = support::not_a_number;
  a(29, 19) = std::numeric_limits<float>::infinity();
  with_every_instructions([&] {
    const auto g = gram<float>(support::one_thread, a);
    for (std::size_t i = 0; i < 30; ++i)
      for (std::size_t j = 0; j < 30; ++j) {
        const float product = g[i * 30 + j];
        if (i == 4 || j == 4)
          BOOST_TEST(std::isnan(product));
        else if (i == 29 || j == 29)
          BOOST_TEST(std::isinf(product));
        else
          BOOST_TEST(std::isfinite(product));
      }
  });
}

BOOST_AUTO_TEST_SUITE_END()
