#include <tamp/tensor/view.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "../support/errors.hpp"
#include "../support/preconditions.hpp"

BOOST_AUTO_TEST_SUITE(tensor_view)

namespace {

using tamp::matrix_view;

struct distant_space {};

std::vector<float> counting(std::size_t n) {
  std::vector<float> numbers(n);
  std::iota(numbers.begin(), numbers.end(), 0.0f);
  return numbers;
}

}  // namespace

BOOST_AUTO_TEST_CASE(rows_lie_one_after_the_other_unless_strides_say_otherwise) {
  auto numbers = counting(6);
  const matrix_view<float> m(numbers.data(), 2, 3);
  BOOST_TEST(m.rows() == 2u);
  BOOST_TEST(m.cols() == 3u);
  BOOST_TEST(m.size() == 6u);
  BOOST_TEST(m.row_stride() == 3);
  BOOST_TEST(m.col_stride() == 1);
  BOOST_TEST(m(0, 2) == 2.0f);
  BOOST_TEST(m(1, 0) == 3.0f);
  BOOST_TEST(&m(1, 2) == &numbers[5]);
}

BOOST_AUTO_TEST_CASE(leading_dimensions_leave_gaps) {
  auto numbers = counting(12);
  const auto by_row = tamp::row_major(numbers.data(), 3, 2, 4);
  BOOST_TEST(by_row(2, 1) == 9.0f);
  const auto by_column = tamp::column_major(numbers.data(), 2, 3, 4);
  BOOST_TEST(by_column(1, 2) == 9.0f);
  BOOST_TEST(tamp::row_major(numbers.data(), 3, 4)(2, 1) == 9.0f);
  BOOST_TEST(tamp::column_major(numbers.data(), 4, 3)(1, 2) == 9.0f);
}

BOOST_AUTO_TEST_CASE(strides_may_be_negative_or_zero) {
  auto numbers = counting(6);
  const matrix_view<float> reversed(&numbers[5], 2, 3, -3, -1);
  BOOST_TEST(reversed(0, 0) == 5.0f);
  BOOST_TEST(reversed(1, 2) == 0.0f);
  const matrix_view<float> repeated(&numbers[1], 4, 3, 0, 1);
  BOOST_TEST(repeated(3, 2) == 3.0f);
  BOOST_TEST(repeated.row(3)[0] == 1.0f);
}

BOOST_AUTO_TEST_CASE(writing_goes_to_the_owner) {
  auto numbers = counting(4);
  const matrix_view<float> m(numbers.data(), 2, 2);
  m(1, 0) = 7.0f;
  m.row(0)[1] = 8.0f;
  BOOST_TEST(numbers[2] == 7.0f);
  BOOST_TEST(numbers[1] == 8.0f);
}

BOOST_AUTO_TEST_CASE(transposing_exchanges_rows_and_columns_of_the_same_elements) {
  auto numbers = counting(12);
  const auto m = tamp::row_major(numbers.data(), 3, 2, 4);
  const auto t = m.transposed();
  BOOST_TEST(t.rows() == 2u);
  BOOST_TEST(t.cols() == 3u);
  for (std::size_t i = 0; i < m.rows(); ++i)
    for (std::size_t j = 0; j < m.cols(); ++j) BOOST_TEST(&t(j, i) == &m(i, j));
}

BOOST_AUTO_TEST_CASE(rows_are_contiguous_where_their_elements_are_neighbours) {
  float x = 0;
  BOOST_TEST(tamp::row_major(&x, 5, 3, 8).contiguous_rows());
  BOOST_TEST(!tamp::row_major(&x, 5, 3, 8).contiguous_cols());
  BOOST_TEST(tamp::column_major(&x, 5, 3, 8).contiguous_cols());
  BOOST_TEST(!tamp::column_major(&x, 5, 3, 8).contiguous_rows());
  BOOST_TEST(!matrix_view<float>(&x, 5, 3, 1, 0).contiguous_rows());
  BOOST_TEST(!matrix_view<float>(&x, 5, 3, 1, -1).contiguous_rows());
}

