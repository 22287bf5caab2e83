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
  check_error<tamp::value_error>("column_norm: a batch of activations needs a weight above 0",
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
  support::check_bytes_needed([&](const tamp::cuda::on_stream& given) {
    auto norms = tamp::observe<column_norm>(given, x.view());
    norms.add(given, y.view());
    auto others = tamp::observe<column_norm>(given, y.view());
    others.combine(given, norms);
  });
}

BOOST_AUTO_TEST_SUITE_END()
