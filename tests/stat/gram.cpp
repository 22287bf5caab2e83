#include <tamp/stat/gram.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>
#include <tamp/prune/observe.hpp>
#include <tuple>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"
#include "../support/weights.hpp"

BOOST_AUTO_TEST_SUITE(stat_gram)

using support::check_error;
using support::matrix;
using tamp::stat::gram;

BOOST_AUTO_TEST_CASE(by_hand) {
  gram g;
  g.add(matrix<float>{{1, 2}, {3, 4}});
  g.add(matrix<float>{{0, -1}});
  const double expected[2][2] = {{10, 14}, {14, 21}};
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 2; ++j) BOOST_TEST(g.matrix()(i, j) == expected[i][j]);
  BOOST_TEST(g.diagonal() == (std::vector<double>{10, 21}), boost::test_tools::per_element());
  BOOST_TEST(g.features() == 2u);
  BOOST_TEST(g.count() == 2u);
  BOOST_TEST(g.tokens() == 3u);
}

BOOST_AUTO_TEST_CASE(an_empty_one_covers_nothing_and_merges_with_anything) {
  gram g;
  BOOST_TEST(g.tokens() == 0u);
  BOOST_TEST(g.matrix().size() == 0u);
  const auto other = tamp::observe<gram>(matrix<float>{{1, 2}});
  BOOST_TEST((g.combine(other) == other));
  BOOST_TEST((g.combine(gram()) == other));
}

BOOST_AUTO_TEST_CASE(a_batch_without_tokens_sets_the_features_alone) {
  gram g;
  g.add(matrix<float>(0, 3));
  BOOST_TEST(g.features() == 3u);
  BOOST_TEST(g.tokens() == 0u);
  BOOST_TEST(g.matrix()(2, 2) == 0.0);
}

BOOST_AUTO_TEST_CASE(it_is_the_product_in_every_layout_on_every_executor) {
  const auto x = support::random_matrix(600, 19, 5);  // more than two batches of tokens
  gram expected;
  expected.add(support::one_thread, x);
  for (std::size_t i = 0; i < 19; ++i)
    for (std::size_t j = 0; j < 19; ++j) {
      double sum = 0;
      for (std::size_t t = 0; t < 600; ++t) sum += double(x(t, i)) * double(x(t, j));
      BOOST_TEST(std::abs(expected.matrix()(i, j) - sum) <= 1e-10);
    }
  for (const auto& exec : support::every_executor)
    support::in_every_layout(x, [&](auto view) {
      gram g;
      g.add(exec, view);
      BOOST_TEST((g == expected));
    });
}

BOOST_AUTO_TEST_CASE(parts_add_up_to_the_whole_to_rounding) {
  const auto first = support::random_matrix(30, 6, 1), second = support::random_matrix(12, 6, 2);
  gram one, other, whole;
  one.add(first);
  other.add(second);
  whole.add(first).add(second);
  gram merged = other;
  merged.combine(one);
  BOOST_TEST(merged.count() == whole.count());
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < 6; ++j)
      BOOST_TEST(std::abs(merged.matrix()(i, j) - whole.matrix()(i, j)) < 1e-12);
}

BOOST_AUTO_TEST_CASE(bad_input_is_refused_and_nothing_is_added) {
  auto g = tamp::observe<gram>(matrix<float>{{1, 2, 3}});
  const gram before = g;
  check_error<tamp::shape_error>(
      "gram: a batch of activations has 2 features, the statistics cover 3",
      [&] { g.add(matrix<float>{{1, 2}}); });
  check_error<tamp::shape_error>(
      "gram: the statistics to combine cover 2 features, the statistics cover 3",
      [&] { g.combine(tamp::observe<gram>(matrix<float>{{1, 2}})); });
  check_error<tamp::value_error>("gram: the activation of token 1, feature 2 is nan", [&] {
    g.add(matrix<float>{{1, 2, 3}, {1, 2, support::not_a_number}});
  });
  check_error<tamp::value_error>("gram: a batch of activations needs a count above 0",
                                 [&] { g.add(matrix<float>{{1, 2, 3}}, 0); });
  BOOST_TEST((g == before));
}

