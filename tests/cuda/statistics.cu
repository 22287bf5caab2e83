#include "support.hpp"

#include <tamp/allocate/uniform.hpp>
#include <tamp/cuda/column_norm.cuh>
#include <tamp/cuda/select.cuh>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/prune/observe.hpp>
#include <tamp/score/wanda.hpp>
#include <tamp/stat/column_norm.hpp>

#include <cmath>

#include "../support/errors.hpp"
#include "../support/weights.hpp"

BOOST_AUTO_TEST_SUITE(cuda_column_norm)

namespace {

using support::matrix, support::device_matrix, support::check_error;
using tamp::stat::column_norm;
const auto on = tamp::on(nullptr);

/// The numbers of a row on the device.
std::vector<float> numbers_of(tamp::matrix_view<const float, tamp::cuda_space> row) {
  std::vector<float> numbers(row.cols());
  cudaMemcpyAsync(numbers.data(), row.data(), numbers.size() * sizeof(float),
                  cudaMemcpyDeviceToHost, nullptr);
  BOOST_REQUIRE(cudaStreamSynchronize(nullptr) == cudaSuccess);
  return numbers;
}

void check_close(const std::vector<float>& found, const std::vector<float>& expected) {
  BOOST_REQUIRE(found.size() == expected.size());
  for (std::size_t j = 0; j < found.size(); ++j)
    BOOST_TEST(found[j] == expected[j], boost::test_tools::tolerance(1e-6f));
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand_the_root_of_the_mean_squared_norm) {
  const device_matrix<float> first(matrix<float>{{3, 0}, {4, 1}}), second(matrix<float>{{0, 7}});
  auto norms = tamp::observe<column_norm>(on, first.view());
  BOOST_TEST(numbers_of(norms.values()) == (std::vector<float>{5, 1}));
  norms.add(on, second.view());
  BOOST_TEST(numbers_of(norms.values()) == (std::vector<float>{std::sqrt(12.5f), 5}));
  BOOST_TEST(norms.count() == 2u);
  BOOST_TEST(norms.tokens() == 3u);
}

BOOST_AUTO_TEST_CASE(any_shape_type_and_layout_gives_the_norms_of_the_cpu) {
  std::vector<std::pair<std::size_t, std::size_t>> shapes = {
      {1, 1}, {7, 33}, {64, 40}, {65, 130}, {200, 257}};
  if (!support::is_emulated) shapes.insert(shapes.end(), {{2944, 4096}, {3, 100003}});
  for (const auto& [tokens, features] : shapes) {
    const auto numbers = support::random_matrix(tokens, features, unsigned(tokens));
    const auto check = [&](auto type) {
      using T = decltype(type);
      const auto x = support::as<T>(numbers);
      const auto expected = tamp::observe<column_norm>(support::as<float>(x)).values();
      const auto t = static_cast<std::ptrdiff_t>(tokens);
      const auto f = static_cast<std::ptrdiff_t>(features);
      const device_matrix<T> rows(x), odd(x, f + 3, 1, 1), columns(x, 1, t + 1);
      const auto of_rows = numbers_of(tamp::observe<column_norm>(on, rows.view()).values());
      check_close(of_rows, expected);
      for (const auto* layout : {&odd, &columns})
        BOOST_TEST(
            (numbers_of(tamp::observe<column_norm>(on, layout->view()).values()) == of_rows));
    };
    check(float{});
    check(tamp::bf16{});
    check(__half{});
  }
}

BOOST_AUTO_TEST_CASE(merging_and_copies_to_and_from_the_cpu) {
  const auto x = support::random_matrix(70, 50, 3), y = support::random_matrix(9, 50, 4);
  const device_matrix<float> device_x(x), device_y(y);
  auto norms = tamp::observe<column_norm>(on, device_x.view());
  tamp::cuda::column_norm other;
  other.add(on, device_y.view(), 4);
  norms.combine(on, other).combine(on, tamp::cuda::column_norm());
  auto expected = tamp::observe<column_norm>(x);
  expected.add(y, 4);
  check_close(numbers_of(norms.values()), expected.values());
  const auto copy = norms.to_host(on);
  BOOST_TEST(copy.count() == 5u);
  BOOST_TEST(copy.tokens() == 79u);
  BOOST_TEST(copy.values() == numbers_of(norms.values()));
  const auto back = tamp::cuda::column_norm::from(on, expected);
  BOOST_TEST(numbers_of(back.values()) == expected.values());
  BOOST_TEST((back.to_host(on) == expected));
}

BOOST_AUTO_TEST_CASE(what_is_not_finite_is_named_and_refused_by_select) {
  auto x = support::random_matrix(80, 40, 5);
  const device_matrix<float> good(x), weight(x);
  x(70, 3) = support::not_a_number;
  x(66, 39) = support::infinity;
  const device_matrix<float> rows(x), columns(x, 1, 80);
  const auto recipe = tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{});
  for (const auto& broken : {rows.view(), columns.view()}) {
    auto norms = tamp::observe<column_norm>(on, good.view());
    norms.check(on);
    norms.add(on, broken).add(on, good.view());
    check_error<tamp::value_error>("column_norm: the activation of token 66, feature 39 is inf",
                                   [&] { norms.check(on); });
    check_error<tamp::value_error>("column_norm: the activation of token 66, feature 39 is inf",
                                   [&] { norms.to_host(on); });
    const auto keep = tamp::select(on, weight.view(), norms, recipe);
    check_error<tamp::value_error>("select: the statistic of column 0 is nan",
                                   [&] { keep.check(on); });
    auto merged = tamp::observe<column_norm>(on, good.view());
    merged.combine(on, norms);
    check_error<tamp::value_error>("column_norm: the activation of token 66, feature 39 is inf",
                                   [&] { merged.check(on); });
  }
}

