#include <tamp/sparse/multiply.hpp>

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cfenv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <tamp/adapt/eigen.hpp>
#include <tamp/sparse/pack.hpp>
#include <tamp/tamp.hpp>
#include <tuple>
#include <type_traits>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/floating_point.hpp"
#include "../support/instructions.hpp"
#include "../support/sparse.hpp"
#include "../support/tensors.hpp"
#include "../support/thorough.hpp"

BOOST_AUTO_TEST_SUITE(sparse_multiply)

using support::check_error;
using support::matrix;
using support::with_every_instructions;
using tamp::shape_error;
using tamp::mask::bitmask;
using tamp::sparse::multiply;
using tamp::sparse::pack;
using tamp::sparse::pack_as;

namespace {

using stored_types = std::tuple<float, tamp::f16, tamp::bf16, std::int8_t>;

constexpr std::size_t token_counts[] = {0, 1, 2, 3, 4, 5, 8, 9, 16, 17, 33, 64, 70};
constexpr std::size_t widths[] = {0, 1, 31, 63, 64, 65, 200};

// The largest distance of the products from the definition in double, as a fraction of what an
// error of rounding allows: 1e-5 of the sum of absolute values, and half a unit of the result's
// type.
template <class S, class X, class Y>
double worst_error(const S& dense, const X& x, const Y& y) {
  using result = std::remove_cvref_t<decltype(y(0, 0))>;
  const double unit = std::is_same_v<result, tamp::bf16>  ? 0x1p-8
                      : std::is_same_v<result, tamp::f16> ? 0x1p-10
                                                          : 0;
  const auto doubles = [](const auto& m, std::size_t i) {
    using element = std::remove_cvref_t<decltype(m(0, 0))>;
    std::vector<double> row;
    for (std::size_t j = 0; j < m.cols(); ++j)
      row.push_back(static_cast<double>(tamp::element_traits<element>::load(m(i, j))));
    return row;
  };
  std::vector<std::vector<double>> tokens;
  for (std::size_t t = 0; t < x.rows(); ++t) tokens.push_back(doubles(x, t));
  double worst = 0;
  for (std::size_t i = 0; i < dense.rows(); ++i) {
    const std::vector<double> weights = doubles(dense, i);
    for (std::size_t t = 0; t < x.rows(); ++t) {
      double sum = 0, absolute = 0;
      const double *const a = weights.data(), *const b = tokens[t].data();
      for (std::size_t j = 0; j < dense.cols(); ++j) {
        sum += a[j] * b[j];
        absolute += std::fabs(a[j] * b[j]);
      }
      const auto found = static_cast<double>(tamp::element_traits<result>::load(y(t, i)));
      const double error = std::fabs(found - sum);
      const double allowed = 1e-5 * absolute + unit * std::fabs(sum) + 1e-30;
      worst = std::isfinite(error) ? std::max(worst, error / allowed) : support::infinity;
    }
  }
  return worst;
}

template <class T>
tamp::sparse::matrix<T> packed(const matrix<float>& w, const bitmask& keep) {
  if constexpr (std::is_same_v<T, std::int8_t>)
    return pack_as<T>(w, keep);
  else
    return pack(support::as<T>(w), keep);
}

template <class S, class X>
matrix<float> product(const S& s, const X& x) {
  matrix<float> y(static_cast<std::size_t>(x.rows()), static_cast<std::size_t>(s.rows()), 99.0f);
  multiply(s, x, y);
  return y;
}

// A tensor of the second tier that nobody may copy.
struct rows_that_stay : support::readable_rows {
  explicit rows_that_stay(const matrix<float>& m) : support::readable_rows{m} {}
  rows_that_stay(const rows_that_stay&) = delete;
};

}  // namespace

