#include "cublas_handle.hpp"

#include <cmath>
#include <tamp/cuda/gram.cuh>
#include <vector>

#include "../support/errors.hpp"
#include "../support/weights.hpp"

BOOST_AUTO_TEST_SUITE(cuda_gram)

namespace {

using support::handle;
using support::matrix, support::device_matrix, support::check_error;
const auto on = tamp::on(nullptr);

/// Equal to a part of the larger of two diagonal elements.
void check_close(const tamp::stat::gram& found, const tamp::stat::gram& expected, double part) {
  BOOST_REQUIRE(found.features() == expected.features());
  BOOST_TEST(found.count() == expected.count());
  BOOST_TEST(found.tokens() == expected.tokens());
  const auto a = found.matrix(), b = expected.matrix();
  double worst = 0;
  bool is_symmetrical = true;
  for (std::size_t i = 0; i < a.rows(); ++i)
    for (std::size_t j = 0; j < a.cols(); ++j) {
      const double scale = std::max(b(i, i), b(j, j));
      worst = std::max(worst, scale == 0 ? std::abs(a(i, j)) : std::abs(a(i, j) - b(i, j)) / scale);
      is_symmetrical &= a(i, j) == a(j, i);
    }
  BOOST_TEST(worst <= part);
  BOOST_TEST(is_symmetrical);
}

template <class Product, class T>
void check_equal(const std::vector<matrix<T>>& batches, double part) {
  const handle h;
  const std::size_t features = batches[0].cols();
  tamp::stat::gram expected;
  tamp::cuda::gram<Product> rows(on, features), columns(on, features);
  for (const auto& x : batches) {
    const auto t = static_cast<std::ptrdiff_t>(x.rows()), f = static_cast<std::ptrdiff_t>(features);
    const device_matrix<T> by_rows(x, f + 1, 1), by_columns(x, 1, t + 1);
    expected.add(x, x.rows() + 1);
    rows.add(on, h.cublas, by_rows.view(), x.rows() + 1);
    columns.add(on, h.cublas, by_columns.view(), x.rows() + 1);
  }
  check_close(rows.to_host(on), expected, part);
  check_close(columns.to_host(on), expected, part);
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand_products_of_columns) {
  const handle h;
  const device_matrix<float> x({{1, 2}, {3, -1}});
  tamp::cuda::gram<> seen(on, 2);
  seen.add(on, h.cublas, x.view());
  const auto found = seen.to_host(on);
  BOOST_TEST(found.matrix()(0, 0) == 10.0);
  BOOST_TEST(found.matrix()(0, 1) == -1.0);
  BOOST_TEST(found.matrix()(1, 0) == -1.0);
  BOOST_TEST(found.matrix()(1, 1) == 5.0);
  std::vector<double> there(4);
  cudaMemcpyAsync(there.data(), seen.matrix(on).data(), 32, cudaMemcpyDeviceToHost, nullptr);
  on.wait();
  BOOST_TEST(there == (std::vector<double>{10, -1, -1, 5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(equals_the_cpu_in_every_type_and_layout) {
  const auto check = [&]<class T>(T) {
    for (const std::size_t features : {1u, 7u, 33u, 130u}) {
      std::vector<matrix<T>> batches;
      for (const std::size_t tokens : {5u, 0u, 40u, 1u})
        batches.push_back(support::as<T>(
            support::random_matrix(tokens, features, static_cast<unsigned>(tokens + features))));
      check_equal<double>(batches, 1e-14);
      check_equal<float>(batches, 1e-6);
    }
  };
  check(float{});
  check(tamp::f16{});
  check(__nv_bfloat16{});
}

BOOST_AUTO_TEST_CASE(more_tokens_than_fit_into_one_product) {
  check_equal<double>(std::vector{support::random_matrix(2500, 9, 1)}, 1e-13);
  check_equal<float>(std::vector{support::random_matrix(2500, 9, 1)}, 1e-6);
}

BOOST_AUTO_TEST_CASE(merging_is_adding) {
  const handle h;
  const auto first = support::random_matrix(20, 12, 1), second = support::random_matrix(31, 12, 2);
  const device_matrix<float> a(first), b(second);
  tamp::cuda::gram<> one(on, 12), other(on, 12), empty(on, 12);
  one.add(on, h.cublas, a.view());
  other.add(on, h.cublas, b.view());
  one.combine(on, other).combine(on, empty);
  tamp::stat::gram expected;
  expected.add(first).add(second);
  check_close(one.to_host(on), expected, 1e-14);
}

BOOST_AUTO_TEST_CASE(a_batch_that_cannot_be_used_is_not_added_and_named) {
  const handle h;
  auto bad = support::random_matrix(20, 12, 1);
  bad(7, 3) = support::not_a_number;
  bad(7, 5) = support::infinity;
  bad(9, 0) = support::infinity;
  auto worse = bad;
  worse(0, 0) = -support::infinity;
  const device_matrix<float> there(bad), later(worse), good(support::random_matrix(4, 12, 2));
  tamp::cuda::gram<> seen(on, 12);
  seen.add(on, h.cublas, good.view());
  const double before = seen.to_host(on).matrix()(3, 3);
  seen.add(on, h.cublas, there.view());
  seen.add(on, h.cublas, later.view());
  check_error<tamp::value_error>("gram: the activation of token 7, feature 3 is nan",
                                 [&] { seen.to_host(on); });
  double now = 0;
  cudaMemcpyAsync(&now, &seen.upper_triangle()(3, 3), 8, cudaMemcpyDeviceToHost, nullptr);
  on.wait();
  BOOST_TEST(now == before);

  tamp::cuda::gram<> other(on, 12);
  other.add(on, h.cublas, good.view()).combine(on, seen);
  check_error<tamp::value_error>("gram: the activation of token 7, feature 3 is nan",
                                 [&] { other.to_host(on); });
}

BOOST_AUTO_TEST_CASE(by_hand_weights_of_tokens) {
  const handle h;
  const device_matrix<float> x({{1, 2}, {support::not_a_number, 5}, {3, -4}});
  const auto weights = support::device_row<double>({4, 0, 0.25});
  tamp::cuda::gram<> seen(on, 2);
  seen.add(on, h.cublas, x.view(), weights.view(), 3);
  const auto found = seen.to_host(on);
  BOOST_TEST(found.matrix()(0, 0) == 6.25);
  BOOST_TEST(found.matrix()(0, 1) == 5.0);
  BOOST_TEST(found.matrix()(1, 1) == 20.0);
  BOOST_TEST(found.tokens() == 2u);
  BOOST_TEST(found.count() == 3u);
}

BOOST_AUTO_TEST_CASE(weighted_products_are_those_of_the_cpu) {
  const handle h;
  const auto check = [&]<class T, class Product>(T, Product, double part) {
    for (const auto& [tokens, features] :
         {std::pair<std::size_t, std::size_t>{5, 7}, {40, 33}, {1100, 9}}) {
      const auto x = support::as<T>(support::random_matrix(tokens, features, 1));
      const auto weights = support::random_weights(tokens, 2);
      const auto broken = support::broken_where_weight_is_zero(x, weights);
      tamp::stat::gram expected;
      expected.add(x, weights).add(x, weights, 4);
      const auto t = static_cast<std::ptrdiff_t>(tokens);
      const device_matrix<T> rows(broken), columns(broken, 1, t + 1), whole(x);
      const auto there = support::device_row(weights);
      const auto ones = support::device_row(std::vector<double>(tokens, 1.0));
      tamp::cuda::gram<Product> seen(on, features), other(on, features);
      seen.add(on, h.cublas, rows.view(), there.view());
      other.add(on, h.cublas, columns.view(), there.view(), 4);
      seen.combine(on, other);
      check_close(seen.to_host(on), expected, part);
      tamp::cuda::gram<Product> equal(on, features), plain(on, features);
      equal.add(on, h.cublas, whole.view(), ones.view());
      plain.add(on, h.cublas, whole.view());
      BOOST_TEST((equal.to_host(on) == plain.to_host(on)));
    }
  };
  check(float{}, double{}, 1e-13);
  check(tamp::f16{}, double{}, 1e-13);
  check(tamp::bf16{}, float{}, 1e-6);
}

BOOST_AUTO_TEST_CASE(a_batch_whose_weights_cannot_be_used_is_not_added_and_named) {
  const handle h;
  auto x = support::random_matrix(20, 4, 1);
  const device_matrix<float> good(x);
  x(3, 1) = support::infinity;
  const device_matrix<float> broken(x);
  std::vector<double> weights(20, 1.0);
  weights[7] = support::infinity;
  weights[9] = -1;
  const auto bad = support::device_row(weights);
  tamp::cuda::gram<> seen(on, 4), other(on, 4);
  seen.add(on, h.cublas, good.view());
  const double before = seen.to_host(on).matrix()(3, 3);
  seen.add(on, h.cublas, broken.view(), bad.view()).add(on, h.cublas, broken.view());
  seen.add(on, h.cublas, good.view());
  check_error<tamp::value_error>("gram: the weight of token 7 is inf", [&] { seen.to_host(on); });
  double now = 0;
  cudaMemcpyAsync(&now, &seen.upper_triangle()(3, 3), 8, cudaMemcpyDeviceToHost, nullptr);
  on.wait();
  BOOST_TEST(now == before);
  other.combine(on, seen);
  check_error<tamp::value_error>("gram: the weight of token 7 is inf", [&] { other.to_host(on); });
  // An activation that was found before stays the first fault.
  tamp::cuda::gram<> first(on, 4);
  first.add(on, h.cublas, broken.view()).add(on, h.cublas, good.view(), bad.view());
  check_error<tamp::value_error>("gram: the activation of token 3, feature 1 is inf",
                                 [&] { first.to_host(on); });
  // Sums that are too large are found on the way to the CPU.
  tamp::cuda::gram<> large(on, 4);
  large.add(on, h.cublas, good.view(),
            support::device_row(std::vector<double>(20, 1.7e308)).view());
  BOOST_CHECK_THROW(large.to_host(on), tamp::value_error);
  check_error<tamp::shape_error>("gram: the weights cover 20 tokens, there are 3", [&] {
    seen.add(on, h.cublas, device_matrix<float>(matrix<float>(3, 4)).view(), bad.view());
  });
}

BOOST_AUTO_TEST_CASE(shapes_and_weights_are_refused) {
  const handle h;
  const device_matrix<float> x(matrix<float>(3, 5));
  tamp::cuda::gram<> seen(on, 4);
  check_error<tamp::shape_error>(
      "gram: a batch of activations has 5 features, the statistics cover 4",
      [&] { seen.add(on, h.cublas, x.view()); });
  check_error<tamp::value_error>("gram: a batch of activations needs a count above 0",
                                 [&] { tamp::cuda::gram<>(on, 5).add(on, h.cublas, x.view(), 0); });
  check_error<tamp::shape_error>(
      "gram: the statistics to combine cover 5 features, the statistics "
      "cover 4",
      [&] { seen.combine(on, tamp::cuda::gram<>(on, 5)); });
}

BOOST_AUTO_TEST_CASE(sums_take_what_bytes_needed_says) {
  const handle h;
  const device_matrix<float> x(support::random_matrix(40, 30, 5));
  const auto weights = support::device_row(std::vector<double>(40, 0.5));
  const auto check = [&]<class Product>(Product) {
    support::check_bytes_needed([&](const tamp::cuda::on_stream& given) {
      tamp::cuda::gram<Product> seen(given, 30), other(given, 30);
      seen.add(given, h.cublas, x.view()).combine(given, other);
      seen.add(given, h.cublas, x.view(), weights.view());
      seen.matrix(given);
    });
  };
  check(double{});
  check(float{});
}

BOOST_AUTO_TEST_SUITE_END()
