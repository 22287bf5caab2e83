#include <tamp/stat/column_norm.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"
#include "../support/weights.hpp"

BOOST_AUTO_TEST_SUITE(stat_column_norm)

using support::infinity;
using support::matrix;
using support::not_a_number;
using tamp::stat::column_norm;

namespace {

// The definition, feature after feature.
std::vector<double> sums_of_squares(const matrix<float>& x) {
  std::vector<double> sums(x.cols(), 0.0);
  for (std::size_t j = 0; j < x.cols(); ++j)
    for (std::size_t t = 0; t < x.rows(); ++t) sums[j] += double{x(t, j)} * double{x(t, j)};
  return sums;
}

bool close(const column_norm& a, const column_norm& b) {
  bool same = a.features() == b.features() && a.count() == b.count() && a.tokens() == b.tokens();
  for (std::size_t j = 0; same && j < a.features(); ++j) {
    const double x = a.sum_of_squares()[j], y = b.sum_of_squares()[j];
    same = std::abs(x - y) <= 1e-14 * x;
  }
  return same;
}

// Whole numbers, whose squares double sums up without rounding.
matrix<float> whole_numbers(std::size_t rows, std::size_t cols, unsigned seed) {
  matrix<float> x = support::random_matrix(rows, cols, seed);
  for (std::size_t k = 0; k < rows * cols; ++k) x.data()[k] = std::round(8 * x.data()[k]);
  return x;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Two tokens of four features: 3^2 + 4^2 = 25, 0, 1 + 1 = 2, (-6)^2 + 8^2 = 100.
  const matrix<float> x{{3, 0, 1, -6}, {-4, 0, 1, 8}};
  column_norm norms;
  norms.add(x);
  BOOST_TEST(norms.values() == (std::vector{5.0f, 0.0f, std::sqrt(2.0f), 10.0f}),
             boost::test_tools::per_element());
  BOOST_TEST(norms.features() == 4u);
  BOOST_TEST(norms.count() == 1u);
  BOOST_TEST(norms.tokens() == 2u);
  BOOST_TEST(norms.sum_of_squares()[3] == 100.0);
}

BOOST_AUTO_TEST_CASE(the_mean_is_over_sequences_however_many_tokens_they_have) {
  column_norm norms;
  norms.add(matrix<float>{{3, 2}, {4, 2}, {0, 2}});  // 25 and 12
  norms.add(matrix<float>{{5, 2}});                  // 25 and 4
  BOOST_TEST(norms.count() == 2u);
  BOOST_TEST(norms.tokens() == 4u);
  BOOST_TEST(norms.values()[0] == 5.0f);             // sqrt(50 / 2)
  BOOST_TEST(norms.values()[1] == std::sqrt(8.0f));  // sqrt(16 / 2)
}

BOOST_AUTO_TEST_CASE(a_count_enters_the_divisor_alone) {
  column_norm tokens;
  tokens.add(matrix<float>{{3, 2}, {4, 2}, {0, 2}}, 3).add(matrix<float>{{5, 2}}, 1);
  BOOST_TEST(tokens.count() == 4u);
  BOOST_TEST(tokens.values()[0] == std::sqrt(12.5f));  // sqrt(50 / 4)
  BOOST_TEST(tokens.values()[1] == 2.0f);              // sqrt(16 / 4)
}

BOOST_AUTO_TEST_CASE(a_span_is_one_token) {
  std::vector<float> token{3, 4};
  column_norm norms;
  norms.add(std::span(token)).add(std::span<const float>(token), 3);
  BOOST_TEST(norms.tokens() == 2u);
  BOOST_TEST(norms.values()[1] == std::sqrt(8.0f));  // sqrt(32 / 4)
}

BOOST_AUTO_TEST_CASE(before_anything_is_seen_all_norms_are_zero) {
  BOOST_TEST(column_norm().features() == 0u);
  BOOST_TEST(column_norm().values().empty());
  BOOST_TEST(column_norm(3).values() == std::vector<float>(3, 0.0f),
             boost::test_tools::per_element());
  BOOST_TEST(column_norm(3).tokens() == 0u);
}

BOOST_AUTO_TEST_CASE(a_batch_without_tokens_is_a_sequence_without_tokens) {
  column_norm norms;
  norms.add(matrix<float>(0, 2));
  BOOST_TEST(norms.features() == 2u);
  BOOST_TEST(norms.count() == 1u);
  BOOST_TEST(norms.tokens() == 0u);
  BOOST_TEST(norms.values()[0] == 0.0f);
  norms.add(matrix<float>{{4, 0}});
  BOOST_TEST(norms.values()[0] == std::sqrt(8.0f));  // sqrt(16 / 2)
  norms.add(tamp::column_major(static_cast<float*>(nullptr), 0, 2));
  BOOST_TEST(norms.count() == 3u);
}

BOOST_AUTO_TEST_CASE(a_batch_without_features_is_counted) {
  column_norm norms;
  norms.add(matrix<float>(5, 0));
  BOOST_TEST(norms.tokens() == 5u);
  BOOST_TEST(norms.values().empty());
  BOOST_CHECK_THROW(norms.add(matrix<float>(5, 1)), tamp::shape_error);
}

BOOST_AUTO_TEST_CASE(squares_are_summed_in_double) {
  matrix<float> x(9, 1, 1.0f);
  x(0, 0) = 4096;  // its square is 2^24, to which float cannot add one
  column_norm norms;
  norms.add(x);
  BOOST_TEST(norms.sum_of_squares()[0] == 16777224.0);
  // Neither overflow nor underflow of the squares, as float would have.
  norms = {};
  norms.add(matrix<float>{{1e30f, 1e-40f}});
  BOOST_TEST(norms.values()[0] == 1e30f);
  BOOST_TEST(norms.values()[1] == 1e-40f);
}

BOOST_AUTO_TEST_CASE(the_size_of_a_strip_makes_no_difference) {
  for (const std::size_t cols : {1u, 1023u, 1024u, 1025u, 2049u}) {
    const auto x = support::random_matrix(18, cols, 3);
    const auto expected = sums_of_squares(x);
    for (const auto& exec : {support::any_executor{1}, support::any_executor{3}})
      support::in_every_layout(x, [&](auto m) {
        column_norm norms;
        norms.add(exec, m);
        BOOST_TEST((std::vector(norms.sum_of_squares().begin(), norms.sum_of_squares().end()) ==
                    expected));
      });
  }
}

BOOST_AUTO_TEST_CASE(layout_threads_and_tier_make_no_difference) {
  const auto x = support::random_matrix(37, 70, 4);
  column_norm expected;
  expected.add(x, 2);
  for (const auto& exec : support::every_executor) {
    support::in_every_layout(x, [&](auto m) {
      column_norm norms;
      BOOST_TEST((norms.add(exec, m, 2) == expected));
    });
    column_norm norms;
    BOOST_TEST((norms.add(exec, support::readable_rows{x}, 2) == expected));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(every_element_type_gives_the_norms_of_its_numbers, T,
                              decltype(std::tuple<double, tamp::f16, tamp::bf16>{})) {
  const auto x = support::as<T>(support::random_matrix(21, 40, 5));
  column_norm expected;
  expected.add(support::as<float>(x));
  support::in_every_layout(x, [&](auto m) {
    column_norm norms;
    BOOST_TEST((norms.add(support::any_executor{3}, m) == expected));
  });
}

BOOST_AUTO_TEST_CASE(double_activations_are_not_rounded_to_float) {
  column_norm norms;
  norms.add(matrix<double>{{1e-100, 1.0 + 1e-12}});
  BOOST_TEST(norms.sum_of_squares()[0] == 1e-100 * 1e-100, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(norms.sum_of_squares()[1] > 1.0);
}

BOOST_AUTO_TEST_CASE(merging_is_adding) {
  const auto a = whole_numbers(5, 20, 6), b = whole_numbers(1, 20, 7), c = whole_numbers(9, 20, 8);
  column_norm together, first, second, third;
  together.add(a).add(b, 4).add(c);
  first.add(a), second.add(b, 4), third.add(c);
  auto left = first, right = second;
  left.combine(second).combine(third);
  right.combine(third).combine(first);
  BOOST_TEST((left == together));
  BOOST_TEST((right == together));

  const column_norm nothing;
  auto merged = together;
  BOOST_TEST((merged.combine(nothing) == together));
  merged = nothing;
  BOOST_TEST((merged.combine(together) == together));
  merged.combine(merged);
  BOOST_TEST(merged.count() == 12u);
  BOOST_TEST(merged.values() == together.values(), boost::test_tools::per_element());
  merged = column_norm(20);
  BOOST_TEST((merged.combine(together) == together));
}

BOOST_AUTO_TEST_CASE(merging_random_parts_differs_by_rounding_alone) {
  column_norm together;
  std::vector<column_norm> parts(4);
  for (unsigned k = 0; k < 40; ++k) {
    const auto x = support::random_matrix(1 + k % 5, 33, k);
    together.add(x);
    parts[k % 4].add(x);
  }
  column_norm forwards, backwards;
  for (const auto& part : parts) forwards.combine(part);
  for (std::size_t k = parts.size(); k-- > 0;) backwards.combine(parts[k]);
  BOOST_TEST(close(forwards, together));
  BOOST_TEST(close(backwards, together));
}

BOOST_AUTO_TEST_CASE(norms_grow_with_the_activations) {
  const auto x = support::random_matrix(6, 10, 9);
  auto doubled = x;
  for (std::size_t k = 0; k < 60; ++k) doubled.data()[k] *= 2;
  column_norm once, twice;
  once.add(x), twice.add(doubled);
  for (std::size_t j = 0; j < 10; ++j) BOOST_TEST(twice.values()[j] == 2 * once.values()[j]);
}

BOOST_AUTO_TEST_CASE(activations_that_are_not_finite_are_refused_and_nothing_is_added) {
  column_norm norms;
  norms.add(matrix<float>{{1, 2, 3}, {4, 5, 6}});
  const column_norm before = norms;
  for (const auto& exec : support::every_executor) {
    matrix<float> x(4, 3, 1.0f);
    x(2, 1) = not_a_number;
    x(3, 1) = infinity;
    support::check_error<tamp::value_error>(
        "column_norm: the activation of token 2, feature 1 is nan", [&] { norms.add(exec, x); });
    x(2, 1) = 0;
    support::check_error<tamp::value_error>(
        "column_norm: the activation of token 3, feature 1 is inf", [&] { norms.add(exec, x); });
    support::check_error<tamp::value_error>(
        "column_norm: the activation of token 3, feature 1 is inf",
        [&] { norms.add(exec, support::readable_rows{x}); });
    x(3, 1) = -infinity;
    const auto half = support::as<tamp::f16>(x);
    support::in_every_layout(half, [&](auto m) {
      support::check_error<tamp::value_error>(
          "column_norm: the activation of token 3, feature 1 is -inf", [&] { norms.add(exec, m); });
    });
    BOOST_TEST((norms == before));
  }
}

BOOST_AUTO_TEST_CASE(squares_beyond_double_are_refused) {
  column_norm norms;
  support::check_error<tamp::value_error>(
      "column_norm: the squares of feature 1 are too large: their norm is no finite float",
      [&] { norms.add(matrix<double>{{1, 1e200}}); });
  BOOST_TEST((norms == column_norm()));
}

BOOST_AUTO_TEST_CASE(another_number_of_features_is_refused_with_both_numbers) {
  column_norm norms;
  norms.add(matrix<float>(2, 4, 1.0f));
  const column_norm before = norms;
  support::check_error<tamp::shape_error>(
      "column_norm: a batch of activations has 5 features, the statistics cover 4",
      [&] { norms.add(matrix<float>(2, 5, 1.0f)); });
  support::check_error<tamp::shape_error>(
      "column_norm: the statistics to combine cover 3 features, the statistics cover 4",
      [&] { norms.combine(column_norm(3)); });
  BOOST_TEST((norms == before));
  column_norm sized(4);
  support::check_error<tamp::shape_error>(
      "column_norm: a batch of activations has 0 features, the statistics cover 4",
      [&] { sized.add(matrix<float>(2, 0)); });
}

BOOST_AUTO_TEST_CASE(a_count_of_zero_is_refused) {
  column_norm norms;
  support::check_error<tamp::value_error>(
      "column_norm: a batch of activations needs a count above 0",
      [&] { norms.add(matrix<float>{{1}}, 0); });
  BOOST_TEST((norms == column_norm()));
}

BOOST_AUTO_TEST_CASE(it_is_a_value) {
  column_norm a;
  a.add(matrix<float>{{1, 2}});
  column_norm b = a;
  BOOST_TEST((a == b));
  b.add(matrix<float>{{1, 2}});
  BOOST_TEST((a != b));
  BOOST_TEST(tamp::stat::column_norm::label() == "column_norm");
}

BOOST_AUTO_TEST_CASE(fields_are_all_that_it_consists_of) {
  column_norm norms, copy;
  norms.add(support::random_matrix(5, 3, 1)).add(support::random_matrix(4, 3, 2), 7);
  std::vector<std::string> names;
  column_norm::fields(norms, [&](std::string_view name, auto& value) {
    names.emplace_back(name);
    column_norm::fields(copy, [&](std::string_view other, auto& to) {
      if constexpr (std::is_same_v<decltype(to), decltype(value)>)
        if (name == other) to = value;
    });
  });
  BOOST_TEST(names == (std::vector<std::string>{"sum_of_squares", "count", "tokens"}),
             boost::test_tools::per_element());
  BOOST_TEST((copy == norms));
}

BOOST_AUTO_TEST_CASE(sums_that_cannot_have_been_summed_up_are_refused) {
  const auto filled = [](double number) {
    column_norm norms(3);
    column_norm::fields(norms, [&](std::string_view, auto& value) {
      if constexpr (requires { value[1]; })
        value[1] = number;
      else
        value = 1;
    });
    return norms;
  };
  BOOST_CHECK_NO_THROW(filled(1e76).validate());
  support::check_error<tamp::value_error>(
      "column_norm: the squares of feature 1 are too large: their norm is no finite float",
      [&] { filled(1e308).validate(); });
  BOOST_CHECK_NO_THROW(filled(-0.0).validate());
  BOOST_CHECK_NO_THROW(column_norm().validate());
  for (const auto& [number, text] :
       {std::pair<double, std::string>{-1, "-1"}, {infinity, "inf"}, {not_a_number, "nan"}})
    support::check_error<tamp::value_error>(
        "column_norm: the sum of squares of feature 1 is " + text,
        [&, bad = number] { filled(bad).validate(); });
}

BOOST_AUTO_TEST_CASE(a_norm_that_is_no_finite_float_is_refused_when_it_is_added) {
  // Scores are computed with norms in float: what has none must not be noticed later.
  const auto refuses = [](column_norm& norms, double number) {
    const column_norm before = norms;
    support::check_error<tamp::value_error>(
        "column_norm: the squares of feature 1 are too large: their norm is no finite float",
        [&] { norms.add(matrix<double>{{1, number}}); });
    BOOST_TEST((norms == before));
  };
  column_norm norms;
  for (const double number : {1e39, 1e150, 1.2e154, 1e200}) refuses(norms, number);
  norms.add(matrix<double>{{1, 3e38}});
  BOOST_TEST(norms.values()[1] == 3e38f);
  refuses(norms, 6e38);
  // Of many sequences the mean counts: one more of 3e38 changes nothing.
  norms.add(matrix<double>{{1, 3e38}});
  BOOST_TEST(norms.values()[1] == 3e38f);
  norms.validate();
}

BOOST_AUTO_TEST_CASE(counts_that_wrap_are_refused) {
  const matrix<float> x{{1, 2}};
  constexpr auto most = static_cast<std::uint64_t>(-1);
  column_norm norms;
  norms.add(x, most);
  const column_norm before = norms;
  support::check_error<tamp::value_error>(
      "column_norm: 18446744073709551615 and 1 together are too large to be counted",
      [&] { norms.add(x); });
  support::check_error<tamp::value_error>(
      "column_norm: 18446744073709551615 and 18446744073709551615 together are too large to be "
      "counted",
      [&] { norms.combine(before); });
  BOOST_TEST((norms == before));
}

BOOST_AUTO_TEST_CASE(norms_from_elsewhere_come_out_as_they_went_in) {
  const std::vector<float> norms{0.0f, 0.1f, 3e38f, 1e-40f};
  const column_norm seen = column_norm::of(norms, 7);
  BOOST_TEST(seen.values() == norms, boost::test_tools::per_element());
  BOOST_TEST(seen.tokens() == 7u);
  BOOST_TEST(seen.count() == 1u);
  seen.validate();
  support::check_error<tamp::value_error>("column_norm: the norm of feature 1 is -1", [] {
    (void)column_norm::of(std::vector<float>{0, -1}, 7);
  });
  support::check_error<tamp::value_error>("column_norm: the norm of feature 0 is inf", [] {
    (void)column_norm::of(std::vector<float>{std::numeric_limits<float>::infinity()}, 7);
  });
}

BOOST_AUTO_TEST_CASE(weights_by_hand) {
  // 1/4 of 16 and 3 of 4; the first token does not count.
  const matrix<float> x{{7, not_a_number}, {4, 2}, {2, -2}};
  const std::vector<double> weights{0, 0.25, 3};
  column_norm norms;
  norms.add(x, weights);
  BOOST_TEST(norms.values()[0] == 4.0f);              // sqrt(4 + 12)
  BOOST_TEST(norms.values()[1] == std::sqrt(13.0f));  // sqrt(1 + 12)
  BOOST_TEST(norms.tokens() == 2u);
  BOOST_TEST(norms.count() == 1u);
  norms.add(x, weights, 3);
  BOOST_TEST(norms.values()[0] == std::sqrt(8.0f));  // sqrt((16 + 16) / 4)
  BOOST_TEST(norms.tokens() == 4u);
  BOOST_TEST(norms.count() == 4u);
}

BOOST_AUTO_TEST_CASE(weighted_sums_are_those_of_the_definition) {
  for (const std::size_t cols : {1u, 63u, 64u, 200u}) {
    const auto x = support::random_matrix(45, cols, 11);
    const auto weights = support::random_weights(45, 12);
    column_norm norms;
    norms.add(x, weights);
    for (std::size_t j = 0; j < cols; ++j) {
      double sum = 0;
      for (std::size_t t = 0; t < 45; ++t) sum += weights[t] * double{x(t, j)} * double{x(t, j)};
      BOOST_TEST(norms.sum_of_squares()[j] == sum, boost::test_tools::tolerance(1e-14));
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(weights_of_one_and_zero_have_the_bits_of_the_rows_of_weight_one, T,
                              decltype(std::tuple<float, double, tamp::f16, tamp::bf16>{})) {
  for (const std::size_t cols : {3u, 64u, 301u}) {
    const auto x = support::as<T>(support::random_matrix(70, cols, 13));
    const std::vector<double> ones(70, 1.0);
    const auto weights = support::random_choice_of_tokens(70, 14);
    const auto broken = support::broken_where_weight_is_zero(x, weights);
    column_norm all, chosen;
    all.add(x, 2);
    chosen.add(support::rows_with_weight(x, weights), 2);
    for (const auto& exec :
         {support::any_executor{1}, support::any_executor{3}, support::any_executor{0}}) {
      support::in_every_layout(x, [&](auto m) {
        column_norm norms;
        BOOST_TEST((norms.add(exec, m, ones, 2) == all));
      });
      support::in_every_layout(broken, [&](auto m) {
        column_norm norms;
        BOOST_TEST((norms.add(exec, m, weights, 2) == chosen));
      });
    }
  }
}

BOOST_AUTO_TEST_CASE(weighted_sums_do_not_depend_on_layout_or_executor) {
  const auto x = support::random_matrix(37, 130, 15);
  const auto weights = support::random_weights(37, 16);
  column_norm expected;
  expected.add(x, weights);
  for (const auto& exec : support::every_executor) {
    support::in_every_layout(x, [&](auto m) {
      column_norm norms;
      BOOST_TEST((norms.add(exec, m, weights) == expected));
    });
    column_norm norms;
    BOOST_TEST((norms.add(exec, support::readable_rows{x}, weights) == expected));
  }
}

BOOST_AUTO_TEST_CASE(rows_of_weight_zero_are_not_requested) {
  struct two_rows {
    std::size_t rows() const { return 4; }
    std::size_t cols() const { return 1; }
    void read_row(std::size_t t, std::span<float> out) const {
      if (t != 1) throw tamp::value_error("only row 1 is here");
      out[0] = 3;
    }
  };
  column_norm norms;
  norms.add(two_rows{}, std::vector<double>{0, 4, 0, 0});
  BOOST_TEST(norms.values()[0] == 6.0f);
}

BOOST_AUTO_TEST_CASE(a_batch_in_which_no_token_counts_is_a_sequence_without_tokens) {
  column_norm norms, none;
  norms.add(matrix<float>(5, 2, not_a_number), std::vector<double>(5, 0.0));
  none.add(matrix<float>(0, 2));
  BOOST_TEST((norms == none));
  norms.add(matrix<float>(0, 2), std::vector<double>{});
  BOOST_TEST(norms.count() == 2u);
}

BOOST_AUTO_TEST_CASE(weights_that_are_none_are_refused_and_nothing_is_added) {
  const matrix<float> x{{1, 2}, {3, 4}, {5, not_a_number}};
  column_norm norms;
  norms.add(matrix<float>{{1, 2}});
  const column_norm before = norms;
  const auto refuses = [&](const char* sentence, const std::vector<double>& weights) {
    support::check_error<tamp::value_error>(sentence, [&] { norms.add(x, weights); });
    BOOST_TEST((norms == before));
  };
  refuses("column_norm: the weight of token 1 is -1", {1, -1, 0});
  refuses("column_norm: the weight of token 2 is nan", {1, 1, not_a_number});
  refuses("column_norm: the weight of token 0 is inf", {infinity, 1, 0});
  refuses("column_norm: the activation of token 2, feature 1 is nan", {0, 1, 1e-300});
  support::check_error<tamp::shape_error>("column_norm: the weights cover 2 tokens, there are 3",
                                          [&] { norms.add(x, std::vector<double>{1, 1}); });
  support::check_error<tamp::shape_error>("column_norm: 3 weights lie at a null pointer", [&] {
    norms.add(x, std::span<const double>(static_cast<const double*>(nullptr), 3));
  });
  support::check_error<tamp::value_error>(
      "column_norm: a batch of activations needs a count above 0",
      [&] { norms.add(x, std::vector<double>{1, 1, 0}, 0); });
  support::check_error<tamp::value_error>(
      "column_norm: the squares of feature 0 are too large: their norm is no finite float",
      [&] { norms.add(x, std::vector<double>{1, 1e300, 0}); });
  BOOST_TEST((norms == before));
}

BOOST_AUTO_TEST_CASE(a_weight_keeps_products_in_range) {
  // The square of 1e160 is no finite double. With its weight it is 1e70.
  column_norm norms;
  norms.add(matrix<double>{{1e160}}, std::vector<double>{1e-250});
  BOOST_TEST(norms.sum_of_squares()[0] == 1e70, boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(extents_without_elements_are_counted_at_once) {
  constexpr std::size_t large = std::size_t{1} << 62;
  column_norm norms;
  norms.add(tamp::matrix_view<float>(nullptr, large, 0));
  BOOST_TEST(norms.tokens() == large);
  BOOST_TEST(norms.features() == 0u);
  support::check_error<tamp::shape_error>(
      "column_norm: 4611686018427387904 numbers of 8 bytes are more than memory can hold",
      [&] { column_norm().add(tamp::matrix_view<float>(nullptr, 0, large)); });
  support::check_error<tamp::shape_error>(
      "column_norm: 4611686018427387904 numbers of 8 bytes are more than memory can hold",
      [&] { (void)column_norm(large); });
  support::check_error<tamp::shape_error>("tensor: 2 x 3 elements lie at a null pointer", [] {
    column_norm().add(tamp::matrix_view<float>(nullptr, 2, 3));
  });
}

BOOST_AUTO_TEST_CASE(without_a_sample_there_are_neither_tokens_nor_sums) {
  const auto with = [](std::uint64_t tokens, double sum) {
    column_norm norms(2);
    column_norm::fields(norms, [&](std::string_view name, auto& value) {
      if constexpr (requires { value[1]; })
        value[1] = sum;
      else if (name == "tokens")
        value = tokens;
    });
    norms.validate();
  };
  BOOST_CHECK_NO_THROW(with(0, 0));
  support::check_error<tamp::value_error>("column_norm: 7 tokens were seen in no sample",
                                          [&] { with(7, 0); });
  support::check_error<tamp::value_error>(
      "column_norm: the sum of squares of feature 1 is 4 without a sample", [&] { with(0, 4); });
}

BOOST_AUTO_TEST_SUITE_END()
