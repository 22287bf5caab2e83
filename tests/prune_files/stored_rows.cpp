// Rows of layers of any type: read as float, pruned without touching what stays, and written anew.
#include <prune/stored_rows.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tamp/error.hpp>
#include <tamp/io/ggml_types.hpp>
#include <tamp/tensor/traits.hpp>
#include <vector>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_stored_rows)

using support::check_error;
using tamp::bf16;
using tamp::f16;
using tamp::io::ggml_rows;
using tamp_prune::retyped_rows;
using tamp_prune::stored_rows;

static_assert(tamp::writable_row_tensor<stored_rows> && tamp::zeroable_row_tensor<stored_rows>);

namespace {

std::vector<float> row_of(const stored_rows& rows, std::size_t i) {
  std::vector<float> row(rows.cols());
  rows.read_row(i, row);
  return row;
}
std::uint32_t id_of(std::string_view type) { return tamp::io::ggml::find_type(type)->id; }

// 2 rows of 32 weights: -16, -15 .. 15, and the same doubled.
std::vector<float> ramp(std::size_t row) {
  std::vector<float> numbers;
  for (int j = -16; j < 16; ++j) numbers.push_back(static_cast<float>(j) * (row == 0 ? 1.f : 2.f));
  return numbers;
}
std::vector<std::byte> encoded(std::string_view type) {
  std::vector<std::byte> bytes(2 * tamp::io::ggml::find_type(type)->bytes);
  ggml_rows<std::byte> rows(id_of(type), bytes, 2, 32, "w");
  for (std::size_t i = 0; i < 2; ++i) rows.encode_row(i, ramp(i));
  return bytes;
}

template <class T>
void check_plain() {
  // Stored as (in, out): the rows of the layer are columns in memory.
  std::vector<T> numbers;
  for (const float number : {1.f, 4.f, 2.f, 5.f, 3.f, 6.f})
    numbers.push_back(tamp::element_traits<T>::store(number));
  stored_rows rows(tamp::matrix_view<T>(numbers.data(), 2, 3, 1, 2), "w");
  BOOST_TEST(rows.rows() == 2u);
  BOOST_TEST(rows.cols() == 3u);
  BOOST_TEST((row_of(rows, 1) == std::vector<float>{4, 5, 6}));
  const std::uint64_t keep = 0b101;
  rows.zero(0, std::span(&keep, 1));
  BOOST_TEST((row_of(rows, 0) == std::vector<float>{1, 0, 3}));
  rows.write_row(1, std::vector<float>{7, 0, 0.5});
  BOOST_TEST((row_of(rows, 1) == std::vector<float>{7, 0, 0.5}));
  BOOST_TEST(tamp::element_traits<T>::load(numbers[5]) == 0.5f);
  BOOST_TEST((row_of(rows, 0) == std::vector<float>{1, 0, 3}));
}

}  // namespace

BOOST_AUTO_TEST_CASE(plain_numbers) {
  check_plain<float>();
  check_plain<f16>();
  check_plain<bf16>();
}

BOOST_AUTO_TEST_CASE(a_number_too_large_for_the_type_is_refused_and_nothing_of_the_row_is_written) {
  std::vector<f16> numbers{f16(1.f), f16(2.f)};
  stored_rows rows(tamp::matrix_view<f16>(numbers.data(), 1, 2), "w");
  check_error<tamp::value_error>(
      "w: the weight in row 0, column 1 became 70000, which is too large for its type",
      [&] { rows.write_row(0, std::vector<float>{3, 70000}); });
  BOOST_TEST((row_of(rows, 0) == std::vector<float>{1, 2}));
}

BOOST_AUTO_TEST_CASE(blocks_keep_their_codes_or_are_encoded_anew) {
  auto bytes = encoded("Q8_0");
  const auto before = bytes;
  stored_rows rows(ggml_rows<std::byte>(id_of("Q8_0"), bytes, 2, 32, "w"), "w");
  const auto dense = row_of(rows, 0);
  const std::uint64_t keep = ~std::uint64_t{1};
  rows.zero(0, std::span(&keep, 1));
  auto pruned = row_of(rows, 0);
  BOOST_TEST(pruned[0] == 0.f);
  for (std::size_t j = 1; j < 32; ++j) BOOST_TEST(pruned[j] == dense[j]);
  BOOST_TEST(std::equal(bytes.begin() + 34, bytes.end(), before.begin() + 34));
  // Written: the scale is that of the largest number, and zeros stay.
  std::vector<float> numbers(32, 0.f);
  numbers[3] = 127;
  numbers[5] = -2;
  numbers[7] = 0.4f;  // is nearer to 0 than to 1
  rows.write_row(1, numbers);
  const auto written = row_of(rows, 1);
  for (std::size_t j = 0; j < 32; ++j)
    BOOST_TEST(written[j] == (j == 3 ? 127.f : j == 5 ? -2.f : 0.f));
}

BOOST_AUTO_TEST_CASE(rows_that_change_their_type) {
  auto from = encoded("Q8_0");
  std::vector<std::byte> to(2 * 64);
  const ggml_rows<std::byte> source(id_of("Q8_0"), from, 2, 32, "w");
  stored_rows rows(retyped_rows(source, {id_of("F16"), to, 2, 32, "w"}), "w");
  const auto dense = row_of(rows, 1);
  std::vector<float> numbers(32, 0.f);
  numbers[9] = 0.25f;
  rows.write_row(0, numbers);
  BOOST_TEST((row_of(rows, 0) == numbers));
  rows.finish();  // moves the other row
  const ggml_rows<std::byte> moved(id_of("F16"), to, 2, 32, "w");
  std::vector<float> row(32);
  moved.read_row(0, row);
  BOOST_TEST((row == numbers));
  moved.read_row(1, row);
  for (std::size_t j = 0; j < 32; ++j)
    BOOST_TEST(row[j] ==
               tamp::element_traits<f16>::load(tamp::element_traits<f16>::store(dense[j])));
}

BOOST_AUTO_TEST_CASE(types_that_are_not_written_are_refused) {
  std::vector<std::byte> bytes(18);
  stored_rows rows(ggml_rows<std::byte>(id_of("Q4_0"), bytes, 1, 32, "w"), "w");
  check_error<tamp::value_error>("w is of type Q4_0, which tamp does not write",
                                 [&] { rows.write_row(0, std::vector<float>(32)); });
}

BOOST_AUTO_TEST_SUITE_END()
