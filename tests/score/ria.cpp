#include <tamp/score/ria.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <tamp/tamp.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(score_ria)

using support::as;
using support::check_error;
using support::matrix;
using tamp::score::ria;

namespace {

matrix<float> scores_of(const ria& score, const matrix<float>& w, const std::vector<float>& norms,
                        const support::any_executor& exec = support::one_thread) {
  const auto source = tamp::view(w.data(), w.rows(), w.cols());
  const auto bound = score.bind(exec, source, norms);
  matrix<float> scores(w.rows(), w.cols());
  for (std::size_t i = 0; i < w.rows(); ++i)
    bound(i, source.row(i), std::span(scores.data() + i * w.cols(), w.cols()));
  return scores;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Rows sum to 4 and 8, columns to 3 and 9; norms 4 and 9, whose roots are 2 and 3.
  const auto s = scores_of({}, {{1, -3}, {2, 6}}, {4, 9});
  BOOST_TEST(std::abs(s(0, 0) - (1.0 / 4 + 1.0 / 3) * 2) < 1e-6);
  BOOST_TEST(std::abs(s(0, 1) - (3.0 / 4 + 3.0 / 9) * 3) < 1e-6);
  BOOST_TEST(std::abs(s(1, 0) - (2.0 / 8 + 2.0 / 3) * 2) < 1e-6);
  BOOST_TEST(std::abs(s(1, 1) - (6.0 / 8 + 6.0 / 9) * 3) < 1e-6);
}

BOOST_AUTO_TEST_CASE(alpha_is_the_power_of_the_norm) {
  const matrix<float> w{{1, 1}};
  BOOST_TEST(scores_of({0}, w, {4, 9})(0, 0) == scores_of({0}, w, {1, 1})(0, 0));
  BOOST_TEST(scores_of({1}, w, {4, 9})(0, 1) == 9 * scores_of({0}, w, {4, 9})(0, 1));
  BOOST_TEST(ria{}.label() == "ria");
  BOOST_TEST(ria{0.25}.label() == "ria 0.25");
}

BOOST_AUTO_TEST_CASE(zeros_score_zero_also_where_a_whole_row_or_column_is_zero) {
  const auto s = scores_of({}, {{0, 0, -0.0f}, {0, 2, 1}}, {1, 0, 1});
  for (std::size_t j = 0; j < 3; ++j) BOOST_TEST(s(0, j) == 0.0f);
  BOOST_TEST(s(1, 0) == 0.0f);
  BOOST_TEST(s(1, 1) == 0.0f);  // its norm is zero
  BOOST_TEST(s(1, 2) > 0.0f);
}

BOOST_AUTO_TEST_CASE(a_column_of_zeros_goes_first_where_the_published_code_keeps_it) {
  // The published score of the first column is 0 / 0, which sorts behind all numbers.
  const matrix<float> w{{0, 1, 2}, {0, 3, 4}};
  const auto recipe = tamp::compose(ria{}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.34});
  const auto keep = tamp::select(w, std::vector<float>{1, 1, 1}, recipe);
  for (std::size_t i = 0; i < 2; ++i) {
    BOOST_TEST(!keep(i, 0));
    BOOST_TEST(keep(i, 1));
    BOOST_TEST(keep(i, 2));
  }
}