BOOST_AUTO_TEST_CASE(batches_that_do_not_fit_are_refused) {
  const device_matrix<float> x(matrix<float>(2, 3, 1.0f)), wide(matrix<float>(2, 4, 1.0f)),
      none(matrix<float>(0, 3));
  auto norms = tamp::observe<column_norm>(on, x.view());
  check_error<tamp::shape_error>(
      "column_norm: a batch of activations has 4 features, the statistics cover 3",
      [&] { norms.add(on, wide.view()); });
  check_error<tamp::value_error>("column_norm: a batch of activations needs a count above 0",
                                 [&] { norms.add(on, x.view(), 0); });
  const auto unseen = tamp::observe<column_norm>(on, none.view());
  BOOST_TEST(numbers_of(unseen.values()) == (std::vector<float>{0, 0, 0}));
  check_error<tamp::value_error>("select: the statistics have seen no activations", [&] {
    tamp::select(on, x.view(), unseen,
                 tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{}));
  });
}

BOOST_AUTO_TEST_CASE(what_has_seen_no_feature_takes_the_next_batch) {
  const device_matrix<float> x(support::random_matrix(5, 7, 3));
  auto norms = tamp::cuda::column_norm::from(on, tamp::stat::column_norm());
  norms.add(on, x.view());
  const auto expected = tamp::observe<column_norm>(on, x.view());
  BOOST_TEST(numbers_of(norms.values()) == numbers_of(expected.values()));
  tamp::cuda::column_norm others;
  others.combine(on, tamp::cuda::column_norm()).combine(on, norms);
  BOOST_TEST(numbers_of(others.values()) == numbers_of(expected.values()));
}

