#include <tamp/tensor/detail/gather.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <tamp/execute/sequential.hpp>
#include <vector>

#include "../../support/executors.hpp"
#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(tensor_detail_gather)

using support::matrix;
using tamp::detail::chosen_lines;
using tamp::detail::gather_lines;

namespace {

using indices = std::vector<std::size_t>;

}  // namespace

BOOST_AUTO_TEST_CASE(lines_are_all_of_an_axis_or_a_list_in_its_order) {
  const chosen_lines every(std::size_t{3});
  BOOST_TEST(every.all());
  BOOST_TEST(every.size() == 3u);
  BOOST_TEST(every[2] == 2u);
  const indices list{5, 0, 5};
  const chosen_lines some(list);
  BOOST_TEST(!some.all());
  BOOST_TEST(some.size() == 3u);
  BOOST_TEST(some[0] == 5u);
  BOOST_TEST(some[1] == 0u);
}

BOOST_AUTO_TEST_CASE(rows_and_columns_at_once) {
  const matrix<float> w{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}};
  matrix<float> out(2, 2);
  const indices rows{2, 0}, cols{1, 1};
  gather_lines("test", tamp::execute::sequential{}, tamp::view(w), chosen_lines(rows),
               chosen_lines(cols), tamp::view(out));
  BOOST_TEST((out == matrix<float>{{8, 8}, {2, 2}}));
}

BOOST_AUTO_TEST_CASE(any_layout_to_any_layout_on_any_executor) {
  const matrix<float> w = support::random_matrix(21, 19, 1);
  const indices some_rows{20, 3, 3, 0, 9, 11, 12, 13, 14, 15, 16}, some_cols{0, 18, 7};
  for (const auto& exec : support::every_executor)
    for (const bool all_rows : {false, true})
      for (const bool all_cols : {false, true}) {
        const chosen_lines rows = all_rows ? chosen_lines(w.rows()) : chosen_lines(some_rows);
        const chosen_lines cols = all_cols ? chosen_lines(w.cols()) : chosen_lines(some_cols);
        matrix<float> expected(rows.size(), cols.size());
        for (std::size_t i = 0; i < rows.size(); ++i)
          for (std::size_t j = 0; j < cols.size(); ++j) expected(i, j) = w(rows[i], cols[j]);
        support::in_every_layout(w, [&](tamp::matrix_view<float> from) {
          support::in_every_layout(matrix<float>(rows.size(), cols.size()),
                                   [&](tamp::matrix_view<float> to) {
                                     gather_lines("test", exec, from, rows, cols, to);
                                     BOOST_TEST((support::copy_of(to) == expected), exec);
                                   });
        });
      }
}

BOOST_AUTO_TEST_CASE(other_types_are_converted_through_the_type_that_the_output_computes_in) {
  const matrix<double> w{{1.0 + 1e-12, 2}};
  matrix<float> out(1, 1);
  const indices first{0};
  gather_lines("test", tamp::execute::sequential{}, tamp::view(w), chosen_lines(std::size_t{1}),
               chosen_lines(first), tamp::view(out));
  BOOST_TEST(out(0, 0) == 1.0f);
}

BOOST_AUTO_TEST_CASE(nothing_may_be_chosen) {
  const matrix<float> w{{1, 2}};
  matrix<float> out(1, 0);
  const indices none;
  gather_lines("test", tamp::execute::sequential{}, tamp::view(w), chosen_lines(std::size_t{1}),
               chosen_lines(none), tamp::view(out));
  BOOST_TEST(out.cols() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
