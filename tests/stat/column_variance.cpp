#include <tamp/stat/column_variance.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <tamp/prune/observe.hpp>
#include <tamp/stat/concepts.hpp>
#include <tamp/stat/pairwise.hpp>
#include <tuple>
#include <type_traits>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"
#include "../support/weights.hpp"

BOOST_AUTO_TEST_SUITE(stat_column_variance)

using support::check_error;
using support::infinity;
using support::matrix;
using support::not_a_number;
using tamp::stat::column_variance;

static_assert(tamp::stat::statistic<column_variance>);

namespace {

using numbers = std::vector<double>;

// The definition, feature after feature.
template <class T>
void check_definition(const column_variance& seen, const matrix<T>& x, const numbers& weights,
                      double tolerance = 1e-13) {
  const numbers means = seen.means(), variances = seen.variances();
  double total = 0, squared = 0;
  for (const double weight : weights) total += weight, squared += weight * weight;
  for (std::size_t j = 0; j < x.cols(); ++j) {
    double sum = 0, squares = 0;
    for (std::size_t t = 0; t < x.rows(); ++t)
      if (weights[t] != 0) sum += weights[t] * double(x(t, j));
    const double mean = sum / total;
    for (std::size_t t = 0; t < x.rows(); ++t)
      if (weights[t] != 0) squares += weights[t] * std::pow(double(x(t, j)) - mean, 2);
    const double variance = squares / (total - squared / total);
    BOOST_TEST(std::abs(means[j] - mean) <= tolerance * (std::abs(mean) + std::sqrt(variance)));
    BOOST_TEST(variances[j] == variance, boost::test_tools::tolerance(tolerance));
  }
}

bool close(const column_variance& a, const column_variance& b, double tolerance = 1e-12) {
  bool same = a.features() == b.features() && a.count() == b.count() && a.tokens() == b.tokens();
  const numbers m = a.means(), n = b.means(), v = a.variances(), w = b.variances();
  for (std::size_t j = 0; same && j < a.features(); ++j)
    same = std::abs(m[j] - n[j]) <= tolerance * (std::abs(m[j]) + std::sqrt(v[j])) &&
           std::abs(v[j] - w[j]) <= tolerance * v[j];
  return same;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // 1, 3, 8 have the mean 4 and the squared deviations 9 + 1 + 16, divided by 2.
  column_variance seen;
  seen.add(matrix<float>{{1, 5}, {3, 5}, {8, 5}});
  BOOST_TEST(seen.means() == (numbers{4, 5}), boost::test_tools::per_element());
  BOOST_TEST(seen.variances() == (numbers{13, 0}), boost::test_tools::per_element());
  BOOST_TEST(seen.features() == 2u);
  BOOST_TEST(seen.tokens() == 3u);
  BOOST_TEST(seen.count() == 1u);
  // With -4: mean 2, and 1 + 1 + 36 + 36 divided by 3. The count is no part of it.
  seen.add(matrix<float>{{-4, 5}}, 7);
  BOOST_TEST(seen.means()[0] == 2.0);
  BOOST_TEST(seen.variances()[0] == 74.0 / 3, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(seen.variances()[1] == 0.0);
  BOOST_TEST(seen.tokens() == 4u);
  BOOST_TEST(seen.count() == 8u);
}

BOOST_AUTO_TEST_CASE(weights_by_hand) {
  // Mean (4 * 1 + 1 * 6) / 5 = 2; squared deviations 4 * 1 + 1 * 16 = 20; divisor 5 - 17 / 5.
  column_variance seen;
  seen.add(matrix<float>{{1}, {not_a_number}, {6}}, numbers{4, 0, 1});
  BOOST_TEST(seen.means()[0] == 2.0);
  BOOST_TEST(seen.variances()[0] == 12.5, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(seen.tokens() == 2u);
}

BOOST_AUTO_TEST_CASE(before_anything_is_seen_and_with_one_token_there_is_no_variance) {
  BOOST_TEST(column_variance().features() == 0u);
  BOOST_TEST(column_variance().means().empty());
  BOOST_TEST((column_variance(2).variances() == numbers{0, 0}));
  column_variance seen(2);
  seen.add(matrix<float>{{3, -1}});
  BOOST_TEST((seen.means() == numbers{3, -1}));
  BOOST_TEST((seen.variances() == numbers{0, 0}));
  seen.add(matrix<float>{{3, -1}}, numbers{0.0});
  BOOST_TEST((seen.variances() == numbers{0, 0}));
  BOOST_TEST(seen.tokens() == 1u);
}

BOOST_AUTO_TEST_CASE(batches_without_tokens_or_features_are_counted) {
  column_variance seen;
  seen.add(matrix<float>(0, 2)).add(matrix<float>(3, 2, not_a_number), numbers(3, 0.0));
  BOOST_TEST(seen.features() == 2u);
  BOOST_TEST(seen.count() == 2u);
  BOOST_TEST(seen.tokens() == 0u);
  seen.validate();
  column_variance empty;
  empty.add(matrix<float>(5, 0));
  BOOST_TEST(empty.tokens() == 5u);
  constexpr std::size_t large = std::size_t{1} << 62;
  column_variance many;
  many.add(tamp::matrix_view<float>(nullptr, large, 0));
  BOOST_TEST(many.tokens() == large);
  many.validate();
  check_error<tamp::shape_error>(
      "column_variance: 4611686018427387904 numbers of 8 bytes are more than memory can hold",
      [&] { column_variance().add(tamp::matrix_view<float>(nullptr, 0, large)); });
}

BOOST_AUTO_TEST_CASE(it_is_the_definition_for_any_split_into_calls) {
  for (const std::size_t cols : {1u, 64u, 70u}) {
    const auto x = support::random_matrix(45, cols, 1);
    const auto weights = support::random_weights(45, 2);
    const numbers ones(45, 1.0);
    column_variance whole, weighted;
    whole.add(x);
    weighted.add(x, weights);
    check_definition(whole, x, ones);
    check_definition(weighted, x, weights);
    for (const std::size_t size : {1u, 7u, 8u, 9u, 44u}) {
      column_variance parts, weighted_parts;
      for (std::size_t first = 0; first < 45; first += size) {
        const std::size_t count = (std::min)(size, 45 - first);
        const tamp::matrix_view<const float> part(x.data() + first * cols, count, cols);
        const auto own = std::span(weights).subspan(first, count);
        parts.add(part);
        weighted_parts.add(part, own);
      }
      BOOST_TEST(parts.tokens() == 45u);
      check_definition(parts, x, ones);
      check_definition(weighted_parts, x, weights);
    }
  }
}

BOOST_AUTO_TEST_CASE(large_offsets_do_not_cancel) {
  // Numbers near 1e8 with deviations of a few units. The mean is known to one part in 1e16, which
  // is one part in 1e8 of a deviation. Of sums of squares nothing would be left.
  const auto deviations = support::random_matrix(500, 3, 3);
  matrix<double> x(500, 3);
  for (std::size_t t = 0; t < 500; ++t)
    for (std::size_t j = 0; j < 3; ++j)
      x(t, j) = 1e8 + std::round(16 * double{deviations(t, j)}) / 16;
  column_variance seen;
  seen.add(x);
  check_definition(seen, x, numbers(500, 1.0), 1e-8);
  // An outlier in front, or far behind, or of a tiny weight.
  for (const std::size_t place : {0u, 250u, 499u}) {
    auto with = x;
    with(place, 1) = -1e12;
    numbers weights(500, 1.0);
    column_variance all;
    all.add(with);
    check_definition(all, with, weights, 1e-8);
    weights[place] = 1e-30;
    column_variance light;
    light.add(with, weights);
    check_definition(light, with, weights, 1e-7);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(equal_numbers_have_exactly_no_variance, T,
                              decltype(std::tuple<float, double, tamp::f16, tamp::bf16>{})) {
  const auto weights = support::random_weights(60, 5);
  for (const double number : {0.1, -3e4, 1e-7, 0.0}) {
    using compute = tamp::compute_type<T>;
    const T element = tamp::element_traits<T>::store(static_cast<compute>(number));
    const matrix<T> x(60, 33, element);
    column_variance seen, other;
    seen.add(x).add(x, weights);
    other.add(x, weights);
    seen.combine(other);
    const auto stored = static_cast<double>(tamp::element_traits<T>::load(element));
    BOOST_TEST((seen.means() == numbers(33, stored)));
    BOOST_TEST((seen.variances() == numbers(33, 0.0)));
  }
}

BOOST_AUTO_TEST_CASE(layout_threads_and_kind_of_tensor_make_no_difference) {
  const auto x = support::random_matrix(37, 200, 4);
  const auto weights = support::random_weights(37, 6);
  column_variance expected, weighted;
  expected.add(x, 2);
  weighted.add(x, weights, 2);
  for (const auto& exec : support::every_executor) {
    support::in_every_layout(x, [&](auto m) {
      column_variance seen, other;
      BOOST_TEST((seen.add(exec, m, 2) == expected));
      BOOST_TEST((other.add(exec, m, weights, 2) == weighted));
    });
    column_variance seen, other;
    BOOST_TEST((seen.add(exec, support::readable_rows{x}, 2) == expected));
    BOOST_TEST((other.add(exec, support::readable_rows{x}, weights, 2) == weighted));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(weights_of_one_and_zero_have_the_bits_of_the_rows_of_weight_one, T,
                              decltype(std::tuple<float, double, tamp::f16, tamp::bf16>{})) {
  const auto x = support::as<T>(support::random_matrix(70, 130, 13));
  const auto weights = support::random_choice_of_tokens(70, 14);
  const auto broken = support::broken_where_weight_is_zero(x, weights);
  column_variance all, chosen;
  all.add(x).add(x, 2);
  chosen.add(support::rows_with_weight(x, weights)).add(x, 2);
  for (const auto& exec :
       {support::any_executor{1}, support::any_executor{3}, support::any_executor{0}}) {
    support::in_every_layout(x, [&](auto m) {
      column_variance seen;
      BOOST_TEST((seen.add(exec, m, numbers(70, 1.0)).add(exec, m, 2) == all));
    });
    support::in_every_layout(broken, [&](auto m) {
      column_variance seen;
      BOOST_TEST((seen.add(exec, m, weights).add(exec, x, 2) == chosen));
    });
  }
}

BOOST_AUTO_TEST_CASE(elements_are_the_numbers_they_are) {
  const auto x = support::as<tamp::bf16>(support::random_matrix(21, 40, 5));
  column_variance seen, expected;
  seen.add(x);
  BOOST_TEST((seen == expected.add(support::as<float>(x))));
}

BOOST_AUTO_TEST_CASE(a_common_factor_of_the_weights_makes_no_difference) {
  const auto x = support::random_matrix(30, 9, 8);
  const auto weights = support::random_weights(30, 9);
  column_variance expected;
  expected.add(x, weights);
  for (const int power : {-100, -3, 100}) {
    auto scaled = weights;
    for (double& weight : scaled) weight = std::ldexp(weight, power);
    column_variance seen;
    seen.add(x, scaled);
    BOOST_TEST((seen.means() == expected.means()));
    BOOST_TEST((seen.variances() == expected.variances()));
  }
}

BOOST_AUTO_TEST_CASE(combining_is_adding_to_rounding) {
  const auto x = support::random_matrix(40, 33, 7);
  const auto weights = support::random_weights(40, 8);
  column_variance together;
  std::vector<column_variance> parts(3);
  for (std::size_t k = 0; k < 8; ++k) {
    const tamp::matrix_view<const float> part(x.data() + 5 * k * 33, 5, 33);
    if (k % 2 == 0) {
      together.add(part, k + 1);
      parts[k % 3].add(part, k + 1);
    } else {
      together.add(part, std::span(weights).subspan(5 * k, 5));
      parts[k % 3].add(part, std::span(weights).subspan(5 * k, 5));
    }
  }
  column_variance forwards, backwards;
  for (const auto& part : parts) forwards.combine(part);
  for (std::size_t k = parts.size(); k-- > 0;) backwards.combine(parts[k]);
  BOOST_TEST(close(forwards, together));
  BOOST_TEST(close(backwards, together));

  auto same = together;
  BOOST_TEST((same.combine(column_variance()) == together));
  BOOST_TEST((same.combine(column_variance(33)) == together));
  BOOST_TEST((column_variance().combine(together) == together));
  BOOST_TEST((column_variance(33).combine(together) == together));
  same.combine(same);
  BOOST_TEST(same.tokens() == 2 * together.tokens());
  for (std::size_t j = 0; j < 33; ++j)
    BOOST_TEST(std::abs(same.means()[j] - together.means()[j]) < 1e-15);
}

BOOST_AUTO_TEST_CASE(pairwise_sums_have_the_same_bits_on_any_machines) {
  using parts = tamp::stat::pairwise<column_variance>;
  parts all, first, second({}, 3);
  for (unsigned k = 0; k < 5; ++k) {
    const auto x = support::random_matrix(3 + k, 12, k);
    const auto weights = support::random_weights(3 + k, k);
    all.add(x, weights);
    (k < 3 ? first : second).add(x, weights);
  }
  BOOST_TEST((first.combine(second).total() == all.total()));
  all.validate();
}

BOOST_AUTO_TEST_CASE(bad_input_is_refused_and_nothing_is_added) {
  const matrix<double> x{{1, 2}, {3, 4}, {5, not_a_number}};
  column_variance seen;
  seen.add(matrix<float>{{1, 2}});
  const column_variance before = seen;
  const auto refuses = [&](const char* sentence, const numbers& weights) {
    check_error<tamp::value_error>(sentence, [&] { seen.add(x, weights); });
    BOOST_TEST((seen == before));
  };
  refuses("column_variance: the weight of token 1 is -1", {1, -1, 0});
  refuses("column_variance: the weight of token 2 is nan", {1, 1, not_a_number});
  refuses("column_variance: the weight of token 0 is inf", {infinity, 1, 0});
  refuses("column_variance: the activation of token 2, feature 1 is nan", {0, 1, 1e-300});
  refuses("column_variance: the weights of the tokens are too large to be multiplied",
          {1e200, 1e200, 0});
  refuses("column_variance: the weights of the tokens are too large to be multiplied",
          {1.7e308, 1.7e308, 0});
  refuses("column_variance: the weights of the tokens are too small to be multiplied",
          {1e-310, 0, 0});
  for (const auto& exec : support::every_executor)
    check_error<tamp::value_error>("column_variance: the activation of token 2, feature 1 is nan",
                                   [&] { seen.add(exec, x); });
  for (const double number : {1.0 * infinity, -1.0 * infinity})
    for (const std::size_t token : {0u, 1u, 9u}) {
      auto y = support::random_matrix(10, 2, 1);
      y(token, 0) = static_cast<float>(number);
      check_error<tamp::value_error>(
          tamp::detail::sentence("column_variance: the activation of token ", token,
                                 ", feature 0 is ", number),
          [&] { seen.add(y); });
    }
  check_error<tamp::value_error>(
      "column_variance: the numbers of feature 1 are too large: their variance is not finite",
      [&] { seen.add(matrix<double>{{1, 1e200}, {1, 2}}); });
  check_error<tamp::value_error>(
      "column_variance: the numbers of feature 0 are too large: their variance is not finite",
      [&] { seen.add(matrix<double>{{1.7e308, 1}, {-1.7e308, 2}}); });
  check_error<tamp::shape_error>("column_variance: the weights cover 2 tokens, there are 3",
                                 [&] { seen.add(x, numbers{1, 1}); });
  check_error<tamp::shape_error>("column_variance: 3 weights lie at a null pointer", [&] {
    seen.add(x, std::span<const double>(static_cast<const double*>(nullptr), 3));
  });
  check_error<tamp::value_error>("column_variance: a batch of activations needs a count above 0",
                                 [&] { seen.add(matrix<float>{{1, 2}}, 0); });
  check_error<tamp::shape_error>(
      "column_variance: a batch of activations has 3 features, the statistics cover 2",
      [&] { seen.add(matrix<float>{{1, 2, 3}}); });
  check_error<tamp::shape_error>(
      "column_variance: the statistics to combine cover 3 features, the statistics cover 2",
      [&] { seen.combine(column_variance(3)); });
  check_error<tamp::shape_error>("tensor: 2 x 3 elements lie at a null pointer", [] {
    column_variance().add(tamp::matrix_view<float>(nullptr, 2, 3));
  });
  BOOST_TEST((seen == before));

  column_variance large, other;
  large.add(matrix<double>{{1, 1e160}});
  other.add(matrix<double>{{1, -1e160}});
  const column_variance unchanged = large;
  check_error<tamp::value_error>(
      "column_variance: the numbers of feature 1 are too large: their variance is not finite",
      [&] { large.combine(other); });
  BOOST_TEST((large == unchanged));

  column_variance many;
  many.add(matrix<float>{{1}}, static_cast<std::uint64_t>(-1));
  check_error<tamp::value_error>(
      "column_variance: 18446744073709551615 and 1 together are too large to be counted",
      [&] { many.add(matrix<float>{{1}}); });
}

BOOST_AUTO_TEST_CASE(fields_are_all_that_it_consists_of) {
  column_variance seen, copy;
  seen.add(support::random_matrix(5, 3, 1)).add(support::random_matrix(4, 3, 2), 7);
  std::vector<std::string> names;
  column_variance::fields(seen, [&](std::string_view name, auto& value) {
    names.emplace_back(name);
    column_variance::fields(copy, [&](std::string_view other, auto& to) {
      if constexpr (std::is_same_v<decltype(to), decltype(value)>)
        if (name == other) to = value;
    });
  });
  BOOST_TEST(names == (std::vector<std::string>{"means", "squared_deviations", "weights", "count",
                                                "tokens"}),
             boost::test_tools::per_element());
  BOOST_TEST((copy == seen));
  copy.validate();
}

BOOST_AUTO_TEST_CASE(fields_that_contradict_each_other_are_refused) {
  const auto with = [&](std::string_view field, std::size_t place, double number) {
    column_variance broken;
    broken.add(matrix<float>{{1, 2, 5}, {3, 4, 6}});
    column_variance::fields(broken, [&](std::string_view name, auto& value) {
      if (name != field) return;
      if constexpr (requires { value[place] = number; })
        value[place] = number;
      else
        value = static_cast<std::uint64_t>(number);
    });
    broken.validate();
  };
  BOOST_CHECK_NO_THROW(with("means", 0, 1));
  BOOST_CHECK_NO_THROW(column_variance().validate());
  check_error<tamp::value_error>("column_variance: the mean of feature 1 is nan",
                                 [&] { with("means", 1, not_a_number); });
  check_error<tamp::value_error>("column_variance: the squared deviation of feature 2 is -1",
                                 [&] { with("squared_deviations", 2, -1); });
  check_error<tamp::value_error>("column_variance: the squared deviation of feature 2 is inf",
                                 [&] { with("squared_deviations", 2, infinity); });
  check_error<tamp::value_error>(
      "column_variance: 2 tokens cannot have the weight 0, and their pairs 1",
      [&] { with("weights", 0, 0); });
  check_error<tamp::value_error>(
      "column_variance: 2 tokens cannot have the weight 2, and their pairs -1",
      [&] { with("weights", 1, -1); });
  check_error<tamp::value_error>(
      "column_variance: 2 tokens cannot have the weight 2, and their pairs 0",
      [&] { with("weights", 1, 0); });
  check_error<tamp::value_error>(
      "column_variance: 1 tokens cannot have the weight 2, and their pairs 1",
      [&] { with("tokens", 0, 1); });
  check_error<tamp::value_error>(
      "column_variance: 0 tokens cannot have the weight 2, and their pairs 1",
      [&] { with("tokens", 0, 0); });
  check_error<tamp::value_error>(
      "column_variance: 2 tokens cannot have the weight nan, and their pairs 1",
      [&] { with("weights", 0, not_a_number); });
  check_error<tamp::value_error>(
      "column_variance: 3 squared deviations and 1 weights for 3 features", [&] {
        column_variance broken;
        broken.add(matrix<float>{{1, 2, 5}});
        column_variance::fields(broken, [](std::string_view name, auto& value) {
          if constexpr (requires { value.pop_back(); })
            if (name == "weights") value.pop_back();
        });
        broken.validate();
      });
}

BOOST_AUTO_TEST_CASE(it_is_observed_like_any_other) {
  const auto seen = tamp::observe<column_variance>(matrix<float>{{1}, {3}});
  BOOST_TEST(seen.variances()[0] == 2.0);
  BOOST_TEST(column_variance::label() == "column_variance");
}

BOOST_AUTO_TEST_SUITE_END()
