#include <tamp/token/detail/token_rows.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include "../../support/stored_numbers.hpp"
#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(token_detail_token_rows)

using support::matrix;
using tamp::detail::held_rows;
using tamp::detail::row_reader;
using tamp::token::rows_view;

namespace {

constexpr std::size_t heads = 2, tokens = 150, length = 9;

float number(std::size_t head, std::size_t token, std::size_t j) {
  return float(int(head * 97 + token * 31 + j * 7) % 253 - 126) / 16;
}
bool is_row(const float* row, std::size_t token) {
  for (std::size_t k = 0; k < heads * length; ++k)
    if (row[k] != number(k / length, token, k % length)) return false;
  return true;
}

template <class Use>
void in_every_form(Use&& use) {
  const auto with_type = [&]<class T>(T) {
    support::in_every_storage<T>(
        {heads, tokens, length}, number, [&](const auto& host, const auto& name) {
          BOOST_TEST_CONTEXT(name) use(rows_view(host.data(), host.extents, host.strides));
        });
  };
  with_type(0.0f);
  with_type(0.0);
  with_type(tamp::f16());
  with_type(tamp::bf16());
}

}  // namespace

BOOST_AUTO_TEST_CASE(rows_are_read_in_any_order) {
  in_every_form([](const rows_view& rows) {
    row_reader read(rows);
    static_assert(std::is_same_v<decltype(read)::value_type, float>);
    std::size_t wrong = 0;
    for (std::size_t t = 0; t < tokens; ++t) wrong += !is_row(read(t).data(), t);
    for (std::size_t t = tokens; t-- > 0;) wrong += !is_row(read(t).data(), t);
    for (const std::size_t t : {70u, 3u, 149u, 80u, 80u}) wrong += !is_row(read(t).data(), t);
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(read(0).size() == heads * length);
  });
}

BOOST_AUTO_TEST_CASE(some_rows_are_held) {
  const std::vector<std::size_t> chosen{140, 2, 3, 77, 3};
  in_every_form([&](const rows_view& rows) {
    const held_rows<float> held(rows, chosen);
    BOOST_TEST(held.rows() == tokens);
    BOOST_TEST(held.cols() == heads * length);
    for (const std::size_t t : chosen) BOOST_TEST(is_row(held[t], t));
  });
}

BOOST_AUTO_TEST_CASE(floats_in_one_piece_are_not_copied) {
  const matrix<float> m = support::random_matrix(5, 4, 1);
  const rows_view rows = m;
  row_reader read(rows);
  const held_rows<float> some(rows, std::vector<std::size_t>{4, 1}), all(tamp::view(m));
  for (const std::size_t t : {4u, 1u}) {
    BOOST_TEST((read(t).data() == &m(t, 0)));
    BOOST_TEST((some[t] == &m(t, 0)));
    BOOST_TEST((all[t] == &m(t, 0)));
  }
}

BOOST_AUTO_TEST_CASE(all_rows_of_a_view_are_held) {
  const matrix<double> m = support::as<double>(support::random_matrix(5, 4, 1));
  support::in_every_layout(m, [&](auto view) {
    const held_rows<double> held{tamp::matrix_view<const double>(view)};
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < 5; ++i)
      for (std::size_t j = 0; j < 4; ++j) wrong += held[i][j] != m(i, j);
    BOOST_TEST(wrong == 0u);
  });
}

BOOST_AUTO_TEST_CASE(rows_without_numbers_are_welcome) {
  const rows_view none(nullptr, tamp::dtype::f16, {2, 3, 0}, {});
  BOOST_TEST(row_reader(none)(2).empty());
  BOOST_CHECK_NO_THROW(held_rows<float>(none, std::vector<std::size_t>{1, 2}));
  BOOST_CHECK_NO_THROW(held_rows<float>(rows_view(), {}));
}

BOOST_AUTO_TEST_SUITE_END()
