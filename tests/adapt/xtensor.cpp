#include <tamp/adapt/xtensor.hpp>
#include <tamp/tensor/rows.hpp>

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <numeric>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>
#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xfixed.hpp>
#include <xtensor/xmanipulation.hpp>
#include <xtensor/xstrided_view.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

BOOST_AUTO_TEST_SUITE(adapt_xtensor)

namespace {

using xt::all;
using xt::layout_type;
using xt::range;

template <class Host>
auto& element_of(Host& host, std::size_t i, std::size_t j) {
  const std::array index{i, j};
  return host.element(index.begin() + (host.dimension() == 1 ? 1 : 0), index.end());
}

// The view's elements are the host's own, one by one, and rows are read from them.
template <class Host>
void check_view(Host&& host) {
  const auto view = tamp::view(host);
  const bool is_row = host.dimension() == 1;
  BOOST_REQUIRE_EQUAL(view.rows(), is_row ? 1u : host.shape()[0]);
  BOOST_REQUIRE_EQUAL(view.cols(), host.shape()[is_row ? 0 : 1]);
  tamp::detail::row_reader read_row(view);
  for (std::size_t i = 0; i < view.rows(); ++i) {
    const auto row = read_row(i);
    for (std::size_t j = 0; j < view.cols(); ++j) {
      const auto& element = element_of(host, i, j);
      BOOST_REQUIRE_EQUAL(&view(i, j), &element);
      BOOST_REQUIRE_EQUAL(row[j], element);
    }
  }
}

// As check_view, and what is written through the view is seen by the host.
template <class Host>
void check_writable(Host&& host) {
  check_view(host);
  const auto view = tamp::view(host);
  static_assert(!std::is_const_v<std::remove_reference_t<decltype(view(0, 0))>>);
  for (std::size_t i = 0; i < view.rows(); ++i)
    for (std::size_t j = 0; j < view.cols(); ++j) {
      view(i, j) = -1;
      BOOST_REQUIRE_EQUAL(element_of(host, i, j), -1);
    }
}

template <class Host>
using viewed = std::remove_reference_t<decltype(tamp::view(std::declval<Host>())(0, 0))>;

template <class Tensor>
Tensor numbered(const typename Tensor::shape_type& shape) {
  Tensor tensor(shape);
  std::iota(tensor.storage().begin(), tensor.storage().end(), typename Tensor::value_type(0));
  return tensor;
}

template <class T = float>
auto by_row(std::size_t rows, std::size_t cols) {
  return numbered<xt::xtensor<T, 2>>({rows, cols});
}
template <class T = float>
auto by_column(std::size_t rows, std::size_t cols) {
  return numbered<xt::xtensor<T, 2, layout_type::column_major>>({rows, cols});
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_xtensor_is_viewed_in_either_layout) {
  auto x = by_row(5, 7);
  BOOST_TEST(tamp::view(x).row_stride() == 7);
  BOOST_TEST(tamp::view(x).col_stride() == 1);
  BOOST_TEST(tamp::view(x)(1, 2) == 9.0f);
  check_writable(x);
  auto y = by_column<double>(5, 7);
  BOOST_TEST(tamp::view(y).row_stride() == 1);
  BOOST_TEST(tamp::view(y).col_stride() == 5);
  check_writable(y);
  xt::xtensor<float, 2, layout_type::dynamic> z({5, 7}, layout_type::column_major);
  z.fill(1);
  BOOST_TEST(tamp::view(z).col_stride() == 5);
  check_writable(z);
}

BOOST_AUTO_TEST_CASE(an_xarray_of_two_dimensions_is_viewed) {
  auto x = numbered<xt::xarray<float>>({5, 7});
  check_writable(x);
  auto y = numbered<xt::xarray<float, layout_type::column_major>>({5, 7});
  BOOST_TEST(tamp::view(y).contiguous_cols());
  check_writable(y);
}

BOOST_AUTO_TEST_CASE(an_xtensor_of_fixed_size_is_viewed) {
  xt::xtensor_fixed<float, xt::xshape<2, 3>> x{{1, 2, 3}, {4, 5, 6}};
  BOOST_TEST(tamp::view(x)(1, 2) == 6.0f);
  check_writable(x);
  xt::xtensor_fixed<float, xt::xshape<2, 3>, layout_type::column_major> y{{1, 2, 3}, {4, 5, 6}};
  BOOST_TEST(tamp::view(y)(1, 2) == 6.0f);
  check_writable(y);
  xt::xtensor_fixed<float, xt::xshape<3>> z{1, 2, 3};
  check_writable(z);
}

BOOST_AUTO_TEST_CASE(one_dimension_is_one_row) {
  xt::xtensor<float, 1> x{1, 2, 3};
  BOOST_TEST(tamp::view(x).rows() == 1u);
  BOOST_TEST(tamp::view(x).cols() == 3u);
  check_writable(x);
  xt::xarray<float> y{1, 2, 3};
  check_writable(y);
  xt::xtensor<float, 1> one{5};
  check_writable(one);
}

BOOST_AUTO_TEST_CASE(adapted_memory_is_viewed_where_it_is) {
  std::vector<float> memory(60);
  std::iota(memory.begin(), memory.end(), 0.0f);
  const std::vector<std::size_t> shape{3, 4};
  auto container = xt::adapt(memory, std::vector<std::size_t>{5, 12});
  BOOST_TEST(tamp::view(container).data() == memory.data());
  check_writable(container);
  auto pointer = xt::adapt(memory.data(), 12, xt::no_ownership(), shape);
  BOOST_TEST(tamp::view(pointer).data() == memory.data());
  check_writable(pointer);
  auto static_rank = xt::adapt(memory.data(), std::array<std::size_t, 2>{3, 4});
  check_writable(static_rank);
  auto columns = xt::adapt<layout_type::column_major>(memory.data(), 12, xt::no_ownership(), shape);
  BOOST_TEST(tamp::view(columns).col_stride() == 3);
  check_writable(columns);
  auto gaps =
      xt::adapt(memory.data(), 12, xt::no_ownership(), shape, std::vector<std::ptrdiff_t>{15, 2});
  BOOST_TEST(tamp::view(gaps).row_stride() == 15);
  BOOST_TEST(tamp::view(gaps).col_stride() == 2);
  check_writable(gaps);
  const std::vector<float>& reading = memory;
  auto constant = xt::adapt(reading, shape);
  static_assert(std::is_same_v<viewed<decltype(constant)&>, const float>);
  auto constant_pointer = xt::adapt(reading.data(), 12, xt::no_ownership(), shape);
  static_assert(std::is_same_v<viewed<decltype(constant_pointer)&>, const float>);
  check_view(constant_pointer);
}

BOOST_AUTO_TEST_CASE(views_are_viewed_with_their_strides) {
  auto x = by_row(9, 8);
  auto y = by_column(9, 8);
  check_writable(xt::view(x, range(2, 6), range(1, 4)));
  check_writable(xt::view(y, range(2, 6), range(1, 4)));
  check_writable(xt::view(x, range(1, 9, 3), range(0, 8, 2)));
  check_writable(xt::view(y, range(1, 9, 3), range(0, 8, 2)));
  check_writable(xt::view(x, all(), range(3, 4)));
  check_writable(xt::view(x, range(3, 4)));
  BOOST_TEST(&tamp::view(xt::view(x, range(2, 6), range(1, 4)))(0, 0) == &x(2, 1));
  BOOST_TEST(tamp::view(xt::view(x, range(1, 9, 3), range(0, 8, 2))).row_stride() == 24);
  BOOST_TEST(tamp::view(xt::view(x, range(1, 9, 3), range(0, 8, 2))).col_stride() == 2);
}

BOOST_AUTO_TEST_CASE(views_of_views_and_slices_of_larger_arrays_are_viewed) {
  auto x = by_row(9, 8);
  auto outer = xt::view(x, range(1, 8), range(1, 7));
  check_writable(xt::view(outer, range(2, 5), range(1, 6, 2)));
  auto cube = numbered<xt::xtensor<float, 3>>({3, 4, 5});
  BOOST_TEST(&tamp::view(xt::view(cube, 1))(2, 3) == &cube(1, 2, 3));
  check_writable(xt::view(cube, 1, all(), all()));
  check_writable(xt::view(cube, all(), 2, all()));
  check_writable(xt::view(cube, all(), all(), 3));
  check_writable(xt::view(cube, 1, 2, all()));
  BOOST_TEST(tamp::view(xt::view(cube, all(), 1, 2)).rows() == 1u);
  check_writable(xt::view(cube, all(), 1, 2));
}

BOOST_AUTO_TEST_CASE(a_new_axis_makes_a_matrix_out_of_a_vector) {
  xt::xtensor<float, 1> x{0, 1, 2, 3, 4, 5, 6, 7};
  BOOST_TEST(tamp::view(xt::view(x, xt::newaxis(), all())).cols() == 8u);
  check_writable(xt::view(x, xt::newaxis(), all()));
  check_writable(xt::view(x, all(), xt::newaxis()));
  check_writable(xt::view(x, xt::newaxis(), range(2, 6)));
  check_writable(xt::view(x, xt::newaxis(), range(2, 8, 2)));
  auto every_second = xt::view(x, range(0, 8, 2));
  check_writable(xt::view(every_second, xt::newaxis(), range(1, 3)));
}

BOOST_AUTO_TEST_CASE(negative_steps_run_backwards) {
  auto x = by_row(5, 7);
  using xt::placeholders::_;
  check_writable(xt::view(x, range(_, _, -1), all()));
  check_writable(xt::view(x, all(), range(5, 1, -2)));
  check_writable(xt::flip(x, 1));
  BOOST_TEST(tamp::view(xt::flip(x, 0)).row_stride() == -7);
  BOOST_TEST(&tamp::view(xt::flip(x, 0))(0, 0) == &x(4, 0));
}

BOOST_AUTO_TEST_CASE(strided_views_and_transposes_are_viewed_in_place) {
  auto x = by_row(5, 7);
  check_writable(xt::strided_view(x, {range(1, 4), range(0, 7, 3)}));
  check_writable(xt::strided_view(x, {2, all()}));
  check_writable(xt::transpose(x));
  BOOST_TEST(&tamp::view(xt::transpose(x))(3, 1) == &x(1, 3));
  BOOST_TEST(tamp::view(xt::transpose(x)).contiguous_cols());
  auto outer = xt::view(x, range(1, 4), range(1, 6));
  check_writable(xt::transpose(outer));
}

BOOST_AUTO_TEST_CASE(extents_of_one_are_viewed_although_xtensor_gives_them_no_stride) {
  for (const auto& [rows, cols] : {std::pair{1, 6}, {6, 1}, {1, 1}}) {
    auto x = by_row(std::size_t(rows), std::size_t(cols));
    auto y = by_column(std::size_t(rows), std::size_t(cols));
    BOOST_TEST(tamp::view(x).contiguous_rows());
    BOOST_TEST(tamp::view(y).contiguous_cols());
    check_writable(x);
    check_writable(y);
    check_writable(xt::transpose(x));
  }
}

BOOST_AUTO_TEST_CASE(rows_without_a_stride_of_their_own_repeat_one_row) {
  std::vector<float> memory{1, 2, 3};
  auto repeated = xt::adapt(memory.data(), 12, xt::no_ownership(), std::vector<std::size_t>{4, 3},
                            std::vector<std::ptrdiff_t>{0, 1});
  const auto view = tamp::view(repeated);
  BOOST_TEST(view.rows() == 4u);
  BOOST_TEST(view.row_stride() == 0);
  BOOST_TEST(&view(3, 2) == &memory[2]);
}

BOOST_AUTO_TEST_CASE(empty_arrays_keep_their_shape) {
  for (const auto& [rows, cols] : {std::pair{0, 0}, {0, 5}, {5, 0}}) {
    check_view(by_row(std::size_t(rows), std::size_t(cols)));
    check_view(by_column(std::size_t(rows), std::size_t(cols)));
  }
  auto x = by_row(3, 4);
  check_view(xt::view(x, range(1, 1), all()));
  xt::xarray<float> none(std::vector<std::size_t>{0});
  BOOST_TEST(tamp::view(none).rows() == 1u);
  BOOST_TEST(tamp::view(none).empty());
}

BOOST_AUTO_TEST_CASE(what_xtensor_would_not_write_to_gives_a_reading_view) {
  auto x = by_row(5, 7);
  const auto& reading = x;
  static_assert(std::is_same_v<viewed<decltype(x)&>, float>);
  static_assert(std::is_same_v<viewed<decltype(reading)>, const float>);
  static_assert(std::is_same_v<viewed<xt::xarray<double>&>, double>);
  static_assert(std::is_same_v<viewed<const xt::xarray<double>&>, const double>);

  auto part = xt::view(x, all(), range(1, 3));
  static_assert(std::is_same_v<viewed<decltype(part)&>, float>);
  static_assert(std::is_same_v<viewed<const decltype(part)&>, const float>);
  auto reading_part = xt::view(reading, all(), range(1, 3));
  static_assert(std::is_same_v<viewed<decltype(reading_part)&>, const float>);
  check_view(reading_part);
  auto reading_strided = xt::strided_view(reading, {all(), range(1, 3)});
  static_assert(std::is_same_v<viewed<decltype(reading_strided)&>, const float>);
  auto reading_transpose = xt::transpose(reading);
  static_assert(std::is_same_v<viewed<decltype(reading_transpose)&>, const float>);
  check_view(reading_transpose);
}

BOOST_AUTO_TEST_CASE(another_number_of_dimensions_is_refused_at_run_time_by_its_number) {
  const auto says = [](const std::string& number) {
    return [number](const tamp::shape_error& e) {
      return std::string(e.what()).ends_with("this tensor has " + number);
    };
  };
  xt::xarray<float> cube(std::vector<std::size_t>{2, 3, 4}), scalar(1.0f);
  BOOST_CHECK_EXCEPTION(tamp::view(cube), tamp::shape_error, says("3"));
  BOOST_CHECK_EXCEPTION(tamp::view(scalar), tamp::shape_error, says("0"));
  xt::xtensor<float, 4> four({1, 2, 3, 4});
  BOOST_CHECK_EXCEPTION(tamp::view(xt::view(four, 0)), tamp::shape_error, says("3"));
}

BOOST_AUTO_TEST_CASE(asking_whether_something_is_a_tensor_compiles_for_everything) {
  auto x = by_row(5, 7);
  static_assert(tamp::strided_tensor<decltype(x)> && tamp::tensor<decltype(xt::transpose(x))>);
  static_assert(tamp::tensor<decltype(x + x)>);  // using it is what is diagnosed
  static_assert(tamp::tensor<xt::xtensor<float, 3>>);
}

BOOST_AUTO_TEST_SUITE_END()
