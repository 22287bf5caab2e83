#include <tamp/token/rows_view.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "../support/errors.hpp"
#include "../support/preconditions.hpp"
#include "../support/stored_numbers.hpp"
#include "../support/tensors.hpp"

namespace {

// A host's tensor whose storage is known only at run time, and is blocks without strides here.
struct blocks {
  support::readable_rows rows;
};

}  // namespace

template <>
struct tamp::tensor_traits<blocks> {
  template <class Tensor, class Use>
  static decltype(auto) visit(Tensor& tensor, Use&& use) {
    return use(tensor.rows);
  }
  template <class Tensor, class Use>
  static decltype(auto) visit_writable(Tensor& tensor, Use&& use) {
    return use(tensor.rows);
  }
};

BOOST_AUTO_TEST_SUITE(token_rows_view)

using support::check_error;
using support::matrix;
using tamp::bf16;
using tamp::dtype;
using tamp::f16;
using tamp::token::rows_view;

namespace {

std::vector<float> row_of(const rows_view& rows, std::size_t token) {
  std::vector<float> buffer;
  const std::span<const float> row = rows.row(token, buffer);
  return {row.begin(), row.end()};
}

float number(std::size_t head, std::size_t token, std::size_t j) {
  return float(int(head * 97 + token * 31 + j * 7) % 253 - 126) / 16;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const std::vector<f16> cache{f16(1), f16(2), f16(3), f16(4),  f16(5),  f16(6),    // head 0
                               f16(7), f16(8), f16(9), f16(10), f16(11), f16(12)};  // head 1
  const rows_view keys(cache.data(), dtype::f16, {2, 3, 2}, {6, 2, 1});
  BOOST_TEST(keys.rows() == 3u);
  BOOST_TEST(keys.cols() == 4u);
  BOOST_TEST(row_of(keys, 0) == (std::vector<float>{1, 2, 7, 8}), boost::test_tools::per_element());
  BOOST_TEST(row_of(keys, 2) == (std::vector<float>{5, 6, 11, 12}),
             boost::test_tools::per_element());
  BOOST_TEST(keys(1, 3) == 10.0f);
  BOOST_TEST(!keys.in_place());
}

BOOST_AUTO_TEST_CASE(floats_in_one_piece_are_read_in_place) {
  const matrix<float> m = support::random_matrix(4, 6, 1);
  const auto check = [](const rows_view& rows, const float* second) {
    std::vector<float> buffer;
    BOOST_TEST(rows.in_place());
    BOOST_TEST((rows.row(1).data() == second));
    BOOST_TEST((rows.row(1, buffer).data() == second));
    BOOST_TEST(buffer.capacity() == 0u);
  };
  check(tamp::view(m), m.data() + 6);
  check(m, m.data() + 6);
  check(tamp::any_view(tamp::view(m)), m.data() + 6);
  check(tamp::row_major(m.data(), 3, 5, 7), m.data() + 7);  // a pitch
  check(tamp::matrix_view<const float>(m.data() + 18, 4, 6, -6, 1), m.data() + 12);
  check(rows_view(m.data(), {1, 4, 6}, {0, 6, 1}), m.data() + 6);
  // (tokens, heads, length) in memory, seen as (heads, tokens, length)
  check(rows_view(m.data(), dtype::f32, {3, 4, 2}, {2, 6, 1}), m.data() + 6);
  // Heads of one number each
  check(rows_view(m.data(), dtype::f32, {6, 4, 1}, {1, 6, 17}), m.data() + 6);
}

BOOST_AUTO_TEST_CASE(every_storage_of_every_type_gives_the_same_rows) {
  const auto check = []<class T>(T, dtype type) {
    support::in_every_storage<T>({3, 7, 5}, number, [&](const auto& host, const auto& name) {
      BOOST_TEST_CONTEXT(name) {
        for (const rows_view& rows : {rows_view(host.data(), host.extents, host.strides),
                                      rows_view(host.data(), type, host.extents, host.strides)}) {
          BOOST_TEST(rows.rows() == 7u);
          BOOST_TEST_REQUIRE(rows.cols() == 15u);
          std::size_t wrong = 0;
          for (std::size_t t = 0; t < 7; ++t) {
            const std::vector<float> row = row_of(rows, t);
            for (std::size_t k = 0; k < 15; ++k) {
              wrong += row[k] != number(k / 5, t, k % 5);
              wrong += rows(t, k) != row[k];
            }
          }
          BOOST_TEST(wrong == 0u);
        }
      }
    });
  };
  check(0.0f, dtype::f32);
  check(0.0, dtype::f64);
  check(f16(), dtype::f16);
  check(bf16(), dtype::bf16);
  check(support::host_half(), dtype::f16);
}

BOOST_AUTO_TEST_CASE(a_tensor_is_rows_of_tokens) {
  const matrix<float> numbers =
      support::as<float>(support::as<bf16>(support::random_matrix(5, 9, 3)));
  const matrix<bf16> half = support::as<bf16>(numbers);
  support::in_every_layout(half, [&](auto view) {
    for (const rows_view& rows : {rows_view(view), rows_view(tamp::any_view(view)),
                                  rows_view(tamp::any_view(view).as_const())}) {
      BOOST_TEST_REQUIRE((rows.rows() == 5u && rows.cols() == 9u));
      for (std::size_t t = 0; t < 5; ++t)
        BOOST_TEST(row_of(rows, t) == (std::vector<float>{&numbers(t, 0), &numbers(t, 0) + 9}),
                   boost::test_tools::per_element());
    }
  });
}

BOOST_AUTO_TEST_CASE(a_buffer_grows_once) {
  const matrix<double> m = support::as<double>(support::random_matrix(3, 4, 1));
  const rows_view rows = m;
  std::vector<float> buffer(100);
  const float* const before = buffer.data();
  BOOST_TEST((rows.row(2, buffer).data() == before));
  BOOST_TEST(rows.row(2, buffer).size() == 4u);
  BOOST_TEST(buffer.size() == 100u);
}

BOOST_AUTO_TEST_CASE(no_rows_are_welcome) {
  std::vector<float> buffer;
  BOOST_TEST(rows_view().empty());
  BOOST_TEST(rows_view().rows() == 0u);
  BOOST_TEST(rows_view().in_place());
  const rows_view no_features(nullptr, dtype::f16, {3, 5, 0}, {1, 2, 3});
  BOOST_TEST(no_features.rows() == 5u);
  BOOST_TEST(no_features.cols() == 0u);
  BOOST_TEST(no_features.row(4, buffer).empty());
  BOOST_TEST(rows_view(nullptr, dtype::f32, {0, 5, 4}, {1, 2, 3}).row(1).empty());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_viewed_is_refused) {
  const std::vector<float> numbers(24);
  constexpr std::size_t negative = std::size_t(-1), large = std::size_t{1} << 40;
  check_error<tamp::value_error>(
      "rows_view: the numbers are BOOL, and tamp reads F64, F32, F16, BF16, F8_E4M3, F8_E5M2 and "
      "I8",
      [&] { rows_view(numbers.data(), dtype::boolean, {2, 3, 4}, {12, 4, 1}); });
  check_error<tamp::shape_error>(
      "rows_view: a shape of 2 x 18446744073709551615 x 4 is too large; was one of the numbers "
      "negative?",
      [&] { rows_view(numbers.data(), dtype::f32, {2, negative, 4}, {12, 4, 1}); });
  check_error<tamp::shape_error>(
      "rows_view: 1099511627776 times 1099511627776 is too large to be counted",
      [&] { rows_view(numbers.data(), dtype::f32, {large, 0, large}, {12, 4, 1}); });
  check_error<tamp::value_error>(
      "any_view: the elements of this tensor of 2 x 3 are I64, and tamp reads F64, F32, F16, BF16, "
      "F8_E4M3, F8_E5M2 and I8",
      [&] { rows_view(tamp::any_view(numbers.data(), dtype::i64, 2, 3)); });
  check_error<tamp::value_error>(
      "any_view: the elements of this tensor of 2 x 3 F16 lie in the memory of an NVIDIA GPU, and "
      "this operation runs on the CPU",
      [&] {
        rows_view(tamp::any_view(numbers.data(), dtype::f16, 2, 3, 3, 1, tamp::memory::cuda));
      });
  check_error<tamp::value_error>(
      "rows_view: this tensor of 2 x 3 has no strides: convert its rows to numbers first",
      [] { (void)rows_view(blocks{{matrix<float>(2, 3)}}); });
  check_error<tamp::value_error>(
      "rows_view: rows that are not floats in one piece (these are F16) are read by row(token, "
      "buffer)",
      [&] { (void)rows_view(tamp::any_view(numbers.data(), dtype::f16, 2, 3)).row(0); });
  check_error<tamp::shape_error>("who: 2 x 3 x 4 elements lie at a null pointer", [] {
    rows_view(nullptr, dtype::bf16, {2, 3, 4}, {12, 4, 1}).check_memory("who");
  });
}

BOOST_AUTO_TEST_CASE(a_debug_build_says_which_row_is_none) {
  const matrix<float> m(2, 3);
  const rows_view rows = m;
  std::vector<float> buffer;
  support::check_aborts("rows_view: row 2 of 2", [&] { (void)rows.row(2); });
  support::check_aborts("rows_view: row 5 of 2", [&] { (void)rows.row(5, buffer); });
  support::check_aborts("rows_view: number (1, 3) of 2 x 3", [&] { (void)rows(1, 3); });
}

BOOST_AUTO_TEST_SUITE_END()