BOOST_AUTO_TEST_CASE(fields_that_contradict_each_other_are_refused) {
  auto g = tamp::observe<gram>(matrix<float>{{1, 2}});
  g.validate();
  const auto with = [&](auto change) {
    gram broken = g;
    gram::fields(broken, [&](std::string_view name, auto& value) { change(name, value); });
    broken.validate();
  };
  check_error<tamp::value_error>("gram: 4 sums for 3 features", [&] {
    with([](std::string_view name, auto& value) {
      if constexpr (requires { value = 3u; })
        if (name == "features") value = 3;
    });
  });
  check_error<tamp::value_error>("gram: the sum for features 1 and 1 is -1", [&] {
    with([](std::string_view, auto& value) {
      if constexpr (requires { value.back(); }) value.back() = -1;
    });
  });
  check_error<tamp::value_error>("gram: the sums for features 0 and 1 are 2 and 2.5", [&] {
    with([](std::string_view, auto& value) {
      if constexpr (requires { value.back(); }) value[2] = 2.5;
    });
  });
  check_error<tamp::value_error>(
      "gram: the sum for features 0 and 1 is 5, and no feature has one as large with itself", [&] {
        with([](std::string_view, auto& value) {
          if constexpr (requires { value.back(); }) value[1] = value[2] = 5;
        });
      });
  check_error<tamp::value_error>("gram: 1 tokens were seen in no sample", [&] {
    with([](std::string_view name, auto& value) {
      if constexpr (requires { value = 3u; })
        if (name == "count") value = 0;
    });
  });
}

BOOST_AUTO_TEST_CASE(sums_that_overflow_are_refused_and_nothing_is_added) {
  const auto refuses = [](gram& seen, const matrix<double>& x, std::string_view features) {
    const gram before = seen;
    support::check_error<tamp::value_error>(
        tamp::detail::sentence("gram: the products of features ", features,
                               " are too large to be summed"),
        [&] { seen.add(x); });
    BOOST_TEST((seen == before));
  };
  gram seen;
  refuses(seen, {{1, 1e200}}, "1 and 1");
  refuses(seen, {{1e200, 1e200}}, "0 and 0");
  refuses(seen, {{1e200, -1e200}}, "0 and 0");
  seen.add(matrix<double>{{1.2e154, 1.2e154}});  // 1.44e308
  BOOST_TEST(seen.matrix()(0, 1) == 1.2e154 * 1.2e154);
  refuses(seen, {{1.2e154, 1}}, "0 and 0");
  refuses(seen, {{0, 1.2e154}, {1, 2}}, "1 and 1");
  const gram other = seen;
  support::check_error<tamp::value_error>(
      "gram: the products of features 0 and 0 are too large to be summed",
      [&] { seen.combine(other); });
  BOOST_TEST((seen == other));
  seen.add(matrix<double>{{1, 2}});
  seen.validate();
  BOOST_TEST(seen.tokens() == 2u);
}

BOOST_AUTO_TEST_CASE(rows_that_cannot_be_read_leave_it_as_it_was) {
  // The tensor fails in its second batch, once it has been looked at as a whole.
  struct failing {
    mutable std::size_t left;
    std::size_t rows() const { return 300; }
    std::size_t cols() const { return 2; }
    void read_row(std::size_t, std::span<float> out) const {
      if (left-- == 0) throw tamp::value_error("the disk is gone");
      std::fill(out.begin(), out.end(), 1.0f);
    }
  };
  gram seen;
  seen.add(matrix<float>{{1, 2}});
  const gram before = seen;
  for (const std::size_t left : {0u, 299u, 300u, 570u})
    support::check_error<tamp::value_error>("the disk is gone", [&] { seen.add(failing{left}); });
  BOOST_TEST((seen == before));
  gram none;
  support::check_error<tamp::value_error>("the disk is gone", [&] { none.add(failing{570}); });
  BOOST_TEST((none == gram()));
}

BOOST_AUTO_TEST_CASE(weights_by_hand) {
  gram g;
  g.add(matrix<float>{{1, 2}, {support::not_a_number, 5}, {3, -4}},
        std::vector<double>{4, 0, 0.25});
  const double expected[2][2] = {{6.25, 5}, {5, 20}};
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 2; ++j) BOOST_TEST(g.matrix()(i, j) == expected[i][j]);
  BOOST_TEST(g.tokens() == 2u);
  BOOST_TEST(g.count() == 1u);
  g.add(matrix<float>{{1, 1}}, std::vector<double>{1}, 4);
  BOOST_TEST(g.count() == 5u);
}

