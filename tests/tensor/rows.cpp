#include <tamp/tensor/rows.hpp>

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <span>
#include <tuple>
#include <type_traits>
#include <vector>

#include "../support/thorough.hpp"

namespace {

struct host_half {
  std::uint16_t bits;
};

}  // namespace

template <>
struct tamp::element_traits<host_half> : tamp::element_like<host_half, tamp::f16> {};

namespace {

using elements =
    std::tuple<float, double, tamp::f16, tamp::bf16, host_half, const float, const tamp::f16>;

// Memory for one matrix, with numbers that every element type holds exactly.
template <class T>
struct block_of_memory {
  explicit block_of_memory(std::size_t size) : storage(size) {
    for (std::size_t k = 0; k < size; ++k)
      storage[k] = tamp::element_traits<T>::store(float(int(k * 37 % 251) - 125));
  }
  std::vector<T> storage;
};

std::vector<std::size_t> in_order(std::size_t rows) {
  std::vector<std::size_t> order(rows);
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

// The definition: element after element.
template <class T>
void check_rows(tamp::matrix_view<T> m, const std::vector<std::size_t>& order) {
  tamp::detail::row_reader read_row(m);
  using traits = tamp::element_traits<std::remove_const_t<T>>;
  for (const std::size_t i : order) {
    const auto row = read_row(i);
    static_assert(
        std::is_same_v<std::remove_const_t<decltype(row)>, std::span<const tamp::compute_type<T>>>);
    BOOST_REQUIRE_EQUAL(row.size(), m.cols());
    for (std::size_t j = 0; j < m.cols(); ++j) BOOST_REQUIRE_EQUAL(row[j], traits::load(m(i, j)));
  }
}

template <class T>
void check_rows_in_many_orders(tamp::matrix_view<T> m) {
  auto order = in_order(m.rows());
  check_rows(m, order);
  std::reverse(order.begin(), order.end());
  check_rows(m, order);
  order.insert(order.end(), order.begin(), order.end());  // each twice
  std::shuffle(order.begin(), order.end(), std::mt19937(7));
  check_rows(m, order);
}

struct quantised {  // 8-bit numbers with a scale for each row
  std::vector<std::int8_t> numbers{1, -2, 3, 4, 5, -6};
  std::vector<float> scales{0.5f, 2.0f};
  int rows() const { return 2; }
  int cols() const { return 3; }
  void read_row(std::size_t i, std::span<float> out) const {
    for (std::size_t j = 0; j < out.size(); ++j) out[j] = float(numbers[i * 3 + j]) * scales[i];
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(tensor_rows)

BOOST_AUTO_TEST_CASE_TEMPLATE(rows_are_the_same_in_every_layout, T, elements) {
  using stored = std::remove_const_t<T>;
  std::size_t k = 0;
  for (const std::size_t rows : {0u, 1u, 2u, 7u, 8u, 9u, 15u, 16u, 17u, 31u, 33u, 64u, 65u})
    for (const std::size_t cols : {0u, 1u, 2u, 5u, 16u, 41u, 70u}) {
      if (!support::is_run(k++, 4)) continue;
      const auto r = std::ptrdiff_t(rows), c = std::ptrdiff_t(cols);
      block_of_memory<stored> memory(2 * (rows + 3) * 3 * (cols + 3));
      T* data = memory.storage.data();
      check_rows_in_many_orders(tamp::row_major(data, rows, cols));
      check_rows_in_many_orders(tamp::row_major(data, rows, cols, cols + 3));
      check_rows_in_many_orders(tamp::column_major(data, rows, cols));
      check_rows_in_many_orders(tamp::column_major(data, rows, cols, rows + 3));
      check_rows_in_many_orders(tamp::matrix_view<T>(data, rows, cols, 2, 2 * (r + 1)));
      check_rows_in_many_orders(tamp::matrix_view<T>(data, rows, cols, 3 * (c + 1), 3));
      check_rows_in_many_orders(tamp::matrix_view<T>(data, rows, cols, 0, 1));
      check_rows_in_many_orders(tamp::matrix_view<T>(data, rows, cols, 1, 0));
      T* last = data + memory.storage.size() - 1;
      check_rows_in_many_orders(tamp::matrix_view<T>(last, rows, cols, -c, -1));
      check_rows_in_many_orders(tamp::matrix_view<T>(last, rows, cols, -1, -r));
      check_rows_in_many_orders(tamp::matrix_view<T>(last - c, rows, cols, -c, 1));
    }
}

BOOST_AUTO_TEST_CASE(contiguous_rows_of_the_compute_type_are_handed_out_where_they_are) {
  std::vector<float> x(40);
  const auto m = tamp::row_major(x.data(), 4, 8, 10);
  tamp::detail::row_reader read_row(m);
  for (std::size_t i = 0; i < 4; ++i) BOOST_TEST(read_row(i).data() == &m(i, 0));
  const tamp::matrix_view<float> one_row(x.data(), 1, 5, 99, 1);
  tamp::detail::row_reader read_the_row(one_row);
  BOOST_TEST(read_the_row(0).data() == x.data());
}

BOOST_AUTO_TEST_CASE(rows_of_another_width_than_a_cache_line_meet_at_the_last_tile) {
  std::vector<float> x(35 * 3);
  std::iota(x.begin(), x.end(), 0.0f);
  const auto m = tamp::column_major(x.data(), 35, 3);
  tamp::detail::row_reader read_row(m);
  BOOST_TEST(read_row(34)[0] == 34.0f);  // the last row alone
  BOOST_TEST(read_row(0)[2] == 70.0f);
  BOOST_TEST(read_row(33)[1] == 68.0f);
}

BOOST_AUTO_TEST_CASE(no_row_no_reading) {
  tamp::detail::row_reader none(tamp::matrix_view<float>(nullptr, 0, 5, 1, 0));
  tamp::detail::row_reader empty(tamp::matrix_view<float>(nullptr, 5, 0, 1, 5));
  for (std::size_t i = 0; i < 5; ++i) BOOST_TEST(empty(i).empty());
  tamp::detail::row_reader empty_half(tamp::matrix_view<tamp::f16>(nullptr, 5, 0, 1, 5));
  for (std::size_t i = 0; i < 5; ++i) BOOST_TEST(empty_half(i).empty());
}

BOOST_AUTO_TEST_CASE(a_row_tensor_is_read_through_its_own_function) {
  const quantised q;
  tamp::detail::row_reader read_row(tamp::detail::source(q));
  static_assert(std::is_same_v<tamp::detail::row_value<const quantised&>, float>);
  const std::array expected{10.0f - 2.0f, 10.0f, -12.0f};
  const auto row = read_row(1);
  BOOST_TEST(row.size() == 3u);
  BOOST_TEST(row[0] == expected[0]);
  BOOST_TEST(row[1] == expected[1]);
  BOOST_TEST(row[2] == expected[2]);
  BOOST_TEST(read_row(0)[1] == -1.0f);
}

BOOST_AUTO_TEST_SUITE_END()