BOOST_AUTO_TEST_CASE(the_stride_of_an_extent_of_one_does_not_matter) {
  float x[3] = {0, 1, 2};
  BOOST_TEST(matrix_view<float>(x, 3, 1, 1, 0).contiguous_rows());
  BOOST_TEST(matrix_view<float>(x, 3, 1, 1, 99).contiguous_rows());
  BOOST_TEST(matrix_view<float>(x, 1, 3, 0, 1).contiguous_rows());
  BOOST_TEST(matrix_view<float>(x, 1, 3, 0, 1).contiguous_cols());
  BOOST_TEST(matrix_view<float>(x, 3, 1, 1, 0).row(2)[0] == 2.0f);
}

BOOST_AUTO_TEST_CASE(a_view_without_elements_adds_nothing_to_its_pointer) {
  for (const auto& m : {matrix_view<float>(nullptr, 0, 5, 5, 1), matrix_view<float>(nullptr, 5, 0),
                        matrix_view<float>(nullptr, 5, 0, 1, 5), matrix_view<float>()}) {
    BOOST_TEST(m.empty());
    BOOST_TEST(m.size() == 0u);
    BOOST_TEST(m.row_stride() == 0);
    BOOST_TEST(m.col_stride() == 0);
    BOOST_TEST(m.contiguous_rows());
    BOOST_TEST(m.contiguous_cols());
    BOOST_TEST(m.transposed().rows() == m.cols());
    for (std::size_t i = 0; i < m.rows(); ++i) BOOST_TEST(m.row(i).empty());
  }
  BOOST_TEST(matrix_view<float>(nullptr, 5, 0).rows() == 5u);
}

BOOST_AUTO_TEST_CASE(a_writing_view_converts_to_a_reading_one_and_not_back) {
  using writing = matrix_view<float>;
  using reading = matrix_view<const float>;
  static_assert(std::is_convertible_v<writing, reading>);
  static_assert(!std::is_constructible_v<writing, reading>);
  static_assert(!std::is_convertible_v<writing, matrix_view<const double>>);
  static_assert(!std::is_convertible_v<matrix_view<float, distant_space>, reading>);
  static_assert(std::is_convertible_v<matrix_view<float, distant_space>,
                                      matrix_view<const float, distant_space>>);
  auto numbers = counting(12);
  const reading m = tamp::column_major(numbers.data(), 2, 3, 4);
  BOOST_TEST(m(1, 2) == 9.0f);
  BOOST_TEST(m.row_stride() == 1);
  BOOST_TEST(m.col_stride() == 4);
}

BOOST_AUTO_TEST_CASE(views_are_trivially_copyable) {
  static_assert(std::is_trivially_copyable_v<matrix_view<float>>);
  static_assert(std::is_trivially_copyable_v<matrix_view<const double, distant_space>>);
  static_assert(std::is_same_v<matrix_view<const float>::value_type, float>);
}

BOOST_AUTO_TEST_CASE(a_span_must_hold_exactly_the_elements) {
  auto numbers = counting(6);
  BOOST_TEST(matrix_view<float>(std::span(numbers), 3, 2)(2, 1) == 5.0f);
  BOOST_TEST(matrix_view<float>(std::span<float>(), 0, 7).rows() == 0u);
  BOOST_TEST(matrix_view<float>(std::span<float>(), 7, 0).rows() == 7u);
  const auto says = [](const std::string& part) {
    return [part](const tamp::shape_error& e) {
      return std::string(e.what()).find(part) != std::string::npos;
    };
  };
  BOOST_CHECK_EXCEPTION(matrix_view<float>(std::span(numbers), 2, 4), tamp::shape_error,
                        says("6 elements do not make 2 rows of 4"));
  BOOST_CHECK_THROW(matrix_view<float>(std::span(numbers), 2, 2), tamp::shape_error);
  BOOST_CHECK_THROW(matrix_view<float>(std::span(numbers), 6, 0), tamp::shape_error);
  BOOST_CHECK_THROW(matrix_view<float>(std::span(numbers), 0, 6), tamp::shape_error);
}

BOOST_AUTO_TEST_CASE(a_product_of_extents_that_overflows_is_not_mistaken_for_a_fit) {
  auto numbers = counting(4);
  const std::size_t huge = std::size_t(-1) / 2 + 3;  // 2 * huge wraps around to 4
  BOOST_REQUIRE(huge * 2 == 4u);
  BOOST_CHECK_THROW(matrix_view<float>(std::span(numbers), huge, 2), tamp::shape_error);
  BOOST_CHECK_THROW(matrix_view<float>(std::span(numbers), 2, huge), tamp::shape_error);
}