BOOST_AUTO_TEST_CASE(a_batch_for_which_there_is_no_memory_is_not_counted) {
  const device_matrix<float> x(support::random_matrix(5, 7, 3));
  tamp::cuda::workspace none(nullptr, 0);
  tamp::cuda::column_norm norms;
  BOOST_CHECK_THROW(norms.add(tamp::on(nullptr, none), x.view()), tamp::device_error);
  BOOST_TEST(norms.features() == 0u);
  BOOST_TEST(norms.tokens() == 0u);
  norms.add(on, x.view());
  BOOST_CHECK_THROW(norms.add(tamp::on(nullptr, none), x.view()), tamp::device_error);
  BOOST_TEST(norms.tokens() == 5u);
  BOOST_TEST((norms.to_host(on) == tamp::observe<column_norm>(on, x.view()).to_host(on)));
}

BOOST_AUTO_TEST_CASE(norms_take_what_bytes_needed_says) {
  const device_matrix<float> x(support::random_matrix(300, 70, 5)), y(x.numbers(), 1, 300);
  const auto weights = support::device_row(std::vector<double>(300, 0.5));
  support::check_bytes_needed([&](const tamp::cuda::on_stream& given) {
    auto norms = tamp::observe<column_norm>(given, x.view());
    norms.add(given, y.view());
    auto others = tamp::observe<column_norm>(given, y.view());
    others.combine(given, norms);
    others.add(given, x.view(), weights.view());
  });
}

BOOST_AUTO_TEST_CASE(by_hand_weights_of_tokens) {
  const device_matrix<float> x(matrix<float>{{7, support::not_a_number}, {4, 2}, {2, -2}});
  const auto weights = support::device_row<double>({0, 0.25, 3});
  tamp::cuda::column_norm norms;
  norms.add(on, x.view(), weights.view());
  BOOST_TEST(numbers_of(norms.values()) == (std::vector<float>{4, std::sqrt(13.0f)}));
  norms.add(on, x.view(), weights.view(), 3);
  BOOST_TEST(numbers_of(norms.values())[0] == std::sqrt(8.0f));
  BOOST_TEST(norms.tokens() == 6u);  // two of which do not count
  const auto copy = norms.to_host(on);
  BOOST_TEST(copy.tokens() == 4u);
  BOOST_TEST(copy.count() == 4u);
}

BOOST_AUTO_TEST_CASE(weighted_norms_are_those_of_the_cpu_in_every_type_and_layout) {
  for (const auto& [tokens, features] :
       {std::pair<std::size_t, std::size_t>{1, 1}, {7, 33}, {65, 130}, {200, 40}}) {
    const auto numbers = support::random_matrix(tokens, features, unsigned(tokens));
    const auto weights = support::random_weights(tokens, unsigned(features));
    const auto there = support::device_row(weights);
    const auto ones = support::device_row(std::vector<double>(tokens, 1.0));
    const auto check = [&](auto type) {
      using T = decltype(type);
      const auto x = support::as<T>(numbers);
      column_norm expected;
      expected.add(support::as<float>(x), weights);
      const auto broken = support::broken_where_weight_is_zero(x, weights);
      const auto t = static_cast<std::ptrdiff_t>(tokens), f = static_cast<std::ptrdiff_t>(features);
      const device_matrix<T> rows(broken), odd(broken, f + 3, 1, 1), columns(broken, 1, t + 1);
      std::vector<float> first;
      for (const auto* layout : {&rows, &odd, &columns}) {
        tamp::cuda::column_norm norms;
        norms.add(on, layout->view(), there.view());
        const auto found = numbers_of(norms.values());
        check_close(found, expected.values());
        if (first.empty()) first = found;
        BOOST_TEST((found == first));
        BOOST_TEST(norms.to_host(on).tokens() == expected.tokens());
      }
      const device_matrix<T> whole(x);
      tamp::cuda::column_norm norms;
      norms.add(on, whole.view(), ones.view());
      BOOST_TEST((norms.to_host(on) == tamp::observe<column_norm>(on, whole.view()).to_host(on)));
    };
    check(float{});
    check(tamp::bf16{});
    check(__half{});
  }
}

