#include <tamp/prune/detail/zeros.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <tamp/element.hpp>
#include <vector>

#include "../../support/executors.hpp"
#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(prune_detail_zeros)

using support::matrix;
using tamp::detail::count_zeros;

BOOST_AUTO_TEST_CASE(zeros_of_either_sign_are_counted_in_every_layout) {
  const matrix<float> w{{0, 1, -0.0f}, {2, 0, 3}};
  BOOST_TEST(count_zeros(support::one_thread, tamp::view(w.data(), 2, 3)) == 3u);
  support::in_every_layout(w,
                           [](auto m) { BOOST_TEST(count_zeros(support::one_thread, m) == 3u); });
  BOOST_TEST(count_zeros(support::one_thread, tamp::view(w.data(), 0, 3)) == 0u);
  BOOST_TEST(count_zeros(support::one_thread, tamp::view(w.data(), 2, 0)) == 0u);
}

BOOST_AUTO_TEST_CASE(every_executor_counts_the_same) {
  auto w = support::random_matrix(301, 67, 1);
  std::size_t zeros = 0;
  for (std::size_t k = 0; k < 301 * 67; k += 3) w.data()[k] = 0, ++zeros;
  for (const auto& exec : support::every_executor)
    BOOST_TEST(count_zeros(exec, tamp::view(w.data(), 301, 67)) == zeros);
}

BOOST_AUTO_TEST_CASE(other_types_are_counted_as_they_are_stored) {
  const auto w =
      support::as<tamp::f16>(matrix<float>{{0, 1e-9f, 1e-3f}});  // the second is 0 in f16
  BOOST_TEST(count_zeros(support::one_thread, tamp::view(w.data(), 1, 3)) == 2u);
}

BOOST_AUTO_TEST_CASE(a_mask_drops_what_will_be_zero_once_it_is_stored) {
  const std::vector<double> numbers{0, 1e-9, 1, -0.0};
  const tamp::matrix_view<const double> view(numbers.data(), 1, 4);
  tamp::mask::bitmask in_float(1, 4), in_f16(1, 4);
  tamp::detail::drop_zeros<tamp::matrix_view<const float>>(support::one_thread, view, in_float);
  tamp::detail::drop_zeros<tamp::matrix_view<tamp::f16>>(support::one_thread, view, in_f16);
  for (std::size_t j = 0; j < 4; ++j) {
    BOOST_TEST(in_float(0, j) == (j == 1 || j == 2));
    BOOST_TEST(in_f16(0, j) == (j == 2));
  }
}

BOOST_AUTO_TEST_SUITE_END()
