#include <tamp/simd/gram_product.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <tuple>
#include <vector>

#include "../support/executors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(simd_gram_product)

using support::matrix;
using tamp::detail::packed_rows;

namespace {

template <class Real>
packed_rows<Real> packed(const matrix<float>& a) {
  packed_rows<Real> rows(a.rows(), a.cols());
  for (std::size_t p = 0; p < rows.panels(); ++p) {
    std::vector<Real> panel(rows.width() * a.cols());
    for (std::size_t i = 0; i < rows.width() && p * rows.width() + i < a.rows(); ++i)
      for (std::size_t k = 0; k < a.cols(); ++k)
        panel[i * a.cols() + k] = a(p * rows.width() + i, k);
    rows.put_panel(p, panel.data(), a.cols());
  }
  return rows;
}

template <class Real>
std::vector<Real> product(const support::any_executor& exec, const matrix<float>& a) {
  std::vector<Real> g(a.rows() * a.rows());
  tamp::detail::add_gram_product(exec, packed<Real>(a), std::span(g));
  return g;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const auto g = product<double>(support::one_thread, {{1, 2}, {0, 3}, {-1, 1}});
  const std::vector<double> expected{5, 6, 1, 6, 9, 3, 1, 3, 2};
  BOOST_TEST(g == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(it_is_what_three_loops_give_for_any_shape, Real,
                              decltype(std::tuple<float, double>{})) {
  for (const std::size_t rows : {1u, 7u, 8u, 9u, 16u, 33u})
    for (const std::size_t cols : {1u, 5u, 512u, 513u, 1100u}) {
      const auto a = support::random_matrix(rows, cols, unsigned(rows * cols));
      const auto g = product<Real>(support::one_thread, a);
      double largest = 0;
      for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < rows; ++j) {
          double sum = 0;
          for (std::size_t k = 0; k < cols; ++k) sum += double(a(i, k)) * double(a(j, k));
          largest = std::max(largest, std::abs(double(g[i * rows + j]) - sum));
          BOOST_REQUIRE(g[i * rows + j] == g[j * rows + i]);
        }
      BOOST_TEST(largest <= (sizeof(Real) == 4 ? 2e-5 : 1e-12) * double(cols));
    }
}

BOOST_AUTO_TEST_CASE(the_bits_do_not_depend_on_the_executor) {
  const auto a = support::random_matrix(45, 700, 1);
  const auto g = product<float>(support::one_thread, a);
  for (const auto& exec : support::every_executor)
    BOOST_TEST((product<float>(exec, a) == g), "other bits with " << exec);
}

BOOST_AUTO_TEST_CASE(it_adds_to_what_is_there) {
  std::vector<double> g{1, 2, 2, 3};
  tamp::detail::add_gram_product(support::one_thread, packed<double>({{1, 1}, {0, 2}}),
                                 std::span(g));
  const std::vector<double> expected{3, 4, 4, 7};
  BOOST_TEST(g == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(columns_can_be_put_instead) {
  for (const std::size_t cols : {3u, 300u}) {
    const auto a = support::random_matrix(11, cols, 2);
    packed_rows<double> rows = packed<double>(a), columns(11, cols);
    const std::size_t pitch = columns.panels() * columns.width();
    std::vector<double> turned(cols * pitch);
    for (std::size_t k = 0; k < cols; ++k)
      for (std::size_t i = 0; i < 11; ++i) turned[k * pitch + i] = a(i, k);
    for (std::size_t k = 0; k < cols; k += 2)  // a run of columns has an even length
      columns.put_columns(k, std::min<std::size_t>(2, cols - k), turned.data() + k * pitch, pitch);
    std::vector<double> one(121), other(121);
    tamp::detail::add_gram_product(support::one_thread, rows, std::span(one));
    tamp::detail::add_gram_product(support::one_thread, columns, std::span(other));
    BOOST_TEST((one == other));
  }
}

BOOST_AUTO_TEST_CASE(products_of_two_sets_of_rows) {
  for (const std::size_t rows : {1u, 49u, 200u}) {
    const auto a = support::random_matrix(rows, 300, 3), b = support::random_matrix(70, 300, 4);
    std::vector<double> product(rows * 70);
    tamp::detail::for_each_product_block(support::one_thread, packed<double>(a), packed<double>(b),
                                         [&](const auto& block) {
                                           for (std::size_t i = block.top; i < block.bottom; ++i)
                                             for (std::size_t j = block.left; j < block.right; ++j)
                                               product[i * 70 + j] += block.row(i)[j - block.left];
                                         });
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < 70; ++j) {
        double sum = 0;
        for (std::size_t k = 0; k < 300; ++k) sum += double(a(i, k)) * double(b(j, k));
        BOOST_TEST_REQUIRE(std::abs(product[i * 70 + j] - sum) < 1e-10);
      }
  }
}

BOOST_AUTO_TEST_CASE(nothing_and_rows_without_columns_are_fine) {
  BOOST_TEST(product<float>(support::one_thread, matrix<float>(0, 5)).empty());
  BOOST_TEST((product<float>(support::one_thread, matrix<float>(3, 0)) == std::vector<float>(9)));
}

BOOST_AUTO_TEST_SUITE_END()
