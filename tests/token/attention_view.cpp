#include <tamp/token/attention_view.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <span>
#include <vector>

#include "../support/errors.hpp"
#include "../support/preconditions.hpp"
#include "../support/stored_numbers.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(token_attention_view)

using support::check_error;
using tamp::token::attention_view;

BOOST_AUTO_TEST_CASE(a_row_of_attention_is_found_by_head_and_query) {
  std::vector<float> numbers(2 * 2 * 5);
  for (std::size_t k = 0; k < numbers.size(); ++k) numbers[k] = float(k);
  const attention_view a(numbers, 2, 2, 5, 3);
  BOOST_TEST(a.row(0, 3)[0] == 0.0f);
  BOOST_TEST(a.row(0, 4)[1] == 6.0f);
  BOOST_TEST(a.row(1, 3)[4] == 14.0f);
  BOOST_TEST(a.row(1, 4).size() == 5u);
  BOOST_TEST(a.covers(3, 5));
  BOOST_TEST(!a.covers(2, 4));
  BOOST_TEST(attention_view().empty());
  BOOST_TEST(!attention_view().covers(0, 0));
  const attention_view all(std::span<const float>(numbers).first(18), 2, 3);
  BOOST_TEST(all.queries() == 3u);
  BOOST_TEST(all.covers(0, 3));
}

BOOST_AUTO_TEST_CASE(attention_may_be_that_of_no_query) {
  const attention_view none({}, 3, 0, 5, 5);
  BOOST_TEST(none.empty());
  BOOST_TEST(none.tokens() == 5u);
  BOOST_TEST(!none.covers(5, 5));
}

BOOST_AUTO_TEST_CASE(attention_that_does_not_fit_is_refused) {
  const std::vector<float> numbers(20);
  check_error<tamp::shape_error>(
      "attention_view: 20 numbers are not 2 heads x 2 queries x 4 tokens",
      [&] { attention_view(numbers, 2, 2, 4, 0); });
  check_error<tamp::shape_error>(
      "attention_view: 2 queries from token 4 on leave a sequence of 5 tokens",
      [&] { attention_view(numbers, 2, 2, 5, 4); });
  check_error<tamp::shape_error>(
      "attention_view: 2 queries from token 9 on leave a sequence of 5 tokens",
      [&] { attention_view(numbers, 2, 2, 5, 9); });
}

BOOST_AUTO_TEST_CASE(attention_whose_sizes_wrap_or_that_lies_nowhere_is_refused) {
  const std::vector<float> numbers(64);
  constexpr std::size_t large = std::size_t{1} << 60;
  check_error<tamp::shape_error>(
      "attention_view: 64 numbers are not 1152921504606846980 heads x 1 queries x 16 tokens",
      [&] { attention_view(numbers, large + 4, 1, 16, 15); });
  check_error<tamp::shape_error>(
      "attention_view: 0 numbers are not 1152921504606846976 heads x 16 queries x 16 tokens",
      [&] { attention_view({}, large, 16, 16, 0); });
  check_error<tamp::shape_error>(
      "attention_view: 0 numbers are not 16 heads x 1152921504606846976 queries x 1 tokens",
      [&] { attention_view({}, 16, large, 1, 0); });
  check_error<tamp::shape_error>(
      "attention_view: 4 queries from token 18446744073709551614 on leave a sequence of 16 tokens",
      [&] { attention_view(numbers, 1, 4, 16, static_cast<std::size_t>(-2)); });
  check_error<tamp::shape_error>("attention_view: 64 numbers lie at a null pointer", [] {
    attention_view(std::span<const float>(static_cast<const float*>(nullptr), 64), 1, 4, 16, 0);
  });
}

// attn[0, :, -2:, :] of a tensor (1, 2, 3, 4) in half precision.
BOOST_AUTO_TEST_CASE(the_slice_of_a_tensor_in_half_precision) {
  std::vector<tamp::f16> tensor;
  for (std::size_t k = 0; k < 2 * 3 * 4; ++k) tensor.push_back(tamp::f16(float(k)));
  const attention_view a(&tensor[4], tamp::dtype::f16, {2, 2, 4}, {12, 4, 1}, 2);
  BOOST_TEST((a.heads() == 2 && a.queries() == 2 && a.tokens() == 4 && a.first_query() == 2));
  BOOST_TEST((!a.in_place() && a.covers(2, 4) && !a.covers(1, 4)));
  std::vector<float> buffer;
  const auto row = a.row(1, 3, buffer);
  BOOST_TEST(std::vector<float>(row.begin(), row.end()) == (std::vector<float>{20, 21, 22, 23}),
             boost::test_tools::per_element());
  BOOST_TEST(a.row(0, 2, buffer)[0] == 4.0f);
}

BOOST_AUTO_TEST_CASE(every_storage_of_every_type_gives_the_same_rows) {
  const auto number = [](std::size_t head, std::size_t query, std::size_t token) {
    return float((head * 97 + query * 31 + token * 7) % 251) / 256;
  };
  const auto check = [&]<class T>(T, tamp::dtype type) {
    support::in_every_storage<T>({3, 4, 11}, number, [&](const auto& host, const auto& name) {
      BOOST_TEST_CONTEXT(name)
      for (const attention_view& a :
           {attention_view(host.data(), host.extents, host.strides, 7),
            attention_view(host.data(), type, host.extents, host.strides, 7)}) {
        std::vector<float> buffer;
        std::size_t wrong = 0;
        for (std::size_t head = 0; head < 3; ++head)
          for (std::size_t query = 0; query < 4; ++query) {
            const auto row = a.row(head, 7 + query, buffer);
            BOOST_TEST_REQUIRE(row.size() == 11u);
            for (std::size_t t = 0; t < 11; ++t) wrong += row[t] != number(head, query, t);
          }
        BOOST_TEST(wrong == 0u);
        BOOST_TEST(a.in_place() == buffer.empty());
      }
    });
  };
  check(0.0f, tamp::dtype::f32);
  check(0.0, tamp::dtype::f64);
  check(tamp::f16(), tamp::dtype::f16);
  check(tamp::bf16(), tamp::dtype::bf16);
  check(support::host_half(), tamp::dtype::f16);
}

