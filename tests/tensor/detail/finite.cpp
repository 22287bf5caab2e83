#include <tamp/tensor/detail/finite.hpp>

#include <boost/test/unit_test.hpp>

#include "../../support/errors.hpp"
#include "../../support/executors.hpp"
#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(tensor_detail_finite)

using tamp::detail::check_finite;

BOOST_AUTO_TEST_CASE(finite_weights_are_fine) {
  support::in_every_layout(support::random_matrix(5, 9, 1),
                           [](auto m) { check_finite(support::one_thread, m, "prune", "layer"); });
  const support::matrix<float> nothing(0, 4);
  check_finite(support::one_thread, tamp::view(nothing), "prune", {});
}

BOOST_AUTO_TEST_CASE(the_first_in_row_major_order_is_named_whatever_the_layout_and_the_executor) {
  auto w = support::random_matrix(40, 9, 2);
  w(17, 8) = -support::infinity;
  w(18, 0) = w(39, 3) = support::not_a_number;
  for (const auto& exec : support::every_executor) {
    support::in_every_layout(w, [&](auto m) {
      support::check_error<tamp::value_error>(
          "select: the weight in row 17, column 8 of mlp.down is -inf",
          [&] { check_finite(exec, m, "select", "mlp.down"); });
    });
    support::check_error<tamp::value_error>("prune: the weight in row 17, column 8 is -inf", [&] {
      check_finite(exec, support::readable_rows{w}, "prune", {});
    });
  }
}

BOOST_AUTO_TEST_CASE(the_lowest_row_is_noted) {
  tamp::detail::first_row broken;
  BOOST_TEST(!broken.any());
  for (const std::size_t row : {7u, 3u, 5u}) broken.note(row);
  BOOST_TEST(broken.any());
  BOOST_TEST(broken.row() == 3u);
}

BOOST_AUTO_TEST_SUITE_END()
