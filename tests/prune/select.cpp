#include <tamp/prune/select.hpp>

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/recipes.hpp"
#include "../support/tensors.hpp"
#include "../support/thorough.hpp"

BOOST_AUTO_TEST_SUITE(prune_select)

using support::infinity;
using support::matrix;
using support::not_a_number;
using tamp::compose;
using tamp::allocate::uniform;
using tamp::mask::bitmask;
using tamp::pattern::n_of_m;
using tamp::pattern::per_row;
using tamp::pattern::per_tensor;
using tamp::score::magnitude;
using tamp::score::wanda;
using tamp::stat::column_norm;

namespace {

std::string printed(const bitmask& keep) {
  std::ostringstream out;
  out << keep;
  return out.str();
}

// A user's score, in double whatever the weight is; a parameter, no label.
struct squared_output {
  using role = tamp::role::score;
  using needs = column_norm;
  double power = 2;
  double operator()(double weight, float norm) const noexcept {
    return std::pow(std::abs(weight) * norm, power);
  }
};

// 0 / 0 for a weight of zero.
struct inverse_of_inverse {
  using role = tamp::role::score;
  float operator()(float weight) const noexcept { return weight / weight * weight; }
};

struct no_sparsities {
  using role = tamp::role::allocate;
  std::vector<double> operator()(std::span<const std::size_t>) const { return {}; }
};

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // |W| is 4 1 2 3 / 0.5 8 7 3; times norms 1 10 0 2 it is 4 10 0 6 / 0.5 80 0 6.
  const matrix<float> weight{{4, -1, 2, -3}, {0.5f, -8, -7, 3}};
  const std::vector<float> norms{1, 10, 0, 2};
  BOOST_TEST(printed(tamp::select(weight, compose(magnitude{}, per_row{}, uniform{0.5}))) ==
             "#..#\n.##.\n");
  BOOST_TEST(printed(tamp::select(weight, norms, compose(wanda{}, per_row{}, uniform{0.5}))) ==
             ".#.#\n.#.#\n");
  BOOST_TEST(printed(tamp::select(weight, norms, compose(wanda{}, per_row{}, uniform{0.25}))) ==
             "##.#\n##.#\n");
  BOOST_TEST(printed(tamp::select(weight, norms, compose(wanda{}, per_tensor{}, uniform{0.5}))) ==
             ".#.#\n.#.#\n");
  BOOST_TEST(printed(tamp::select(weight, norms, compose(wanda{}, n_of_m<1, 2>{}))) ==
             ".#.#\n.#.#\n");
  BOOST_TEST((weight == matrix<float>{{4, -1, 2, -3}, {0.5f, -8, -7, 3}}));
}

BOOST_AUTO_TEST_CASE(a_statistic_is_an_accumulator_or_its_numbers) {
  const auto weight = support::random_matrix(5, 6, 1);
  const auto x = support::random_matrix(9, 6, 2);
  column_norm norms;
  norms.add(x);
  const auto recipe = compose(wanda{}, per_row{}, uniform{0.5});
  const auto keep = tamp::select(weight, norms, recipe);
  const std::vector<float> values = norms.values();
  std::array<float, 6> fixed{};
  std::copy(values.begin(), values.end(), fixed.begin());
  BOOST_TEST(tamp::select(weight, values, recipe) == keep);
  BOOST_TEST(tamp::select(weight, fixed, recipe) == keep);
  BOOST_TEST(tamp::select(weight, std::span(values), recipe) == keep);
  BOOST_TEST(tamp::select(support::one_thread, weight, std::span(fixed), recipe) == keep);
}