BOOST_AUTO_TEST_CASE(shares_of_bf16_are_floats_where_the_published_code_rounds_them) {
  // Shares of the row are 0.50195 and 0.49805, and those of the columns 1: rounded to bf16, both
  // sums are 1.5, and the first weight goes.
  const std::vector<tamp::bf16> w{tamp::bf16(1.0078125f), tamp::bf16(1.0f)};
  const auto recipe = tamp::compose(ria{}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
  const auto keep = tamp::select(tamp::view(w, 1, 2), std::vector<float>{1, 1}, recipe);
  BOOST_TEST(keep(0, 0));
  BOOST_TEST(!keep(0, 1));
  BOOST_TEST(float(tamp::bf16(1 + 1.0078125f / 2.0078125f)) == 1.5f);
  BOOST_TEST(float(tamp::bf16(1 + 1 / 2.0078125f)) == 1.5f);
}

BOOST_AUTO_TEST_CASE(scaling_a_weight_changes_no_score) {
  const auto w = support::random_matrix(9, 14, 1);
  auto doubled = w;
  for (std::size_t k = 0; k < 9 * 14; ++k) doubled.data()[k] *= 2;
  const std::vector<float> norms(14, 0.7f);
  BOOST_TEST((scores_of({}, w, norms) == scores_of({}, doubled, norms)));
}

BOOST_AUTO_TEST_CASE(the_bits_do_not_depend_on_the_executor) {
  const auto w = support::random_matrix(600, 30, 2);  // several slices of rows
  const std::vector<float> norms(30, 1.5f);
  const auto expected = scores_of({}, w, norms);
  for (const auto& exec : support::every_executor)
    BOOST_TEST((scores_of({}, w, norms, exec) == expected));
}

BOOST_AUTO_TEST_CASE(every_pattern_takes_it_and_prune_drops_what_select_says) {
  using namespace tamp::pattern;
  const auto w = support::random_matrix(12, 21, 3);
  std::vector<float> norms;
  for (std::size_t j = 0; j < 21; ++j) norms.push_back(float(1 + j % 5));
  const auto check = [&](const auto& recipe) {
    const auto keep = tamp::select(w, norms, recipe);
    support::in_every_layout(
        w, [&](auto view) { BOOST_TEST((tamp::select(view, norms, recipe) == keep)); });
    auto pruned = w, applied = w;
    tamp::prune(pruned, norms, recipe);
    tamp::apply(applied, keep);
    BOOST_TEST((pruned == applied));
    return keep;
  };
  const tamp::allocate::uniform half{0.5};
  BOOST_TEST(check(tamp::compose(ria{}, per_row{}, half)).count(3) == 11u);
  BOOST_TEST(check(tamp::compose(ria{}, per_tensor{}, half)).count() == 126u);
  BOOST_TEST(check(tamp::compose(ria{}, n_of_m<2, 4>{})).count(0) == 11u);
}

BOOST_AUTO_TEST_CASE(bad_input_is_refused) {
  const auto recipe = tamp::compose(ria{}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
  matrix<float> w{{1, 2}, {3, support::not_a_number}};
  const auto before = w;
  const std::vector<float> norms{1, 1};
  check_error<tamp::value_error>("prune: the weight in row 1, column 1 is nan",
                                 [&] { tamp::prune(w, norms, recipe); });
  BOOST_TEST((w == before));
  // Also without the fused pass, where the broken weight has spoilt the scores of its column.
  check_error<tamp::value_error>("select: the weight in row 1, column 1 is nan",
                                 [&] { tamp::select(w, norms, recipe); });
  check_error<tamp::value_error>("prune: the weight in row 1, column 1 is nan", [&] {
    tamp::prune(w, norms,
                tamp::compose(ria{}, tamp::pattern::per_tensor{}, tamp::allocate::uniform{0.5}));
  });
  BOOST_TEST((w == before));
  const matrix<float> fine{{1, 2}};
  check_error<tamp::value_error>("ria: alpha is a finite number of at least 0, not -1", [&] {
    tamp::select(fine, norms,
                 tamp::compose(ria{-1}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5}));
  });
  const std::vector<float> negative{1, -4}, large{1, 1e30f};
  auto kept = fine;
  check_error<tamp::value_error>(
      "ria: the norm of column 1 is -4, which has no finite power of 0.5",
      [&] { tamp::prune(kept, negative, recipe); });
  check_error<tamp::value_error>(
      "ria: the norm of column 1 is 1e+30, which has no finite power of 2", [&] {
        tamp::prune(kept, large,
                    tamp::compose(ria{2}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5}));
      });
  BOOST_TEST((kept == fine));
  // The share of a weight in an infinite sum would be none.
  const matrix<float> wide{{1, 1}, {3e38f, 3e38f}}, high{{3e38f, 1}, {3e38f, 1}};
  check_error<tamp::value_error>("ria: the weights of row 1 are too large to be summed",
                                 [&] { tamp::select(wide, norms, recipe); });
  check_error<tamp::value_error>("ria: the weights of column 0 are too large to be summed",
                                 [&] { tamp::select(high, norms, recipe); });
  BOOST_TEST(tamp::select(as<double>(high), norms, recipe).count() == 2u);
  check_error<tamp::shape_error>("select: the weight has 2 columns, the statistics cover 3",
                                 [&] { tamp::select(fine, std::vector<float>(3), recipe); });
}

BOOST_AUTO_TEST_SUITE_END()
