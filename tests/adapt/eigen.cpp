#include <tamp/adapt/eigen.hpp>
#include <tamp/tensor/rows.hpp>

#include <Eigen/Core>
#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(adapt_eigen)

namespace {

using row_major_matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// A matrix with a different number in each place.
template <class Matrix>
Matrix numbered(Eigen::Index rows, Eigen::Index cols) {
  using scalar = typename Matrix::Scalar;
  Matrix m(rows, cols);
  for (Eigen::Index i = 0; i < rows; ++i)
    for (Eigen::Index j = 0; j < cols; ++j) m(i, j) = static_cast<scalar>(float(i * cols + j));
  return m;
}

// The view's elements are the host's own, one by one, and rows are read from them.
template <class Host>
void check_view(Host&& host) {
  const auto view = tamp::view(host);
  BOOST_REQUIRE_EQUAL(view.rows(), std::size_t(host.rows()));
  BOOST_REQUIRE_EQUAL(view.cols(), std::size_t(host.cols()));
  tamp::detail::row_reader read_row(view);
  for (std::size_t i = 0; i < view.rows(); ++i) {
    const auto row = read_row(i);
    for (std::size_t j = 0; j < view.cols(); ++j) {
      const auto& element = host.coeffRef(Eigen::Index(i), Eigen::Index(j));
      BOOST_REQUIRE_EQUAL(&view(i, j), &element);
      BOOST_REQUIRE_EQUAL(float(row[j]), float(element));
    }
  }
}

// As check_view, and what is written through the view is seen by the host.
template <class Host>
void check_writable(Host&& host) {
  check_view(host);
  const auto view = tamp::view(host);
  using element = std::remove_reference_t<decltype(view(0, 0))>;
  static_assert(!std::is_const_v<element>);
  for (std::size_t i = 0; i < view.rows(); ++i)
    for (std::size_t j = 0; j < view.cols(); ++j) {
      view(i, j) = static_cast<element>(-1.0f);
      BOOST_REQUIRE_EQUAL(float(host(Eigen::Index(i), Eigen::Index(j))), -1.0f);
    }
}

template <class Host>
using viewed = std::remove_reference_t<decltype(tamp::view(std::declval<Host>())(0, 0))>;

template <class Half, class Twin>
void check_numbers_of() {
  using traits = tamp::element_traits<Half>;
  for (unsigned bits = 0; bits < 0x10000u; ++bits) {
    const auto half = std::bit_cast<Half>(std::uint16_t(bits));
    const float mine = traits::load(half), theirs = static_cast<float>(half);
    if (!(mine == theirs || (std::isnan(mine) && std::isnan(theirs))))
      BOOST_FAIL("bits " << bits << " read as " << mine << ", Eigen reads " << theirs);
  }
  for (const float x : {0.1f, -3.0f, 1e-6f, 1e9f, 65519.0f, 0x1.01p0f, 0x1.03p0f, 0x1.002p0f})
    BOOST_TEST(std::bit_cast<std::uint16_t>(traits::store(x)) ==
               std::bit_cast<std::uint16_t>(static_cast<Half>(x)));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_matrix_is_viewed_in_either_storage_order) {
  auto by_column = numbered<Eigen::MatrixXf>(5, 7);
  const auto view = tamp::view(by_column);
  BOOST_TEST(view(1, 2) == 9.0f);
  BOOST_TEST(view.row_stride() == 1);
  BOOST_TEST(view.col_stride() == 5);
  check_writable(by_column);

  auto by_row = numbered<row_major_matrix>(5, 7);
  BOOST_TEST(tamp::view(by_row).row_stride() == 7);
  BOOST_TEST(tamp::view(by_row).col_stride() == 1);
  check_writable(by_row);
}

BOOST_AUTO_TEST_CASE(fixed_sizes_and_bounded_sizes_are_viewed) {
  Eigen::Matrix<double, 2, 3> fixed = numbered<Eigen::MatrixXd>(2, 3);
  check_writable(fixed);
  Eigen::Matrix<float, 3, 2, Eigen::RowMajor> by_row = numbered<row_major_matrix>(3, 2);
  check_writable(by_row);
  using bounded = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, 0, 8, 8>;
  auto m = numbered<bounded>(3, 5);
  check_writable(m);
  Eigen::Matrix<float, 1, 1> one = numbered<Eigen::MatrixXf>(1, 1);
  check_writable(one);
}

BOOST_AUTO_TEST_CASE(arrays_are_viewed_like_matrices) {
  auto a = numbered<Eigen::ArrayXXd>(4, 3);
  check_writable(a);
  auto m = numbered<Eigen::MatrixXf>(4, 3);
  check_writable(m.array());
  check_writable(a.matrix());
}

BOOST_AUTO_TEST_CASE(a_column_vector_is_n_by_1_and_a_row_vector_1_by_n) {
  auto column = numbered<Eigen::VectorXf>(4, 1);
  BOOST_TEST(tamp::view(column).rows() == 4u);
  BOOST_TEST(tamp::view(column).cols() == 1u);
  check_writable(column);
  auto row = numbered<Eigen::RowVectorXf>(1, 4);
  BOOST_TEST(tamp::view(row).rows() == 1u);
  BOOST_TEST(tamp::view(row).cols() == 4u);
  BOOST_TEST(tamp::view(row).contiguous_rows());
  check_writable(row);
  Eigen::Vector3f fixed(1, 2, 3);
  check_writable(fixed);
  check_writable(fixed.transpose());
  check_writable(column.segment(1, 2));
  check_writable(row.tail<3>());
}

BOOST_AUTO_TEST_CASE(maps_are_viewed_with_their_strides) {
  std::vector<float> memory(100);
  for (std::size_t k = 0; k < memory.size(); ++k) memory[k] = float(k);
  using Eigen::Dynamic;
  using Eigen::MatrixXf;
  using strides = Eigen::Stride<Dynamic, Dynamic>;
  check_writable(Eigen::Map<MatrixXf>(memory.data(), 5, 7));
  check_writable(Eigen::Map<row_major_matrix>(memory.data(), 5, 7));
  check_writable(
      Eigen::Map<MatrixXf, 0, Eigen::OuterStride<>>(memory.data(), 5, 7, Eigen::OuterStride<>(9)));
  check_writable(Eigen::Map<row_major_matrix, 0, Eigen::OuterStride<11>>(memory.data(), 5, 7));
  check_writable(Eigen::Map<MatrixXf, 0, strides>(memory.data(), 5, 7, strides(13, 2)));
  check_writable(Eigen::Map<row_major_matrix, 0, strides>(memory.data(), 5, 7, strides(17, 2)));
  check_writable(Eigen::Map<Eigen::VectorXf, 0, Eigen::InnerStride<3>>(memory.data(), 6));
  check_writable(Eigen::Map<Eigen::RowVectorXf, 0, Eigen::InnerStride<>>(memory.data(), 6,
                                                                         Eigen::InnerStride<>(4)));

  const auto view =
      tamp::view(Eigen::Map<MatrixXf, 0, strides>(memory.data(), 5, 7, strides(13, 2)));
  BOOST_TEST(view.data() == memory.data());
  BOOST_TEST(view.row_stride() == 2);
  BOOST_TEST(view.col_stride() == 13);
}

BOOST_AUTO_TEST_CASE(a_map_with_negative_strides_is_viewed_backwards) {
  std::vector<float> memory{0, 1, 2, 3, 4, 5};
  using strides = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
  Eigen::Map<row_major_matrix, 0, strides> backwards(&memory[5], 2, 3, strides(-3, -1));
  BOOST_TEST(tamp::view(backwards)(1, 2) == 0.0f);
  check_writable(backwards);
}

BOOST_AUTO_TEST_CASE(blocks_and_blocks_of_blocks_are_viewed_in_place) {
  auto m = numbered<Eigen::MatrixXf>(9, 8);
  check_writable(m.block(1, 2, 4, 5));
  check_writable(m.block<3, 2>(2, 2));
  check_writable(m.block(1, 2, 6, 5).bottomRows(3).rightCols<2>());
  check_writable(m.topLeftCorner(2, 2));
  auto n = numbered<row_major_matrix>(9, 8);
  check_writable(n.block(1, 2, 6, 5).bottomRows(3).rightCols<2>());
  BOOST_TEST(&tamp::view(m.block(1, 2, 4, 5))(0, 0) == &m(1, 2));
}

BOOST_AUTO_TEST_CASE(single_rows_and_columns_keep_their_direction) {
  auto m = numbered<Eigen::MatrixXf>(5, 7);
  auto n = numbered<row_major_matrix>(5, 7);
  BOOST_TEST(tamp::view(m.row(2)).cols() == 7u);
  BOOST_TEST(tamp::view(m.row(2)).col_stride() == 5);
  BOOST_TEST(tamp::view(m.col(2)).rows() == 5u);
  BOOST_TEST(tamp::view(n.col(2)).row_stride() == 7);
  check_writable(m.row(2));
  check_writable(m.col(3));
  check_writable(n.row(2));
  check_writable(n.col(3));
  check_writable(m.row(4).segment(1, 3));
  check_writable(n.col(4).tail(3));
}

BOOST_AUTO_TEST_CASE(transposes_and_diagonals_are_viewed_in_place) {
  auto m = numbered<Eigen::MatrixXf>(5, 7);
  check_writable(m.transpose());
  check_writable(m.block(1, 1, 3, 4).transpose());
  check_writable(m.transpose().block(1, 1, 3, 4));
  check_writable(m.row(1).transpose());
  check_writable(m.diagonal());
  BOOST_TEST(&tamp::view(m.transpose())(3, 1) == &m(1, 3));
  BOOST_TEST(tamp::view(m.transpose()).contiguous_rows());
}

BOOST_AUTO_TEST_CASE(references_are_viewed_like_what_they_refer_to) {
  auto m = numbered<Eigen::MatrixXf>(5, 7);
  Eigen::Ref<Eigen::MatrixXf> whole(m), part(m.middleCols(1, 3));
  BOOST_TEST(tamp::view(whole).data() == m.data());
  check_writable(part);
  Eigen::Ref<Eigen::VectorXf> column(m.col(2));
  check_writable(column);
  const Eigen::Ref<const Eigen::MatrixXf> reading(m);
  BOOST_TEST(tamp::view(reading).data() == m.data());
  check_view(reading);
}

BOOST_AUTO_TEST_CASE(what_eigen_would_not_write_to_gives_a_reading_view) {
  using Eigen::Map;
  using Eigen::MatrixXf;
  using Eigen::Ref;
  static_assert(std::is_same_v<viewed<MatrixXf&>, float>);
  static_assert(std::is_same_v<viewed<const MatrixXf&>, const float>);
  static_assert(std::is_same_v<viewed<Map<MatrixXf>&>, float>);
  static_assert(std::is_same_v<viewed<const Map<MatrixXf>&>, const float>);
  static_assert(std::is_same_v<viewed<Map<const MatrixXf>&>, const float>);
  static_assert(std::is_same_v<viewed<Ref<MatrixXf>&>, float>);
  static_assert(std::is_same_v<viewed<Ref<const MatrixXf>&>, const float>);

  MatrixXf m(4, 4);
  const MatrixXf& reading = m;
  static_assert(std::is_same_v<viewed<decltype(m.block(0, 0, 2, 2))>, float>);
  static_assert(std::is_same_v<viewed<decltype(reading.block(0, 0, 2, 2))>, const float>);
  static_assert(std::is_same_v<viewed<decltype(m.transpose())>, float>);
  static_assert(std::is_same_v<viewed<decltype(reading.transpose())>, const float>);
  static_assert(std::is_same_v<viewed<decltype(reading.row(0).transpose())>, const float>);
  check_view(std::as_const(m.setZero()));
}

BOOST_AUTO_TEST_CASE(empty_matrices_keep_their_shape) {
  for (const auto& [rows, cols] : {std::pair{0, 0}, {0, 5}, {5, 0}}) {
    Eigen::MatrixXf m(rows, cols);
    row_major_matrix n(rows, cols);
    check_view(m);
    check_view(n);
    check_view(m.transpose());
    BOOST_TEST(tamp::view(m).empty());
  }
  Eigen::MatrixXf m(3, 4);
  check_view(m.block(1, 1, 0, 2));
  check_view(m.block(3, 4, 0, 0));
  Eigen::RowVectorXf none(0);
  BOOST_TEST(tamp::view(none).rows() == 1u);
  check_view(none);
}

BOOST_AUTO_TEST_CASE(matrices_of_one_row_or_one_column_are_viewed) {
  for (const auto& [rows, cols] : {std::pair{1, 1}, {1, 6}, {6, 1}}) {
    auto m = numbered<Eigen::MatrixXf>(rows, cols);
    auto n = numbered<row_major_matrix>(rows, cols);
    check_writable(m);
    check_writable(n);
    check_writable(m.transpose());
  }
}

BOOST_AUTO_TEST_CASE(sixteen_bit_matrices_are_viewed_in_eigens_own_types) {
  auto half = numbered<Eigen::Matrix<Eigen::half, Eigen::Dynamic, Eigen::Dynamic>>(5, 40);
  check_writable(half);
  auto brain = numbered<Eigen::Matrix<Eigen::bfloat16, Eigen::Dynamic, Eigen::Dynamic>>(5, 40);
  check_writable(brain.transpose());
  static_assert(std::is_same_v<viewed<decltype(half)&>, Eigen::half>);
  static_assert(std::is_same_v<tamp::compute_type<Eigen::bfloat16>, float>);
}

BOOST_AUTO_TEST_CASE(eigens_16_bit_numbers_are_the_same_numbers_in_tamp) {
  check_numbers_of<Eigen::half, tamp::f16>();
  check_numbers_of<Eigen::bfloat16, tamp::bf16>();
}

BOOST_AUTO_TEST_CASE(a_class_that_inherits_from_a_matrix_is_viewed_too) {
  struct named_matrix : Eigen::MatrixXf {
    using Eigen::MatrixXf::MatrixXf;
    std::string name = "q_proj";
  };
  named_matrix m(2, 3);
  m.setZero();
  check_writable(m);
}

BOOST_AUTO_TEST_CASE(asking_whether_something_is_a_tensor_compiles_for_everything) {
  Eigen::MatrixXf a(2, 2), b(2, 2);
  static_assert(tamp::strided_tensor<decltype(a)> && tamp::strided_tensor<decltype(a.row(0))>);
  static_assert(tamp::tensor<decltype(a + b)>);  // using it is what is diagnosed
  static_assert(!tamp::tensor<decltype(a.triangularView<Eigen::Upper>())>);
}

BOOST_AUTO_TEST_SUITE_END()