BOOST_AUTO_TEST_CASE(a_statistic_that_is_not_needed_is_ignored) {
  const auto weight = support::random_matrix(5, 6, 1);
  const auto recipe = compose(magnitude{}, per_row{}, uniform{0.5});
  BOOST_TEST(tamp::select(weight, column_norm(), recipe) == tamp::select(weight, recipe));
  BOOST_TEST(tamp::select(support::one_thread, weight, recipe) == tamp::select(weight, recipe));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(type_layout_and_threads_make_no_difference, T,
                              decltype(std::tuple<float, double, tamp::f16, tamp::bf16>{})) {
  std::size_t k = 0;
  for (const auto& numbers :
       {support::random_matrix(19, 70, 1), support::matrix_of_ties(19, 70, 2)}) {
    const auto weight = support::as<T>(numbers);
    const auto norms = support::random_norms(70, 3);
    support::for_each_recipe(0.55, [&](const auto& recipe, const auto& expected) {
      const bitmask keep = expected(weight, norms);
      for (const auto& exec : support::every_executor)
        support::in_every_layout(
            weight, [&](auto m) { BOOST_TEST(tamp::select(exec, m, norms, recipe) == keep); },
            [&] { return support::is_run(k++, 13); });
    });
  }
}

BOOST_AUTO_TEST_CASE(a_row_tensor_is_selected_like_its_numbers) {
  const support::readable_rows rows{support::matrix_of_ties(19, 70, 2)};
  const auto norms = support::random_norms(70, 3);
  support::for_each_recipe(0.55, [&](const auto& recipe, const auto& expected) {
    for (const auto& exec : support::every_executor)
      BOOST_TEST(tamp::select(exec, rows, norms, recipe) == expected(rows.numbers, norms));
  });
}

BOOST_AUTO_TEST_CASE(openmp_is_one_executor_among_others) {
  const auto weight = support::matrix_of_ties(19, 70, 2);
  const auto recipe = compose(magnitude{}, per_tensor{}, uniform{0.55});
  const auto expected = support::per_tensor_by_sorting(support::magnitudes(weight), 0.55);
  BOOST_TEST(tamp::select(weight, recipe) == expected);
  for (const int threads : {1, 2, 3, 8})
    BOOST_TEST(tamp::select(tamp::execute::openmp{threads, 0}, weight, recipe) == expected);
}

BOOST_AUTO_TEST_CASE(a_users_score_takes_part) {
  const auto weight = support::random_matrix(9, 40, 5);
  const auto norms = support::random_norms(40, 6);
  const auto keep = tamp::select(weight, norms, compose(squared_output{}, per_row{}, uniform{0.5}));
  // Squaring keeps the order, and in double no two of these scores become equal.
  const auto in_double = support::magnitudes(support::as<double>(weight), norms);
  BOOST_TEST(keep == support::per_row_by_sorting(in_double, 0.5));
  BOOST_TEST(tamp::select(weight, norms, compose(squared_output{0}, per_row{}, uniform{0.5})) ==
             support::per_row_by_sorting(matrix<double>(9, 40, 1.0), 0.5));
}

BOOST_AUTO_TEST_CASE(scores_may_overflow_to_infinity) {
  const float huge = std::numeric_limits<float>::max();
  const matrix<float> weight{{huge, 1, huge, -huge}};
  const std::vector<float> norms{huge, 1, 2, 0};
  // inf 1 inf 0: of the two infinities the left one goes first.
  BOOST_TEST(printed(tamp::select(weight, norms, compose(wanda{}, per_row{}, uniform{0.75}))) ==
             "..#.\n");
  BOOST_TEST(printed(tamp::select(weight, norms, compose(wanda{}, per_tensor{}, uniform{0.5}))) ==
             "#.#.\n");
  BOOST_TEST(printed(tamp::select(weight, norms, compose(wanda{}, n_of_m<1, 4>{}))) == "..#.\n");
}

BOOST_AUTO_TEST_CASE(dead_inputs_go_first) {
  const auto weight = support::random_matrix(9, 40, 7);
  std::vector<float> norms(40, 1.0f);
  norms[3] = norms[17] = norms[39] = 0;
  const auto keep = tamp::select(weight, norms, compose(wanda{}, per_row{}, uniform{0.1}));
  for (std::size_t i = 0; i < 9; ++i) {
    BOOST_TEST(!keep(i, 3));
    BOOST_TEST(!keep(i, 17));
    BOOST_TEST(!keep(i, 39));
  }
  // All dead: every score is zero, and the leftmost half goes.
  const auto none =
      tamp::select(weight, std::vector<float>(40, 0.0f), compose(wanda{}, per_row{}, uniform{0.5}));
  BOOST_TEST(none == support::per_row_by_sorting(matrix<float>(9, 40), 0.5));
}

BOOST_AUTO_TEST_CASE(a_weight_without_elements_gives_a_mask_without_elements) {
  support::for_each_recipe(0.5, [&](const auto& recipe, const auto&) {
    for (const auto& exec : support::every_executor) {
      BOOST_TEST(tamp::select(exec, tamp::matrix_view<float>(nullptr, 0, 3), std::vector<float>(3),
                              recipe) == bitmask(0, 3));
      BOOST_TEST(tamp::select(exec, tamp::matrix_view<float>(nullptr, 3, 0), std::vector<float>(),
                              recipe) == bitmask(3, 0));
      BOOST_TEST(tamp::select(exec, support::readable_rows{matrix<float>(3, 0)},
                              std::vector<float>(), recipe) == bitmask(3, 0));
    }
  });
}

BOOST_AUTO_TEST_CASE(a_broadcast_weight_may_be_read) {
  std::vector<float> numbers{3, 1, 2, 4};
  const tamp::matrix_view<float> same_row(numbers.data(), 3, 4, 0, 1);
  BOOST_TEST(printed(tamp::select(same_row, compose(magnitude{}, per_row{}, uniform{0.5}))) ==
             "#..#\n#..#\n#..#\n");
}

BOOST_AUTO_TEST_CASE(weights_that_are_not_finite_are_refused_by_row_and_column) {
  matrix<float> weight = support::random_matrix(6, 70, 1);
  weight(5, 0) = infinity;
  weight(4, 66) = not_a_number;
  weight(4, 69) = infinity;
  const std::vector<float> norms(70, 1.0f);
  support::for_each_recipe(0.5, [&](const auto& recipe, const auto&) {
    for (const auto& exec : support::every_executor) {
      support::in_every_layout(weight, [&](auto m) {
        support::check_error<tamp::value_error>("select: the weight in row 4, column 66 is nan",
                                                [&] { tamp::select(exec, m, norms, recipe); });
      });
      const support::readable_rows rows{weight};
      support::check_error<tamp::value_error>("select: the weight in row 4, column 66 is nan",
                                              [&] { tamp::select(exec, rows, norms, recipe); });
    }
  });
  weight(4, 66) = 0;
  const auto half = support::as<tamp::f16>(weight);
  const auto recipe = compose(magnitude{}, per_tensor{}, uniform{0});
  support::check_error<tamp::value_error>("select: the weight in row 4, column 69 is inf",
                                          [&] { tamp::select(half, recipe); });
  weight(4, 69) = 0;
  weight(5, 0) = -infinity;
  support::check_error<tamp::value_error>("select: the weight in row 5, column 0 is -inf",
                                          [&] { tamp::select(weight, recipe); });
}

BOOST_AUTO_TEST_CASE(a_weight_is_refused_even_if_nothing_or_everything_goes) {
  matrix<float> weight(2, 3, 1.0f);
  weight(1, 2) = not_a_number;
  for (const double sparsity : {0.0, 1.0}) {
    const auto refused = [&](const auto& recipe) {
      support::check_error<tamp::value_error>("select: the weight in row 1, column 2 is nan",
                                              [&] { tamp::select(weight, recipe); });
    };
    refused(compose(magnitude{}, per_row{}, uniform{sparsity}));
    refused(compose(magnitude{}, per_tensor{}, uniform{sparsity}));
  }
}

BOOST_AUTO_TEST_CASE(a_score_that_is_not_a_number_is_refused) {
  matrix<float> weight(4, 3, 1.0f);
  weight(2, 1) = -0.0f;
  weight(3, 0) = 0;
  for (const auto& exec : support::every_executor)
    support::check_error<tamp::value_error>(
        "select: the score custom of the weight in row 2, column 1, which is -0, is not a number",
        [&] {
          tamp::select(exec, weight, compose(inverse_of_inverse{}, per_row{}, uniform{0.5}));
        });
}

BOOST_AUTO_TEST_CASE(statistics_of_another_width_are_refused_with_both_numbers) {
  const matrix<float> weight(2, 4, 1.0f);
  const auto recipe = compose(wanda{}, n_of_m<2, 4>{});
  support::check_error<tamp::shape_error>(
      "select: the weight has 4 columns, the statistics cover 3",
      [&] { tamp::select(weight, std::vector<float>(3, 1.0f), recipe); });
  column_norm norms;
  norms.add(matrix<float>(2, 5, 1.0f));
  support::check_error<tamp::shape_error>(
      "select: the weight has 4 columns, the statistics cover 5",
      [&] { tamp::select(weight, norms, recipe); });
  support::check_error<tamp::shape_error>(
      "select: the weight has 0 columns, the statistics cover 5",
      [&] { tamp::select(matrix<float>(2, 0), norms, recipe); });
}

BOOST_AUTO_TEST_CASE(statistics_that_have_seen_nothing_are_refused) {
  const matrix<float> weight(2, 4, 1.0f);
  const auto recipe = compose(wanda{}, per_row{}, uniform{0.5});
  constexpr auto sentence = "select: the statistics have seen no activations";
  support::check_error<tamp::value_error>(sentence,
                                          [&] { tamp::select(weight, column_norm(), recipe); });
  support::check_error<tamp::value_error>(sentence,
                                          [&] { tamp::select(weight, column_norm(4), recipe); });
  column_norm no_token;
  no_token.add(matrix<float>(0, 4));
  support::check_error<tamp::value_error>(sentence,
                                          [&] { tamp::select(weight, no_token, recipe); });
}

BOOST_AUTO_TEST_CASE(a_sparsity_outside_of_0_to_1_is_refused) {
  const matrix<float> weight(2, 4, 1.0f);
  const auto refused = [&](double sparsity, const std::string& number) {
    support::check_error<tamp::value_error>(
        "a sparsity is a fraction in [0, 1], not " + number,
        [&] { tamp::select(weight, compose(magnitude{}, per_row{}, uniform{sparsity})); });
    support::check_error<tamp::value_error>(
        "a sparsity is a fraction in [0, 1], not " + number,
        [&] { tamp::select(weight, compose(magnitude{}, per_tensor{}, uniform{sparsity})); });
  };
  refused(-0.1, "-0.1");
  refused(1.1, "1.1");
  refused(50, "50");
  refused(std::numeric_limits<double>::quiet_NaN(), "nan");
  refused(-std::numeric_limits<double>::infinity(), "-inf");
}

BOOST_AUTO_TEST_CASE(an_allocation_that_gives_no_sparsity_is_refused) {
  support::check_error<tamp::shape_error>("the allocation gave 0 sparsities for 1 layer", [] {
    tamp::select(matrix<float>(2, 4, 1.0f), compose(magnitude{}, per_row{}, no_sparsities{}));
  });
}

BOOST_AUTO_TEST_CASE(what_a_hosts_reader_throws_comes_out) {
  struct broken_file {
    std::size_t rows() const { return 9; }
    std::size_t cols() const { return 4; }
    void read_row(std::size_t i, std::span<float> out) const {
      if (i == 7) throw std::out_of_range("row 7");
      std::fill(out.begin(), out.end(), 1.0f);
    }
  };
  for (const auto& exec : support::every_executor)
    BOOST_CHECK_THROW(
        tamp::select(exec, broken_file{}, compose(magnitude{}, per_tensor{}, uniform{0.5})),
        std::out_of_range);
}

BOOST_AUTO_TEST_CASE(long_extents_without_elements_give_such_a_mask_at_once) {
  constexpr std::size_t large = std::size_t{1} << 62;
  const auto check = [&](const auto& recipe) {
    for (const auto& exec : support::every_executor) {
      BOOST_TEST(tamp::select(exec, tamp::matrix_view<float>(nullptr, 0, large), recipe) ==
                 bitmask(0, large));
      BOOST_TEST(tamp::select(exec, tamp::matrix_view<float>(nullptr, large, 0), recipe) ==
                 bitmask(large, 0));
    }
  };
  check(compose(magnitude{}, per_row{}, uniform{0.5}));
  check(compose(magnitude{}, per_tensor{}, uniform{0.5}));
  check(compose(magnitude{}, n_of_m<2, 4>{}));
}

BOOST_AUTO_TEST_CASE(a_weight_that_no_memory_is_behind_is_refused) {
  const auto recipe = compose(magnitude{}, per_row{}, uniform{0.5});
  support::check_error<tamp::shape_error>("tensor: 2 x 4 elements lie at a null pointer", [&] {
    (void)tamp::select(tamp::matrix_view<float>(nullptr, 2, 4), recipe);
  });
  support::check_error<tamp::shape_error>("tensor: 1 x 4 elements lie at a null pointer", [&] {
    (void)tamp::select(std::span<const float>(static_cast<const float*>(nullptr), 4), recipe);
  });
}

namespace {

// A tensor that states any extents.
template <class Extent>
struct stated_extents {
  Extent rows_, cols_;
  Extent rows() const { return rows_; }
  Extent cols() const { return cols_; }
  void read_row(std::size_t, std::span<float> out) const {
    std::fill(out.begin(), out.end(), 1.0f);
  }
  void zero(std::size_t, std::span<const std::uint64_t>) const {}
};

}  // namespace

BOOST_AUTO_TEST_CASE(extents_that_no_tensor_has_are_refused) {
  const auto recipe = compose(magnitude{}, n_of_m<2, 4>{});
  const auto check = [&](std::string_view sentence, const auto& weight) {
    support::check_error<tamp::shape_error>(sentence, [&] { (void)tamp::select(weight, recipe); });
  };
  check("tensor: there cannot be -1 rows", stated_extents<int>{-1, 4});
  check("bitmask: 1125899906842624 numbers of 8 bytes are more than memory can hold",
        stated_extents<std::size_t>{std::size_t{1} << 50, 4});
  BOOST_TEST(tamp::select(stated_extents<short>{2, 4}, recipe) ==
             tamp::select(matrix<float>(2, 4, 1.0f), recipe));
}

BOOST_AUTO_TEST_SUITE_END()
