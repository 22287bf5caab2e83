#include <tamp/stat/contribution_gain.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <random>
#include <tamp/element.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/instructions.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(stat_contribution_gain)

using support::matrix;
using tamp::stat::contribution_gain;
using tamp::stat::token_gains;

namespace {

// A block's signals of one sample.
struct block {
  matrix<float> attention, values, projection, residual;

  token_gains gains(const support::any_executor& exec = support::one_thread) const {
    return contribution_gain(exec, attention, values, projection, residual);
  }
};

enum class pattern { causal, full, window };

block random_block(std::size_t tokens, std::size_t heads, std::size_t kv_heads,
                   std::size_t head_dim, std::size_t hidden, pattern seen, unsigned seed) {
  block b{matrix<float>(heads * tokens, tokens),
          support::random_matrix(tokens, kv_heads * head_dim, seed),
          support::random_matrix(hidden, heads * head_dim, seed + 1),
          support::random_matrix(tokens, hidden, seed + 2)};
  std::mt19937 random(seed + 3);
  std::uniform_real_distribution<float> number(0.0f, 1.0f);
  for (std::size_t row = 0; row < heads * tokens; ++row)
    for (std::size_t j = 0; j < tokens; ++j) {
      const std::size_t i = row % tokens;
      const bool is_seen =
          seen == pattern::full || (j <= i && (seen == pattern::causal || i - j < 5));
      if (is_seen) b.attention(row, j) = number(random);
    }
  return b;
}

// The definition.
matrix<double> by_definition(const block& b) {
  const std::size_t tokens = b.attention.cols(), heads = b.attention.rows() / tokens;
  const std::size_t length = b.projection.cols() / heads, hidden = b.projection.rows();
  const std::size_t group = heads / (b.values.cols() / length);
  matrix<double> gains(tokens, tokens);
  for (std::size_t j = 0; j < tokens; ++j) {
    double size = 0;
    for (std::size_t o = 0; o < hidden; ++o)
      size += double(b.residual(j, o)) * double(b.residual(j, o));
    matrix<double> carried(heads, hidden);  // Wo_h v_(j, kv(h))
    for (std::size_t h = 0; h < heads; ++h)
      for (std::size_t o = 0; o < hidden; ++o)
        for (std::size_t d = 0; d < length; ++d)
          carried(h, o) +=
              double(b.projection(o, h * length + d)) * double(b.values(j, h / group * length + d));
    for (std::size_t i = 0; i < tokens && size > 0; ++i)
      for (std::size_t o = 0; o < hidden; ++o) {
        double sum = 0;
        for (std::size_t h = 0; h < heads; ++h)
          sum += double(b.attention(h * tokens + i, j)) * carried(h, o);
        gains(i, j) += sum * sum / size;
      }
  }
  return gains;
}

// The largest error, relative to the largest gain of the token that is read.
double error_of(const token_gains& gains, const matrix<double>& expected) {
  double worst = 0;
  for (std::size_t j = 0; j < expected.cols(); ++j) {
    double largest = 1e-300, error = 0;
    for (std::size_t i = 0; i < expected.rows(); ++i) {
      largest = std::max(largest, expected(i, j));
      error = std::max(error, std::abs(double(gains(i, j)) - expected(i, j)));
    }
    worst = std::max(worst, error / largest);
  }
  return worst;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Two tokens, one head: values (1, 2) and (3, 0), carried as (1, 4) and (3, 0), energies 17 and
  // 9, from states with energies 2 and 25.
  const block b{{{1, 0}, {0.5, 0.5}}, {{1, 2}, {3, 0}}, {{1, 0}, {0, 2}}, {{1, 1}, {3, 4}}};
  const token_gains gains = contribution_gain(b.attention, b.values, b.projection, b.residual);
  BOOST_TEST(gains.tokens() == 2u);
  BOOST_TEST(gains(0, 0) == 8.5f);
  BOOST_TEST(gains(0, 1) == 0.0f);
  BOOST_TEST(gains(1, 0) == 0.25f * 8.5f);
  BOOST_TEST(gains(1, 1) == 0.25f * 9.0f / 25.0f);
}

BOOST_AUTO_TEST_CASE(heads_add_up_before_they_are_squared) {
  // Two heads that share a value and carry it to opposite sides cancel each other.
  const block b{{{1}, {1}}, {{2}}, {{1, -1}}, {{1}}};
  BOOST_TEST(b.gains()(0, 0) == 0.0f);
  const block same{{{1}, {1}}, {{2}}, {{1, 1}}, {{1}}};
  BOOST_TEST(same.gains()(0, 0) == 16.0f);
}

BOOST_AUTO_TEST_CASE(it_is_the_definition_for_any_shape) {
  struct {
    std::size_t tokens, heads, kv_heads, head_dim, hidden;
  } shapes[] = {{1, 1, 1, 1, 1},    {5, 1, 1, 3, 7},    {47, 2, 1, 4, 5},
                {48, 3, 3, 2, 24},  {49, 4, 2, 8, 25},  {100, 9, 3, 4, 30},
                {33, 8, 8, 3, 200}, {97, 5, 1, 300, 9}, {20, 40, 8, 2, 50}};
  unsigned seed = 0;
  for (const auto& s : shapes)
    for (const pattern seen : {pattern::causal, pattern::full, pattern::window}) {
      const block b =
          random_block(s.tokens, s.heads, s.kv_heads, s.head_dim, s.hidden, seen, seed += 10);
      BOOST_TEST_CONTEXT(s.tokens << " tokens, " << s.heads << " heads, " << s.hidden << " hidden")
      BOOST_TEST(error_of(b.gains(), by_definition(b)) < 1e-7);
    }
}

BOOST_AUTO_TEST_CASE(a_token_of_zeros_gains_nothing) {
  block b = random_block(20, 3, 1, 4, 9, pattern::causal, 1);
  for (std::size_t o = 0; o < 9; ++o) b.residual(7, o) = 0;
  const token_gains gains = b.gains();
  for (std::size_t i = 0; i < 20; ++i) BOOST_TEST(gains(i, 7) == 0.0f);
  BOOST_TEST(error_of(gains, by_definition(b)) < 1e-7);
}

BOOST_AUTO_TEST_CASE(a_token_without_features_or_without_attention_gains_nothing) {
  block b = random_block(20, 3, 1, 4, 9, pattern::causal, 1);
  b.attention = matrix<float>(60, 20);
  BOOST_TEST((b.gains() == token_gains(matrix<float>(20, 20))));
  b.attention = matrix<float>(60, 20, -0.0f);
  BOOST_TEST((b.gains() == token_gains(matrix<float>(20, 20))));
  const block flat{matrix<float>(6, 3, 0.5f), matrix<float>(3, 4, 1.0f), matrix<float>(0, 8),
                   matrix<float>(3, 0)};
  BOOST_TEST((flat.gains() == token_gains(matrix<float>(3, 3))));
}

BOOST_AUTO_TEST_CASE(only_what_is_attended_to_is_stored) {
  const block b = random_block(60, 2, 2, 3, 8, pattern::window, 4);
  const token_gains gains = b.gains();
  for (std::size_t i = 0; i < 60; ++i) {
    BOOST_TEST(gains.row(i).first == (i < 4 ? 0 : i - 4));
    BOOST_TEST(gains.row(i).numbers.size() == std::min<std::size_t>(i + 1, 5));
  }
}

BOOST_AUTO_TEST_CASE(padding_is_not_read) {
  block b = random_block(60, 3, 3, 4, 9, pattern::full, 5);
  for (std::size_t row = 0; row < 180; ++row)
    for (const std::size_t j : {0u, 13u, 59u}) b.attention(row, j) = 0;
  const token_gains expected = b.gains();
  b.values(0, 2) = support::not_a_number;
  b.values(13, 0) = support::infinity;
  b.residual(59, 8) = support::not_a_number;
  BOOST_TEST((b.gains() == expected));
  for (std::size_t i = 0; i < 60; ++i) BOOST_TEST(expected(i, 13) == 0.0f);
  auto values = support::as<double>(b.values);
  values(13, 0) = 1e300;  // its square is infinite
  BOOST_TEST((contribution_gain(b.attention, values, b.projection, b.residual) == expected));
}

BOOST_AUTO_TEST_CASE(a_change_of_scale_leaves_relative_gains) {
  block b = random_block(30, 4, 2, 4, 9, pattern::causal, 6);
  const token_gains before = b.gains();
  for (std::size_t k = 0; k < 30 * 9; ++k) b.residual.data()[k] *= 4;
  for (std::size_t k = 0; k < 30 * 8; ++k) b.values.data()[k] *= 4;
  BOOST_TEST((b.gains() == before));
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_the_executor_or_the_instructions) {
  const block b = random_block(150, 5, 1, 6, 250, pattern::causal, 7);
  const token_gains expected = b.gains();
  for (const auto& exec : support::every_executor)
    BOOST_TEST((b.gains(exec) == expected), "other bits with " << exec);
  support::with_every_instructions([&] { BOOST_TEST((b.gains() == expected)); });
}

BOOST_AUTO_TEST_CASE(any_layout_and_any_type_of_number) {
  const block b = random_block(40, 2, 1, 3, 7, pattern::causal, 8);
  const token_gains expected = b.gains();
  const auto& [a, v, w, x] = b;
  const auto& one = support::one_thread;
  support::in_every_layout(
      a, [&](auto m) { BOOST_TEST((contribution_gain(one, m, v, w, x) == expected)); });
  support::in_every_layout(
      v, [&](auto m) { BOOST_TEST((contribution_gain(one, a, m, w, x) == expected)); });
  support::in_every_layout(
      w, [&](auto m) { BOOST_TEST((contribution_gain(one, a, v, m, x) == expected)); });
  support::in_every_layout(
      x, [&](auto m) { BOOST_TEST((contribution_gain(one, a, v, w, m) == expected)); });
  using support::as;
  const support::readable_rows rows{a};
  BOOST_TEST((contribution_gain(one, rows, as<double>(v), support::readable_rows{w},
                                as<double>(x)) == expected));
  BOOST_TEST((contribution_gain(one, as<double>(a), v, as<double>(w), x) == expected));
  const auto ha = as<tamp::f16>(a), hv = as<tamp::f16>(v);
  const auto bw = as<tamp::bf16>(w), bx = as<tamp::bf16>(x);
  BOOST_TEST((contribution_gain(one, ha, hv, bw, bx) ==
              contribution_gain(one, as<float>(ha), as<float>(hv), as<float>(bw), as<float>(bx))));
}

BOOST_AUTO_TEST_CASE(no_tokens_no_gains) {
  const matrix<float> none(0, 0);
  const auto gains =
      contribution_gain(none, matrix<float>(0, 6), matrix<float>(5, 8), matrix<float>(0, 5));
  BOOST_TEST((gains == token_gains()));
}

BOOST_AUTO_TEST_CASE(shapes_that_contradict_each_other_are_refused) {
  const auto refused = [](std::string_view sentence, std::size_t attention, std::size_t tokens,
                          std::size_t v_rows, std::size_t v_cols, std::size_t w_rows,
                          std::size_t w_cols, std::size_t x_rows, std::size_t x_cols) {
    support::check_error<tamp::shape_error>(sentence, [&] {
      (void)contribution_gain(matrix<float>(attention, tokens), matrix<float>(v_rows, v_cols),
                              matrix<float>(w_rows, w_cols), matrix<float>(x_rows, x_cols));
    });
  };
  {
    // The number of pairs of heads would wrap.
    const float one = 1;
    const std::size_t heads = std::size_t{1} << 33;
    support::check_error<tamp::shape_error>(
        "contribution_gain: 8589934592 heads are more than memory can hold", [&] {
          (void)contribution_gain(tamp::matrix_view<const float>(&one, heads, 1, 0, 1),
                                  matrix<float>(1, 1),
                                  tamp::matrix_view<const float>(nullptr, 0, heads),
                                  tamp::matrix_view<const float>(nullptr, 1, 0));
        });
  }
  refused("contribution_gain: attention of 7 x 3 is not heads * tokens by tokens", 7, 3, 3, 4, 5, 4,
          3, 5);
  refused("contribution_gain: attention of 7 x 0 is not heads * tokens by tokens", 7, 0, 0, 4, 5, 4,
          0, 5);
  refused("contribution_gain: attention to 3 tokens has no heads", 0, 3, 3, 4, 5, 4, 3, 5);
  refused("contribution_gain: attention is to 3 tokens, the values are of 2", 6, 3, 2, 4, 5, 4, 3,
          5);
  refused("contribution_gain: attention is to 3 tokens, the residual stream has 4", 6, 3, 3, 4, 5,
          4, 4, 5);
  refused("contribution_gain: the output projection has 5 rows, the residual stream has 6 features",
          6, 3, 3, 4, 5, 4, 3, 6);
  refused("contribution_gain: the output projection's 5 columns are not 2 heads of one length", 6,
          3, 3, 4, 5, 5, 3, 5);
  refused("contribution_gain: the output projection's 0 columns are not 2 heads of one length", 6,
          3, 3, 4, 5, 0, 3, 5);
  refused("contribution_gain: values of 3 features are not heads of 2", 6, 3, 3, 3, 5, 4, 3, 5);
  refused("contribution_gain: values of 0 features are not heads of 2", 6, 3, 3, 0, 5, 4, 3, 5);
  refused("contribution_gain: 3 heads do not share 2 heads of values alike", 9, 3, 3, 4, 5, 6, 3,
          5);
  refused("contribution_gain: 2 heads do not share 3 heads of values alike", 6, 3, 3, 6, 5, 4, 3,
          5);
  support::check_error<tamp::shape_error>("tensor: 2 x 2 elements lie at a null pointer", [] {
    const tamp::matrix_view<const float> none(nullptr, 2, 2);
    (void)contribution_gain(none, none, none, none);
  });
}

BOOST_AUTO_TEST_CASE(numbers_that_cannot_be_used_are_refused_by_place) {
  const block good = random_block(40, 3, 1, 4, 250, pattern::full, 9);
  const auto refused = [&](std::string_view sentence, auto&& spoil) {
    block bad = good;
    spoil(bad);
    for (const auto& exec : support::every_executor)
      support::check_error<tamp::value_error>(sentence, [&] { (void)bad.gains(exec); });
  };
  refused("contribution_gain: the attention of head 1, query 2 to token 7 is -0.5", [](block& b) {
    b.attention(42, 7) = -0.5f;
    b.attention(83, 0) = -1;
  });
  refused("contribution_gain: the attention of head 2, query 39 to token 39 is nan",
          [](block& b) { b.attention(119, 39) = support::not_a_number; });
  refused("contribution_gain: the attention of head 0, query 0 to token 0 is inf",
          [](block& b) { b.attention(0, 0) = support::infinity; });
  refused("contribution_gain: the value of token 4, feature 3 is nan", [](block& b) {
    b.values(4, 3) = support::not_a_number;
    b.residual(5, 0) = support::infinity;
  });
  refused("contribution_gain: the residual stream of token 5, feature 249 is inf",
          [](block& b) { b.residual(5, 249) = support::infinity; });
  refused("contribution_gain: the output projection's row 200, column 11 is nan", [](block& b) {
    b.projection(200, 11) = support::not_a_number;
    b.projection(201, 0) = support::not_a_number;
  });
  refused("contribution_gain: the gain from token 3 to token 0 is too large for a float",
          [](block& b) {
            for (std::size_t o = 0; o < 250; ++o) b.residual(3, o) = 1e-25f;
          });
}

BOOST_AUTO_TEST_CASE(squares_too_large_for_a_double_are_refused) {
  const block b = random_block(10, 2, 1, 4, 5, pattern::full, 10);
  auto values = support::as<double>(b.values), residual = support::as<double>(b.residual);
  residual(6, 1) = 1e200;
  const auto gains = [&] { return contribution_gain(b.attention, values, b.projection, residual); };
  support::check_error<tamp::value_error>(
      "contribution_gain: the squares of token 6 are too large to be summed",
      [&] { (void)gains(); });
  residual(6, 1) = 1;
  values(2, 0) = 1e200;
  support::check_error<tamp::value_error>(
      "contribution_gain: the squares of token 2 are too large to be summed",
      [&] { (void)gains(); });
}

BOOST_AUTO_TEST_SUITE_END()
