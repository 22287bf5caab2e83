#include <tamp/compute/gather.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <limits>
#include <random>
#include <tamp/execute/openmp.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(compute_gather)

using support::as;
using support::check_error;
using support::matrix;
using tamp::compute::gather_columns;
using tamp::compute::gather_rows;

namespace {

using indices = std::vector<std::size_t>;

template <class T>
matrix<T> rows_of(const matrix<T>& w, const indices& chosen) {
  matrix<T> out(chosen.size(), w.cols());
  for (std::size_t k = 0; k < chosen.size(); ++k)
    for (std::size_t j = 0; j < w.cols(); ++j) out(k, j) = w(chosen[k], j);
  return out;
}

template <class T>
matrix<T> columns_of(const matrix<T>& w, const indices& chosen) {
  matrix<T> out(w.rows(), chosen.size());
  for (std::size_t i = 0; i < w.rows(); ++i)
    for (std::size_t k = 0; k < chosen.size(); ++k) out(i, k) = w(i, chosen[k]);
  return out;
}

indices some_of(std::size_t count, std::size_t of, unsigned seed) {
  std::mt19937 random(seed);
  indices chosen(count);
  for (std::size_t& index : chosen) index = random() % of;
  return chosen;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const matrix<float> w{{1, 2, 3}, {4, 5, 6}};
  matrix<float> row(1, 3), columns(2, 2);
  gather_rows(w, indices{1}, row);
  gather_columns(w, indices{0, 2}, columns);
  BOOST_TEST((row == matrix<float>{{4, 5, 6}}));
  BOOST_TEST((columns == matrix<float>{{1, 3}, {4, 6}}));
}

BOOST_AUTO_TEST_CASE(any_layout_to_any_layout_on_any_executor) {
  const matrix<float> w = support::random_matrix(70, 45, 1);
  const indices rows = some_of(37, 70, 2), columns = some_of(34, 45, 3);
  for (const auto& exec : support::every_executor)
    support::in_every_layout(w, [&](tamp::matrix_view<float> from) {
      support::in_every_layout(matrix<float>(rows.size(), 45), [&](tamp::matrix_view<float> to) {
        gather_rows(exec, from, rows, to);
        BOOST_TEST((support::copy_of(to) == rows_of(w, rows)), exec);
      });
      support::in_every_layout(matrix<float>(70, columns.size()), [&](tamp::matrix_view<float> to) {
        gather_columns(exec, from, columns, to);
        BOOST_TEST((support::copy_of(to) == columns_of(w, columns)), exec);
      });
    });
}

BOOST_AUTO_TEST_CASE(openmp_does_the_same) {
  const matrix<double> w = as<double>(support::random_matrix(130, 90, 4));
  const indices chosen = some_of(50, 90, 5);
  matrix<double> out(130, 50), rows(50, 90);
  gather_columns(tamp::execute::openmp{3}, w, chosen, out);
  BOOST_TEST((out == columns_of(w, chosen)));
  gather_rows(tamp::execute::openmp{3}, w, chosen, rows);
  BOOST_TEST((rows == rows_of(w, chosen)));
}

BOOST_AUTO_TEST_CASE(elements_of_the_same_type_are_copied_to_the_bit) {
  const float quiet = std::numeric_limits<float>::quiet_NaN();
  const matrix<float> w{{-0.0f, quiet, 1e-42f}, {support::infinity, 0, -quiet}};
  matrix<float> out(2, 3);
  gather_rows(w, indices{1, 0}, out);
  BOOST_TEST((out == rows_of(w, {1, 0})));
  const matrix<tamp::f16> h{{tamp::f16::from_bits(0x7c01), tamp::f16::from_bits(0x8000)}};
  matrix<tamp::f16> of_h(1, 1);
  gather_columns(h, indices{0}, of_h);
  BOOST_TEST(of_h(0, 0).bits == 0x7c01);
}

BOOST_AUTO_TEST_CASE(elements_of_other_types_are_converted) {
  const matrix<float> w = support::random_matrix(9, 40, 6);
  const indices chosen{3, 0, 39};
  matrix<tamp::bf16> narrow(9, 3);
  gather_columns(w, chosen, narrow);
  BOOST_TEST((narrow == as<tamp::bf16>(columns_of(w, chosen))));
  matrix<double> wide(3, 3);
  gather_rows(narrow, indices{8, 8, 2}, wide);
  BOOST_TEST((wide == as<double>(rows_of(narrow, {8, 8, 2}))));
}

BOOST_AUTO_TEST_CASE(tensors_without_strides_are_read_row_by_row) {
  const support::readable_rows w{support::random_matrix(20, 31, 7)};
  for (const auto& exec : support::every_executor) {
    matrix<float> rows(3, 31), columns(20, 4);
    gather_rows(exec, w, indices{19, 0, 19}, rows);
    gather_columns(exec, w, indices{1, 2, 30, 5}, columns);
    BOOST_TEST((rows == rows_of(w.numbers, {19, 0, 19})), exec);
    BOOST_TEST((columns == columns_of(w.numbers, {1, 2, 30, 5})), exec);
  }
}

BOOST_AUTO_TEST_CASE(nothing_may_be_chosen_and_a_weight_may_be_empty) {
  const matrix<float> w(3, 2), no_columns(3, 0);
  matrix<float> no_rows(0, 2), narrow(3, 0), two(2, 0);
  gather_rows(w, indices{}, no_rows);
  gather_columns(w, indices{}, narrow);
  gather_rows(no_columns, indices{2, 0}, two);
}

BOOST_AUTO_TEST_CASE(a_vector_is_gathered_as_one_row) {
  std::vector<float> bias{1, 2, 3, 4}, out(2);
  gather_columns(std::span(bias), indices{3, 1}, std::span(out));
  BOOST_TEST(out == (std::vector<float>{4, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(refusals_write_nothing) {
  const matrix<float> w = support::random_matrix(3, 4, 8);
  matrix<float> out(2, 4, 7.0f);
  const matrix<float> before = out;
  check_error<tamp::shape_error>("gather_rows: index 1 is row 3 of 3",
                                 [&] { gather_rows(w, indices{0, 3}, out); });
  check_error<tamp::shape_error>("gather_columns: index 0 is column 4 of 4",
                                 [&] { gather_columns(w, indices{4}, out); });
  check_error<tamp::shape_error>("gather_rows: what is chosen is 1 x 4, the output 2 x 4",
                                 [&] { gather_rows(w, indices{0}, out); });
  check_error<tamp::shape_error>("gather_columns: what is chosen is 3 x 2, the output 2 x 4",
                                 [&] { gather_columns(w, indices{0, 1}, out); });
  check_error<tamp::shape_error>(
      "gather_rows: the elements (0, 0) and (1, 0) of the output share their memory: its strides "
      "are 0 and 1",
      [&] { gather_rows(w, indices{0, 1}, tamp::matrix_view<float>(out.data(), 2, 4, 0, 1)); });
  check_error<tamp::shape_error>(
      "gather_columns: the elements (0, 1) and (0, 0) of the output share their memory: its "
      "strides are 1 and 0",
      [&] { gather_columns(w, indices{0, 1}, tamp::matrix_view<float>(out.data(), 3, 2, 1, 0)); });
  BOOST_TEST((out == before));
}

BOOST_AUTO_TEST_SUITE_END()
