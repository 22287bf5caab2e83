#include <tamp/score/detail/inverse_factor.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <limits>

#include "../../support/executors.hpp"
#include "../../support/thorough.hpp"

BOOST_AUTO_TEST_SUITE(score_detail_inverse_factor)

using support::one_thread;
using tamp::detail::double_matrix;
using tamp::detail::factor_inverse;

namespace {

// Symmetric, and positive definite as its diagonal outweighs the rest.
double_matrix positive_definite(Eigen::Index n) {
  double_matrix m(n, n);
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j < n; ++j)
      m(i, j) = std::cos(static_cast<double>(i * j + i + j)) + (i == j ? 3.0 * std::sqrt(n) : 0.0);
  return m;
}

bool same_bits(const double_matrix& a, const double_matrix& b) {
  return a.size() == b.size() &&
         std::memcmp(a.data(), b.data(), sizeof(double) * std::size_t(a.size())) == 0;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // [[2, 1], [1, 1]] has the inverse [[1, -1], [-1, 2]] = U^T U with U = [[1, -1], [0, 1]].
  double_matrix H(2, 2), U;
  H << 2, 1, 1, 1;
  BOOST_TEST(factor_inverse(one_thread, H, 0.0, U));
  BOOST_TEST(std::abs(U(0, 0) - 1) < 1e-15);
  BOOST_TEST(std::abs(U(0, 1) + 1) < 1e-15);
  BOOST_TEST(U(1, 0) == 0.0);
  BOOST_TEST(std::abs(U(1, 1) - 1) < 1e-15);
}

BOOST_AUTO_TEST_CASE(something_is_added_to_the_diagonal) {
  double_matrix H(1, 1), U;
  H << 3;
  BOOST_TEST(factor_inverse(one_thread, H, 1.0, U));
  BOOST_TEST(U(0, 0) == 0.5);
}

BOOST_AUTO_TEST_CASE(it_is_a_factor_of_the_inverse_whatever_the_size_is_to_the_blocks) {
  for (const Eigen::Index n : {0, 1, 31, 33, 63, 65, 127, 128, 129, 300}) {
    if (n == 300 && !support::is_thorough()) continue;
    const double_matrix H = positive_definite(n);
    double_matrix U;
    BOOST_TEST(factor_inverse(one_thread, H, 0.0, U));
    BOOST_TEST(U.isUpperTriangular());
    const double_matrix unit = U.transpose() * U * H;
    BOOST_TEST((unit - double_matrix::Identity(n, n)).norm() < 1e-11, "size " << n);
  }
}

BOOST_AUTO_TEST_CASE(the_bits_do_not_depend_on_the_executor) {
  const double_matrix H = positive_definite(300);
  double_matrix expected;
  BOOST_TEST(factor_inverse(one_thread, H, 0.1, expected));
  for (const auto& exec : support::every_executor) {
    double_matrix U;
    BOOST_TEST(factor_inverse(exec, H, 0.1, U));
    BOOST_TEST(same_bits(U, expected), "other bits with " << exec);
  }
}

BOOST_AUTO_TEST_CASE(what_is_not_positive_definite_has_none) {
  double_matrix U;
  for (const Eigen::Index n : {3, 200}) {
    double_matrix H = double_matrix::Ones(n, n);
    BOOST_TEST(!factor_inverse(one_thread, H, 0.0, U));
    BOOST_TEST(factor_inverse(one_thread, H, 0.5, U));
    H = positive_definite(n);
    H(n - 1, n - 1) = -1;
    BOOST_TEST(!factor_inverse(one_thread, H, 0.0, U));
    H(n - 1, n - 1) = std::numeric_limits<double>::quiet_NaN();
    BOOST_TEST(!factor_inverse(one_thread, H, 0.0, U));
  }
}

BOOST_AUTO_TEST_CASE(a_factor_whose_squares_leave_the_range_of_double_is_none) {
  double_matrix H(1, 1), U;
  for (const double out_of_range : {5e-324, 1e-310, std::numeric_limits<double>::infinity()}) {
    H << out_of_range;
    BOOST_TEST(!factor_inverse(one_thread, H, 0.0, U));
  }
}

BOOST_AUTO_TEST_SUITE_END()
