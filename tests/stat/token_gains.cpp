#include <tamp/stat/token_gains.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <tamp/element.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(stat_token_gains)

using support::matrix;
using tamp::stat::token_gains;

namespace {

// A row as a list: its first column and its numbers.
std::vector<float> stored(const token_gains& gains, std::size_t i) {
  const auto row = gains.row(i);
  std::vector<float> all{static_cast<float>(row.first)};
  all.insert(all.end(), row.numbers.begin(), row.numbers.end());
  return all;
}

// A band below the diagonal, with rows of zeros.
matrix<float> band(std::size_t tokens) {
  const auto numbers = support::random_matrix(tokens, tokens, 1);
  matrix<float> gains(tokens, tokens);
  for (std::size_t i = 0; i < tokens; ++i)
    for (std::size_t j = i < 7 ? 0 : i - 7; j <= i && i % 5 != 3; ++j)
      gains(i, j) = numbers(i, j) * numbers(i, j);
  return gains;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const token_gains gains(matrix<float>{{2, 0, 0}, {0, 0, 0}, {0, 1, 3}});
  BOOST_TEST(gains.tokens() == 3u);
  BOOST_TEST((stored(gains, 0) == std::vector<float>{0, 2}));
  BOOST_TEST((stored(gains, 1) == std::vector<float>{0}));
  BOOST_TEST((stored(gains, 2) == std::vector<float>{1, 1, 3}));
  BOOST_TEST(gains(2, 0) == 0.0f);
  BOOST_TEST(gains(2, 1) == 1.0f);
  BOOST_TEST(gains(0, 2) == 0.0f);
}

BOOST_AUTO_TEST_CASE(zeros_between_others_are_stored) {
  const token_gains gains(matrix<float>{{1, 0, 2}, {-0.0f, 0, 4}, {0, 0, 0}});
  BOOST_TEST((stored(gains, 0) == std::vector<float>{0, 1, 0, 2}));
  BOOST_TEST((stored(gains, 1) == std::vector<float>{2, 4}));
}

BOOST_AUTO_TEST_CASE(all_entries_are_those_of_the_matrix) {
  for (const std::size_t tokens : {1u, 2u, 31u, 32u, 33u, 100u}) {
    const auto full = band(tokens);
    const token_gains gains(full);
    bool same = true;
    for (std::size_t i = 0; i < tokens; ++i) {
      const auto row = gains.row(i);
      same &= row.numbers.empty() || (row.numbers.front() != 0 && row.numbers.back() != 0);
      for (std::size_t j = 0; j < tokens; ++j) same &= gains(i, j) == full(i, j);
    }
    BOOST_TEST(same);
  }
}

BOOST_AUTO_TEST_CASE(no_tokens) {
  BOOST_TEST(token_gains().tokens() == 0u);
  BOOST_TEST((token_gains(matrix<float>(0, 0)) == token_gains()));
}

BOOST_AUTO_TEST_CASE(any_executor_layout_and_type_of_number) {
  const auto full = band(60);
  const token_gains expected(full);
  for (const auto& exec : support::every_executor)
    BOOST_TEST((token_gains(exec, full) == expected), "other gains with " << exec);
  support::in_every_layout(
      full, [&](auto m) { BOOST_TEST((token_gains(support::one_thread, m) == expected)); });
  BOOST_TEST((token_gains(support::as<double>(full)) == expected));
  BOOST_TEST((token_gains(support::readable_rows{full}) == expected));
  const auto half = support::as<tamp::f16>(full);
  BOOST_TEST((token_gains(half) == token_gains(support::as<float>(half))));
}

BOOST_AUTO_TEST_CASE(doubles_below_all_floats_are_zeros_at_the_ends_of_rows) {
  const token_gains gains(matrix<double>{{1e-60, 1e-60}, {1e-60, 1}});
  BOOST_TEST((gains == token_gains(matrix<float>{{0, 0}, {0, 1}})));
}

BOOST_AUTO_TEST_CASE(rows_are_scaled_by_a_factor_each) {
  token_gains gains(matrix<float>{{2, 0, 0}, {1, 4, 0}, {0, 1, 3}});
  const std::vector<double> factors{0.5, 2, 1};
  gains.scale_rows(factors);
  BOOST_TEST((gains == token_gains(matrix<float>{{1, 0, 0}, {2, 8, 0}, {0, 1, 3}})));
}

BOOST_AUTO_TEST_CASE(rows_scaled_to_zero_are_not_stored) {
  token_gains gains(matrix<float>{{2, 0, 0}, {1, 4, 0}, {1e-40f, 1, 1e-40f}});
  gains.scale_rows(std::vector<double>{1, 0, 1e-20});
  BOOST_TEST((gains == token_gains(matrix<float>{{2, 0, 0}, {0, 0, 0}, {0, 1e-20f, 0}})));
}

BOOST_AUTO_TEST_CASE(matrices_that_are_no_gains_are_refused_by_place) {
  support::check_error<tamp::shape_error>("token_gains: a matrix of 2 x 3 is not tokens by tokens",
                                          [] { (void)token_gains{matrix<float>(2, 3)}; });
  const auto refused = [](std::string_view sentence, double number) {
    matrix<double> gains(40, 40, 1.0);
    gains(30, 2) = gains(35, 1) = number;
    for (const auto& exec : support::every_executor)
      support::check_error<tamp::value_error>(sentence, [&] { (void)token_gains(exec, gains); });
  };
  refused("token_gains: the gain from token 2 to token 30 is -1", -1);
  refused("token_gains: the gain from token 2 to token 30 is -1e-60", -1e-60);
  refused("token_gains: the gain from token 2 to token 30 is nan", support::not_a_number);
  refused("token_gains: the gain from token 2 to token 30 is inf", support::infinity);
  refused("token_gains: the gain from token 2 to token 30 is too large for a float", 1e39);
  support::check_error<tamp::shape_error>("tensor: 2 x 2 elements lie at a null pointer", [] {
    (void)token_gains{tamp::matrix_view<const float>(nullptr, 2, 2)};
  });
}

BOOST_AUTO_TEST_CASE(factors_that_cannot_be_used_change_nothing) {
  token_gains gains(matrix<float>{{2, 0}, {1, 1e30f}});
  const token_gains before = gains;
  const auto scale = [&](std::vector<double> factors) {
    return [&gains, factors] { gains.scale_rows(factors); };
  };
  support::check_error<tamp::shape_error>("token_gains: 3 factors for 2 tokens", scale({1, 1, 1}));
  support::check_error<tamp::value_error>("token_gains: the factor of token 1 is -2",
                                          scale({1, -2}));
  support::check_error<tamp::value_error>("token_gains: the factor of token 0 is nan",
                                          scale({support::not_a_number, 1}));
  support::check_error<tamp::value_error>(
      "token_gains: the gain from token 1 to token 1 is too large for a float", scale({3, 1e10}));
  support::check_error<tamp::shape_error>("token_gains: 2 factors lie at a null pointer", [&] {
    gains.scale_rows(std::span<const double>(static_cast<const double*>(nullptr), 2));
  });
  BOOST_TEST((gains == before));
}

BOOST_AUTO_TEST_SUITE_END()