BOOST_AUTO_TEST_CASE(each_token_is_multiplied_by_the_kept_weights_of_each_row) {
  // 1 . 2      1  2  3
  // . . .      0 -1  5
  // . 3 .
  bitmask keep(3, 3, false);
  keep.set(0, 0, true);
  keep.set(0, 2, true);
  keep.set(2, 1, true);
  const tamp::sparse::matrix<float> s(keep, std::vector<float>{1, 2, 3});
  const matrix<float> x{{1, 2, 3}, {0, -1, 5}};
  with_every_instructions([&] {
    matrix<float> y(2, 3, 99.0f);
    multiply(s, x, y);
    BOOST_TEST((y == matrix<float>{{7, 0, 6}, {10, 0, -3}}));
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(products_are_those_of_the_definition, T, stored_types) {
  with_every_instructions([] {
    std::size_t k = 0;
    for (const std::size_t cols : widths)
      for (const double sparsity : {0.0, 0.5, 0.95}) {
        const auto w = support::random_matrix(35, cols, unsigned(cols));
        const auto s = packed<T>(w, support::random_mask(35, cols, sparsity, 1));
        const auto dense = support::dense_of(s);
        for (const std::size_t tokens : token_counts) {
          if (!support::is_run(k++, 3)) continue;
          const auto x = support::random_matrix(tokens, cols, 2);
          BOOST_TEST(worst_error(dense, x, product(s, x)) <= 1.0,
                     "columns " << cols << ", tokens " << tokens);
        }
      }
  });
}

BOOST_AUTO_TEST_CASE(a_hosts_type_is_multiplied_as_the_type_whose_bits_it_has) {
  const auto w = support::random_matrix(9, 100, 3);
  const auto keep = support::random_mask(9, 100, 0.5, 4);
  with_every_instructions([&] {
    for (const std::size_t tokens : {1u, 20u}) {
      const auto x = support::random_matrix(tokens, 100, 5);
      BOOST_TEST((product(packed<support::host_bf16>(w, keep), x) ==
                  product(packed<tamp::bf16>(w, keep), x)));
    }
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(all_kept_and_none_kept_are_ordinary, T, stored_types) {
  with_every_instructions([] {
    const auto w = support::random_matrix(5, 130, 3);
    for (const std::size_t tokens : {1u, 4u, 20u}) {
      const auto x = support::random_matrix(tokens, 130, 4);
      const auto all = packed<T>(w, bitmask(5, 130));
      BOOST_TEST(worst_error(support::dense_of(all), x, product(all, x)) <= 1.0);
      BOOST_TEST((product(packed<T>(w, bitmask(5, 130, false)), x) == matrix<float>(tokens, 5)));
    }
  });
}

BOOST_AUTO_TEST_CASE(shapes_without_elements_have_products) {
  with_every_instructions([] {
    for (const std::size_t tokens : {0u, 1u, 3u, 40u}) {
      // Without columns all sums are empty, also of a view whose rows of bits are apart.
      const tamp::sparse::matrix<float> tall(bitmask(7, 0), {});
      const std::vector<std::int64_t> offsets(7);
      const tamp::sparse::view<float> outside(7, 0, {{}, 5, {}, offsets});
      const tamp::sparse::matrix<std::int8_t> scaled(bitmask(7, 0), {});
      BOOST_TEST((product(tall, matrix<float>(tokens, 0)) == matrix<float>(tokens, 7)));
      BOOST_TEST((product(outside, matrix<float>(tokens, 0)) == matrix<float>(tokens, 7)));
      BOOST_TEST((product(scaled, matrix<float>(tokens, 0)) == matrix<float>(tokens, 7)));
      const tamp::sparse::matrix<float> flat(bitmask(0, 9), {});
      BOOST_TEST((product(flat, matrix<float>(tokens, 9)) == matrix<float>(tokens, 0)));
    }
    matrix<float> y;
    multiply(tamp::sparse::matrix<float>(), matrix<float>(), y);
  });
}

BOOST_AUTO_TEST_CASE(one_token_may_be_any_range_of_numbers) {
  const auto w = support::random_matrix(6, 70, 5);
  const auto s = pack(w, support::random_mask(6, 70, 0.5, 6));
  const auto numbers = support::random_matrix(1, 70, 7);
  const auto expected = product(s, numbers);
  const std::vector<float> x(numbers.data(), numbers.data() + 70);
  const std::vector<float> reference(expected.data(), expected.data() + 6);

  std::vector<float> y(6);
  multiply(s, x, y);
  BOOST_TEST(y == reference, boost::test_tools::per_element());
  std::array<float, 6> fixed{};
  multiply(s, std::span(x), std::span(fixed));
  BOOST_TEST(std::vector<float>(fixed.begin(), fixed.end()) == reference,
             boost::test_tools::per_element());
  float c_array[6] = {};
  multiply(support::one_thread, s, x, c_array);
  BOOST_TEST(std::vector<float>(c_array, c_array + 6) == reference,
             boost::test_tools::per_element());

  const std::vector<double> wide(x.begin(), x.end());
  std::vector<tamp::bf16> narrow(6);
  multiply(s, wide, narrow);
  for (std::size_t i = 0; i < 6; ++i) BOOST_TEST(narrow[i].bits == tamp::bf16(reference[i]).bits);

  // Eigen's vectors are tensors: a row vector is a token, a column is one feature of many.
  Eigen::RowVectorXf row = Eigen::Map<const Eigen::RowVectorXf>(x.data(), 70);
  Eigen::RowVectorXf result(6);
  multiply(s, row, result);
  BOOST_TEST((std::vector<float>(result.data(), result.data() + 6) == reference));
  Eigen::VectorXf column = row.transpose(), column_result(6);
  auto to = column_result.transpose();
  multiply(s, column.transpose(), to);
  BOOST_TEST((column_result == result.transpose()));
  check_error<shape_error>("multiply: the activations have 1 features, the weight 70 columns",
                           [&] { multiply(s, column, column_result); });
}

BOOST_AUTO_TEST_CASE(activations_and_results_lie_anywhere) {
  const auto w = support::random_matrix(6, 66, 5);
  const auto s = pack(w, support::random_mask(6, 66, 0.5, 6));
  with_every_instructions([&] {
    for (const std::size_t tokens : {3u, 21u}) {
      const auto x = support::random_matrix(tokens, 66, 7);
      const auto expected = product(s, x);
      support::in_every_layout(x, [&](auto m) { BOOST_TEST((product(s, m) == expected)); });
      support::in_every_layout(expected, [&](auto y) {
        for (std::size_t t = 0; t < tokens; ++t)
          for (std::size_t i = 0; i < 6; ++i) y(t, i) = 0;
        multiply(s, x, y);
        BOOST_TEST((support::copy_of(y) == expected));
      });
      const rows_that_stay rows(x);
      matrix<float> y(tokens, 6);
      multiply(s, rows, y);
      BOOST_TEST((y == expected));

      const Eigen::MatrixXf by_columns =
          Eigen::Map<const Eigen::Matrix<float, -1, -1, Eigen::RowMajor>>(x.data(),
                                                                          Eigen::Index(tokens), 66);
      Eigen::MatrixXf to = Eigen::MatrixXf::Zero(Eigen::Index(tokens), 6);
      multiply(s, by_columns, to);
      for (std::size_t t = 0; t < tokens; ++t)
        for (std::size_t i = 0; i < 6; ++i)
          BOOST_TEST(to(Eigen::Index(t), Eigen::Index(i)) == expected(t, i));
    }
  });
}

BOOST_AUTO_TEST_CASE(activations_and_results_are_of_any_type_of_number) {
  const auto w = support::random_matrix(6, 100, 5);
  const auto s = pack(support::as<tamp::bf16>(w), support::random_mask(6, 100, 0.5, 6));
  const auto dense = support::dense_of(s);
  with_every_instructions([&] {
    for (const std::size_t tokens : {1u, 2u, 7u, 40u}) {
      const auto numbers = support::random_matrix(tokens, 100, 8);
      const auto check = [&](const auto& x, auto y) {
        multiply(s, x, y);
        BOOST_TEST(worst_error(dense, x, y) <= 1.0);
      };
      check(support::as<double>(numbers), matrix<double>(tokens, 6));
      check(support::as<tamp::bf16>(numbers), matrix<tamp::bf16>(tokens, 6));
      check(support::as<tamp::f16>(numbers), matrix<tamp::f16>(tokens, 6));
    }
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_view_is_read_no_further_than_its_arrays, T, stored_types) {
  with_every_instructions([] {
    for (const std::size_t cols : {1u, 8u, 31u, 63u, 64u, 65u, 200u})
      for (const std::size_t gap : {0u, 3u})
        // The last rows keep everything and nothing.
        for (const std::size_t rows : {2u, 3u, 4u, 6u}) {
          const auto w = support::random_matrix(rows, cols, 9);
          const auto s = packed<T>(w, support::random_mask(rows, cols, 0.5, 10));
          const support::fenced_arrays<T> fenced{support::sparse_arrays<T>(s, gap)};
          for (const std::size_t tokens : {1u, 2u, 5u, 20u}) {
            const auto x = support::random_matrix(tokens, cols, 11);
            BOOST_TEST((product(fenced.view(), x) == product(s, x)));
          }
          BOOST_TEST((fenced.view() == s));
        }
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_dense_weight_may_stand_in_for_a_sparse_one, T, stored_types) {
  with_every_instructions([] {
    for (const std::size_t cols : widths) {
      const auto s = packed<T>(support::random_matrix(9, cols, 12), bitmask(9, cols));
      matrix<float> dense = support::dense_of(s);
      for (const std::size_t tokens : {1u, 2u, 3u, 9u, 40u}) {
        const auto x = support::random_matrix(tokens, cols, 13);
        const auto check = [&](const auto& weight) {
          BOOST_TEST(worst_error(dense, x, product(weight, x)) <= 1.0);
        };
        if constexpr (std::is_same_v<T, float>) {
          check(tamp::view(dense.data(), 9, cols));
          check(tamp::column_major(dense.data(), cols, 9).transposed());
          support::in_every_layout(dense, check);
        } else if constexpr (std::is_same_v<T, std::int8_t>) {
          check(rows_that_stay(dense));
          check(support::as<double>(dense));
        } else {
          check(support::as<T>(dense));
          support::in_every_layout(support::as<T>(dense), check);
        }
      }
    }
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(bits_do_not_depend_on_who_runs_the_loops, T, stored_types) {
  const auto w = support::random_matrix(40, 130, 14);
  const auto s = packed<T>(w, support::random_mask(40, 130, 0.5, 15));
  with_every_instructions([&] {
    for (const std::size_t tokens : {1u, 3u, 37u}) {
      const auto x = support::random_matrix(tokens, 130, 16);
      const auto expected = product(s, x);
      for (const auto& exec : support::every_executor)
        for (int repeated = 0; repeated < 2; ++repeated) {
          matrix<float> y(tokens, 40);
          multiply(exec, s, x, y);
          BOOST_TEST((y == expected));
        }
    }
  });
}

// With one token, rows that keep little are multiplied two at a time, also the last ones of a view,
// behind which nothing can be read.
BOOST_AUTO_TEST_CASE_TEMPLATE(each_row_has_the_bits_that_it_has_alone, T, stored_types) {
  with_every_instructions([] {
    for (const std::size_t cols : {1u, 64u, 200u})
      for (const std::size_t rows : {1u, 2u, 3u, 4u, 7u}) {
        const auto w = support::random_matrix(rows, cols, 14);
        auto keep = support::random_mask(rows, cols, 0.9, 15);
        for (std::size_t j = 0; j < cols && rows > 3; ++j) {  // a full row beside an empty one
          keep.set(2, j, true);
          keep.set(3, j, false);
        }
        const auto s = packed<T>(w, keep);
        const auto x = support::random_matrix(1, cols, 16);
        const support::fenced_arrays<T> fenced{support::sparse_arrays<T>(s, 0)};
        const auto y = product(fenced.view(), x);
        for (std::size_t i = 0; i < rows; ++i) {
          matrix<float> row(1, cols);
          bitmask kept(1, cols, false);
          for (std::size_t j = 0; j < cols; ++j) {
            row(0, j) = w(i, j);
            kept.set(0, j, keep(i, j));
          }
          BOOST_TEST(product(packed<T>(row, kept), x)(0, 0) == y(0, i));
        }
        if constexpr (!std::is_same_v<T, std::int8_t>)
          BOOST_TEST((product(support::as<T>(support::dense_of(s)), x) == y));
      }
  });
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_the_hosts_floating_point_environment) {
  auto w = support::random_matrix(9, 130, 14);
  for (std::size_t j = 0; j < 130; j += 3) w(2, j) = 1e-42f;
  const auto s = pack(w, support::random_mask(9, 130, 0.5, 15));
  with_every_instructions([&] {
    for (const std::size_t tokens : {1u, 20u}) {
      const auto x = support::random_matrix(tokens, 130, 16);
      const auto expected = product(s, x);
      {
        const support::flushed_subnormals flushed;
        BOOST_TEST((product(s, x) == expected));
      }
      {
        const support::rounding upward(FE_UPWARD);
        BOOST_TEST((product(s, x) == expected));
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(what_is_not_finite_stays_with_its_token_and_its_row) {
  const auto w = support::random_matrix(6, 100, 17);
  const auto keep = support::random_mask(6, 100, 0.5, 18);
  auto with_infinity = w;
  with_infinity(2, 40) = support::infinity;
  bitmask with_it = keep;
  with_it.set(2, 40, true);
  with_every_instructions([&] {
    for (const std::size_t tokens : {2u, 4u, 21u}) {
      auto x = support::random_matrix(tokens, 100, 19);
      const auto expected = product(pack(w, with_it), x);
      const auto infinite = product(pack(with_infinity, with_it), x);
      for (std::size_t t = 0; t < tokens; ++t)
        for (std::size_t i = 0; i < 6; ++i)
          BOOST_TEST((i == 2 ? std::isinf(infinite(t, i)) : infinite(t, i) == expected(t, i)));

      x(1, 40) = support::not_a_number;
      const auto broken = product(pack(w, with_it), x);
      for (std::size_t t = 0; t < tokens; ++t)
        for (std::size_t i = 0; i < 6; ++i)
          if (t != 1)
            BOOST_TEST(broken(t, i) == expected(t, i));
          else if (with_it(i, 40))
            BOOST_TEST(std::isnan(broken(t, i)));
    }
  });
}

BOOST_AUTO_TEST_CASE(shapes_that_do_not_fit_are_refused_and_nothing_is_written) {
  const auto s = pack(support::random_matrix(3, 4, 20));
  matrix<float> y(2, 3, 5.0f);
  check_error<shape_error>("multiply: the activations have 5 features, the weight 4 columns",
                           [&] { multiply(s, matrix<float>(2, 5), y); });
  check_error<shape_error>(
      "multiply: 1 tokens and a weight of 3 x 4 make a result of 1 x 3, not 2 x 3",
      [&] { multiply(s, matrix<float>(1, 4), y); });
  check_error<shape_error>(
      "multiply: 2 tokens and a weight of 3 x 4 make a result of 2 x 3, not 3 x 2", [&] {
        matrix<float> turned(3, 2);
        multiply(s, matrix<float>(2, 4), turned);
      });
  check_error<shape_error>("multiply: the activations have 5 features, the weight 4 columns",
                           [&] { multiply(s, std::vector<float>(5), y); });
  check_error<shape_error>("multiply: the activations have 5 features, the weight 4 columns",
                           [&] { multiply(matrix<float>(3, 4), matrix<float>(2, 5), y); });
  BOOST_TEST((y == matrix<float>(2, 3, 5.0f)));
}

BOOST_AUTO_TEST_CASE(results_that_share_memory_and_tensors_without_memory_are_refused) {
  const auto s = pack(support::random_matrix(3, 4, 20));
  const matrix<float> x(2, 4, 1.0f);
  matrix<float> y(2, 3, 5.0f);
  check_error<shape_error>(
      "multiply: the elements (0, 0) and (1, 0) of the result share their memory: its strides are "
      "0 and 1",
      [&] { multiply(s, x, tamp::matrix_view<float>(y.data(), 2, 3, 0, 1)); });
  check_error<shape_error>("tensor: 2 x 3 elements lie at a null pointer",
                           [&] { multiply(s, x, tamp::matrix_view<float>(nullptr, 2, 3)); });
  check_error<shape_error>("tensor: 2 x 4 elements lie at a null pointer",
                           [&] { multiply(s, tamp::matrix_view<const float>(nullptr, 2, 4), y); });
  check_error<shape_error>("tensor: 3 x 4 elements lie at a null pointer",
                           [&] { multiply(tamp::matrix_view<const float>(nullptr, 3, 4), x, y); });
  BOOST_TEST((y == matrix<float>(2, 3, 5.0f)));
}

BOOST_AUTO_TEST_CASE(activations_that_memory_cannot_hold_are_refused) {
  struct {
    std::size_t rows() const { return std::size_t{1} << 40; }
    std::size_t cols() const { return 4; }
    void read_row(std::size_t, std::span<float>) const { BOOST_FAIL("a row was read"); }
  } const huge;
  float somewhere = 5;
  const tamp::matrix_view<float> y(&somewhere, huge.rows(), 1, 1, 1);
  const auto s = pack(support::random_matrix(1, 4, 20));
  check_error<shape_error>("memory: 4398046511104 numbers of 4 bytes are more than memory can hold",
                           [&] { multiply(s, huge, y); });
  BOOST_TEST(somewhere == 5);
}

BOOST_AUTO_TEST_SUITE_END()