BOOST_AUTO_TEST_CASE(extents_whose_product_wraps_are_refused) {
  float x = 0;
  support::check_error<tamp::shape_error>(
      "matrix_view: 288230376151711744 x 4096 elements are more than memory can hold",
      [&] { matrix_view<float>(&x, std::size_t{1} << 58, 4096); });
  support::check_error<tamp::shape_error>(
      "matrix_view: 4294967296 x 4294967296 elements are more than memory can hold",
      [&] { tamp::column_major(&x, std::size_t{1} << 32, std::size_t{1} << 32); });
  support::check_error<tamp::shape_error>(
      "matrix_view: 4294967296 x 4294967296 elements are more than memory can hold",
      [&] { tamp::row_major(&x, std::size_t{1} << 32, std::size_t{1} << 32, 1); });
}

BOOST_AUTO_TEST_CASE(an_extent_of_minus_one_is_refused) {
  float x = 0;
  const int minus_one = -1;
  for (const int other : {0, 1, 3})
    support::check_error<tamp::shape_error>(
        tamp::detail::sentence("matrix_view: a shape of 18446744073709551615 x ", other,
                               " is too large; was one of the numbers negative?"),
        [&] {
          matrix_view<float>(&x, static_cast<std::size_t>(minus_one),
                             static_cast<std::size_t>(other));
        });
  support::check_error<tamp::shape_error>(
      "row_major: there cannot be 18446744073709551615 elements from one start to the next",
      [&] { tamp::row_major(&x, 1, 1, static_cast<std::size_t>(minus_one)); });
}

BOOST_AUTO_TEST_CASE(extents_without_elements_may_be_long) {
  const matrix_view<float> wide(nullptr, 0, std::size_t{1} << 62);
  BOOST_TEST(wide.empty());
  BOOST_TEST(wide.transposed().rows() == std::size_t{1} << 62);
  BOOST_TEST(wide.transposed().size() == 0u);
}

BOOST_AUTO_TEST_CASE(views_that_no_memory_is_behind_are_refused_where_they_are_read) {
  const auto check = [](const matrix_view<const double>& m) {
    tamp::detail::check_memory("test", m);
  };
  double x[6] = {};
  check({});
  check({nullptr, 0, 3});
  check({x, 2, 3});
  check({x, 1, 3, (std::numeric_limits<std::ptrdiff_t>::min)(), 1});
  check({x, 2, 3, 0, 0});
  support::check_error<tamp::shape_error>("test: 2 x 3 elements lie at a null pointer",
                                          [&] { check({nullptr, 2, 3}); });
  constexpr auto lowest = (std::numeric_limits<std::ptrdiff_t>::min)();
  constexpr auto highest = (std::numeric_limits<std::ptrdiff_t>::max)();
  for (const auto& [rows, cols] : {std::pair{lowest, std::ptrdiff_t{1}},
                                   {1, lowest},
                                   {highest, 1},
                                   {highest / 8, highest / 8},
                                   {-(highest / 8), 1}})
    support::check_error<tamp::shape_error>(
        tamp::detail::sentence("test: 2 x 3 elements with strides of ", rows, " and ", cols,
                               " do not fit into memory"),
        [&, r = rows, c = cols] { check({x, 2, 3, r, c}); });
}

BOOST_AUTO_TEST_CASE(a_debug_build_says_which_element_is_none) {
  auto numbers = counting(6);
  const matrix_view<float> m(numbers.data(), 2, 3);
  support::check_aborts("matrix_view: element (2, 0) of a matrix of 2 x 3", [&] { (void)m(2, 0); });
  support::check_aborts("matrix_view: element (0, 3) of a matrix of 2 x 3", [&] { (void)m(0, 3); });
  support::check_aborts("matrix_view: row 2 of a matrix of 2 x 3", [&] { (void)m.row(2); });
  support::check_aborts(
      "matrix_view: the elements of a row are 3 apart, and the row does not lie "
      "in one piece",
      [&] { (void)m.transposed().row(0); });
}

BOOST_AUTO_TEST_CASE(views_can_be_constants) {
  static constexpr float numbers[6] = {0, 1, 2, 3, 4, 5};
  constexpr matrix_view<const float> m(numbers, 2, 3);
  static_assert(m(1, 2) == 5 && m.transposed()(2, 1) == 5 && m.row(1)[0] == 3);
}

BOOST_AUTO_TEST_SUITE_END()