BOOST_AUTO_TEST_CASE(the_weighted_product_is_that_of_the_definition_and_symmetric) {
  const auto x = support::random_matrix(600, 19, 5);
  const auto weights = support::random_weights(600, 6);
  gram expected;
  expected.add(support::one_thread, x, weights);
  for (std::size_t i = 0; i < 19; ++i)
    for (std::size_t j = 0; j < 19; ++j) {
      double sum = 0;
      for (std::size_t t = 0; t < 600; ++t) sum += weights[t] * double(x(t, i)) * double(x(t, j));
      BOOST_TEST(std::abs(expected.matrix()(i, j) - sum) <= 1e-10);
      BOOST_TEST(expected.matrix()(i, j) == expected.matrix()(j, i));
    }
  for (const auto& exec : support::every_executor) {
    support::in_every_layout(x, [&](auto view) {
      gram g;
      g.add(exec, view, weights);
      BOOST_TEST((g == expected));
    });
    gram g;
    BOOST_TEST((g.add(exec, support::readable_rows{x}, weights) == expected));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(weights_of_one_and_zero_have_the_bits_of_the_rows_of_weight_one, T,
                              decltype(std::tuple<float, double, tamp::f16, tamp::bf16>{})) {
  const auto x = support::as<T>(support::random_matrix(700, 21, 7));
  const std::vector<double> ones(700, 1.0);
  const auto weights = support::random_choice_of_tokens(700, 8);
  const auto broken = support::broken_where_weight_is_zero(x, weights);
  gram all, chosen;
  all.add(x, 2);
  chosen.add(support::rows_with_weight(x, weights), 2);
  for (const auto& exec :
       {support::any_executor{1}, support::any_executor{3}, support::any_executor{0}}) {
    support::in_every_layout(x, [&](auto view) {
      gram g;
      BOOST_TEST((g.add(exec, view, ones, 2) == all));
    });
    support::in_every_layout(broken, [&](auto view) {
      gram g;
      BOOST_TEST((g.add(exec, view, weights, 2) == chosen));
    });
  }
}

BOOST_AUTO_TEST_CASE(a_batch_in_which_no_token_counts_is_a_sequence_without_tokens) {
  gram g, none;
  g.add(matrix<float>(5, 2, support::not_a_number), std::vector<double>(5, 0.0));
  none.add(matrix<float>(0, 2));
  BOOST_TEST((g == none));
}

BOOST_AUTO_TEST_CASE(weights_that_are_none_are_refused_and_nothing_is_added) {
  const matrix<double> x{{1, 2}, {3, 4}, {5, support::not_a_number}};
  auto g = tamp::observe<gram>(matrix<float>{{1, 2}});
  const gram before = g;
  const auto refuses = [&](const char* sentence, const std::vector<double>& weights) {
    check_error<tamp::value_error>(sentence, [&] { g.add(x, weights); });
    BOOST_TEST((g == before));
  };
  refuses("gram: the weight of token 1 is -1", {1, -1, 0});
  refuses("gram: the weight of token 2 is nan", {1, 1, support::not_a_number});
  refuses("gram: the weight of token 0 is inf", {support::infinity, 1, 0});
  refuses("gram: the activation of token 2, feature 1 is nan", {0, 1, 1e-300});
  refuses("gram: the products of features 1 and 1 are too large to be summed", {0, 1.2e307, 0});
  check_error<tamp::shape_error>("gram: the weights cover 2 tokens, there are 3",
                                 [&] { g.add(x, std::vector<double>{1, 1}); });
  check_error<tamp::shape_error>("gram: 3 weights lie at a null pointer", [&] {
    g.add(x, std::span<const double>(static_cast<const double*>(nullptr), 3));
  });
  BOOST_TEST((g == before));
  // Large weights of small numbers are no reason to refuse them.
  g.add(x, std::vector<double>{1e300, 0, 0});
  BOOST_TEST(g.matrix()(1, 1) == 4e300, boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(sizes_that_wrap_are_refused) {
  constexpr std::size_t large = std::size_t{1} << 62;
  support::check_error<tamp::shape_error>(
      "gram: 4611686018427387904 x 4611686018427387904 numbers of 8 bytes are more than memory can "
      "hold",
      [] { gram().add(tamp::matrix_view<float>(nullptr, 0, large)); });
  support::check_error<tamp::shape_error>(
      "gram: 4294967296 x 4294967296 numbers of 8 bytes are more than memory can hold",
      [] { gram().add(tamp::matrix_view<float>(nullptr, 0, std::size_t{1} << 32)); });
  support::check_error<tamp::shape_error>("tensor: 2 x 3 elements lie at a null pointer", [] {
    gram().add(tamp::matrix_view<float>(nullptr, 2, 3));
  });
  gram seen;
  seen.add(tamp::matrix_view<float>(nullptr, large, 0));
  BOOST_TEST(seen.tokens() == large);
  seen.add(tamp::matrix_view<float>(nullptr, large, 0))
      .add(tamp::matrix_view<float>(nullptr, large, 0));
  support::check_error<tamp::value_error>(
      "gram: 13835058055282163712 and 4611686018427387904 together are too large to be counted",
      [&] { seen.add(tamp::matrix_view<float>(nullptr, large, 0)); });
}

BOOST_AUTO_TEST_SUITE_END()