BOOST_AUTO_TEST_CASE(weights_that_are_none_are_named_and_refused_by_select) {
  auto x = support::random_matrix(70, 5, 5);
  const device_matrix<float> good(x);
  x(66, 3) = support::infinity;
  const device_matrix<float> broken(x);
  std::vector<double> weights(70, 1.0);
  weights[69] = support::not_a_number;
  weights[67] = -0.5;
  const auto bad = support::device_row(weights);
  weights[67] = 1, weights[69] = 1;
  weights[66] = 0;
  const auto usable = support::device_row(weights);
  const auto recipe = tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{});
  auto norms = tamp::observe<column_norm>(on, good.view());
  norms.add(on, broken.view(), usable.view());
  norms.check(on);
  norms.add(on, broken.view(), bad.view()).add(on, broken.view()).add(on, good.view());
  for (int time = 0; time < 2; ++time)
    check_error<tamp::value_error>("column_norm: the weight of token 67 is -0.5",
                                   [&] { norms.check(on); });
  check_error<tamp::value_error>("column_norm: the weight of token 67 is -0.5",
                                 [&] { norms.to_host(on); });
  const auto keep = tamp::select(on, good.view(), norms, recipe);
  check_error<tamp::value_error>("select: the statistic of column 0 is nan",
                                 [&] { keep.check(on); });
  auto merged = tamp::observe<column_norm>(on, good.view());
  merged.combine(on, norms);
  check_error<tamp::value_error>("column_norm: the weight of token 67 is -0.5",
                                 [&] { merged.check(on); });
  BOOST_TEST(std::isnan(numbers_of(merged.values())[0]));
  // An activation that was found before stays the first fault.
  auto others = tamp::observe<column_norm>(on, broken.view());
  others.add(on, good.view(), bad.view());
  check_error<tamp::value_error>("column_norm: the activation of token 66, feature 3 is inf",
                                 [&] { others.check(on); });
  // A sum that is no finite float is found on the way to the CPU.
  tamp::cuda::column_norm large;
  large.add(on, good.view(), support::device_row(std::vector<double>(70, 1e300)).view());
  BOOST_CHECK_THROW(large.to_host(on), tamp::value_error);
}

BOOST_AUTO_TEST_CASE(merging_adds_tokens_of_weight_zero) {
  const auto x = support::random_matrix(20, 6, 3);
  const auto weights = support::random_weights(20, 4);
  const device_matrix<float> there(x);
  const auto of_tokens = support::device_row(weights);
  tamp::cuda::column_norm one, other;
  one.add(on, there.view(), of_tokens.view());
  other.add(on, there.view(), of_tokens.view()).combine(on, one);
  column_norm expected;
  expected.add(x, weights).add(x, weights);
  const auto found = other.to_host(on);
  BOOST_TEST(found.tokens() == expected.tokens());
  BOOST_TEST(found.count() == 2u);
  check_close(found.values(), expected.values());
}

BOOST_AUTO_TEST_CASE(weights_of_other_shapes_are_refused) {
  const device_matrix<float> x(matrix<float>(3, 2, 1.0f));
  const device_matrix<double> two(matrix<double>(1, 2, 1.0)), column(matrix<double>(3, 1, 1.0));
  tamp::cuda::column_norm norms;
  check_error<tamp::shape_error>("column_norm: the weights cover 2 tokens, there are 3",
                                 [&] { norms.add(on, x.view(), two.view()); });
  check_error<tamp::shape_error>("column_norm: the weights are 3 x 1; they must be one row",
                                 [&] { norms.add(on, x.view(), column.view()); });
  check_error<tamp::shape_error>("tensor: 1 x 3 elements lie at a null pointer", [&] {
    norms.add(on, x.view(), tamp::matrix_view<const double, tamp::cuda_space>(nullptr, 1, 3));
  });
  BOOST_TEST(norms.features() == 0u);
  const auto ones = support::device_row(std::vector<double>(3, 1.0));
  check_error<tamp::value_error>("column_norm: a batch of activations needs a count above 0",
                                 [&] { norms.add(on, x.view(), ones.view(), 0); });
}

BOOST_AUTO_TEST_SUITE_END()