BOOST_AUTO_TEST_CASE(floats_in_one_piece_are_read_in_place) {
  const std::vector<float> numbers(60);
  std::vector<float> buffer;
  const attention_view all(numbers, 2, 5, 6, 1);
  BOOST_TEST((all.row(1, 3).data() == &numbers[42]));
  BOOST_TEST((all.row(1, 3, buffer).data() == &numbers[42]));
  const attention_view last(&numbers[24], tamp::dtype::f32, {2, 1, 6}, {30, 6, 1}, 5);
  BOOST_TEST((last.row(1, 5, buffer).data() == &numbers[54]));
  BOOST_TEST(buffer.capacity() == 0u);
}

BOOST_AUTO_TEST_CASE(the_last_query_may_be_a_tensor) {
  const support::matrix<float> numbers{{1, 2, 3}, {4, 5, 6}};
  const support::matrix<tamp::bf16> half = support::as<tamp::bf16>(numbers);
  support::in_every_layout(half, [&](auto view) {
    for (const attention_view& a : {attention_view::of_last_query(view),
                                    attention_view::of_last_query(tamp::any_view(view))}) {
      BOOST_TEST((a.heads() == 2 && a.queries() == 1 && a.tokens() == 3 && a.first_query() == 2));
      std::vector<float> buffer;
      for (std::size_t t = 0; t < 3; ++t) BOOST_TEST(a.row(1, 2, buffer)[t] == numbers(1, t));
    }
  });
  const attention_view in_place = attention_view::of_last_query(numbers);
  BOOST_TEST((in_place.row(1, 2).data() == &numbers(1, 0)));
  BOOST_TEST(attention_view::of_last_query(support::matrix<float>(2, 0)).empty());
}

BOOST_AUTO_TEST_CASE(attention_that_cannot_be_viewed_is_refused) {
  const std::vector<float> numbers(24);
  constexpr std::ptrdiff_t far_away = std::ptrdiff_t{1} << 61;
  check_error<tamp::value_error>(
      "attention_view: the numbers are U8, and tamp reads F64, F32, F16, BF16, F8_E4M3, F8_E5M2 "
      "and I8",
      [&] { attention_view(numbers.data(), tamp::dtype::u8, {2, 3, 4}, {12, 4, 1}, 1); });
  check_error<tamp::shape_error>(
      "attention_view: 2 queries from token 3 on leave a sequence of 4 tokens",
      [&] { attention_view(numbers.data(), {2, 2, 4}, {12, 4, 1}, 3); });
  check_error<tamp::shape_error>(
      "attention_view: a shape of 18446744073709551615 x 1 x 4 is too large; was one of the "
      "numbers negative?",
      [&] { attention_view(numbers.data(), {std::size_t(-1), 1, 4}, {12, 4, 1}, 3); });
  check_error<tamp::shape_error>("attention_view: 2 x 1 x 4 elements lie at a null pointer", [] {
    attention_view(nullptr, tamp::dtype::f16, {2, 1, 4}, {12, 4, 1}, 3);
  });
  check_error<tamp::shape_error>(
      "attention_view: 2 x 1 x 4 elements with strides of 2305843009213693952, 4 and 1 do not fit "
      "into memory",
      [&] { attention_view(numbers.data(), {2, 1, 4}, {far_away, 4, 1}, 3); });
  check_error<tamp::shape_error>("attention_view: 2 x 1 x 3 elements lie at a null pointer", [] {
    attention_view::of_last_query(tamp::matrix_view<const float>(nullptr, 2, 3));
  });
  check_error<tamp::value_error>(
      "attention_view: rows that are not floats in one piece (these are BF16) are read by "
      "row(head, "
      "query, buffer)",
      [&] {
        (void)attention_view(numbers.data(), tamp::dtype::bf16, {2, 1, 4}, {12, 4, 1}, 3).row(0, 3);
      });
}

BOOST_AUTO_TEST_CASE(a_debug_build_says_which_row_is_none) {
  const std::vector<float> numbers(8);
  const attention_view a(numbers, 2, 2, 2, 0);
  support::check_aborts(
      "attention_view: the row of head 2, query 0 of 2 heads and 2 queries from 0 on",
      [&] { (void)a.row(2, 0); });
  support::check_aborts(
      "attention_view: the row of head 0, query 2 of 2 heads and 2 queries from 0 on",
      [&] { (void)a.row(0, 2); });
}

BOOST_AUTO_TEST_CASE(no_heads_are_nothing_of_any_length) {
  const std::size_t many = std::size_t{1} << 40;
  const attention_view a({}, 0, many, many, 0);
  BOOST_TEST(a.empty());
  BOOST_TEST(a.tokens() == many);
}

BOOST_AUTO_TEST_SUITE_END()
