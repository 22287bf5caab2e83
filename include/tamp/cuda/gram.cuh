#pragma once

/// @file
/// Products of all pairs of input features, summed on the GPU.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../detail/checked.hpp"
#include "../stat/detail/check_features.hpp"
#include "../stat/gram.hpp"
#include "detail/cublas.cuh"
#include "detail/elements.cuh"
#include "detail/token_weights.cuh"
#include "detail/views.cuh"
#include "index_list.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

/// Notes the first activation that is not finite, of token t and feature j as t * features + j. It
/// notes none if an earlier batch had one, whose `size` is then 0, or if a weight could not be
/// used, and none of a token of weight 0.
template <class T, class Weights>
__global__ void check_activations(matrix_view<const T, cuda_space> x, Weights weights,
                                  list_status* status, const weight_status* weight_fault) {
  const std::size_t j = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (j >= x.cols() || status->size == 0 || weight_fault->place != nowhere) return;
  for (std::size_t t = blockIdx.y; t < x.rows(); t += gridDim.y)
    if (!(Weights::differ && weights(t) == 0) && !is_finite(number_of(x(t, j))))
      atomicMin(&status->place, wide{t * x.cols() + j});
}
template <class T>
__global__ void note_activation(matrix_view<const T, cuda_space> x, list_status* status) {
  const wide place = status->place;
  if (place == nowhere || status->size == 0) return;
  status->value = static_cast<double>(number_of(x(place / x.cols(), place % x.cols())));
  status->size = 0;
}

/// Converts some tokens to numbers of another type, row-major, times the roots of their weights.
/// After an activation or a weight that cannot be used it writes zeros, which add nothing.
template <class T, class Weights, class Real>
__global__ void pack_activations(matrix_view<const T, cuda_space> x, Weights weights,
                                 std::size_t first, std::size_t count, const list_status* status,
                                 const weight_status* weight_fault, Real* to) {
  const std::size_t j = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (j >= x.cols()) return;
  const bool is_broken = status->place != nowhere || weight_fault->place != nowhere;
  for (std::size_t t = blockIdx.y; t < count; t += gridDim.y) {
    Real number = 0;
    if constexpr (Weights::differ) {
      const double weight = is_broken ? 0.0 : weights(first + t);
      if (weight != 0)
        number =
            static_cast<Real>(static_cast<double>(number_of(x(first + t, j))) * std::sqrt(weight));
    } else {
      if (!is_broken) number = static_cast<Real>(number_of(x(first + t, j)));
    }
    to[t * x.cols() + j] = number;
  }
}

/// Adds numbers to sums in double.
template <class Real>
__global__ void add_in_double(const Real* from, std::size_t count, double* sums) {
  for (std::size_t k = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x; k < count;
       k += std::size_t{gridDim.x} * blockDim.x)
    sums[k] += static_cast<double>(from[k]);
}

/// One thread: copies the fault of one statistic to the sum of both.
template <class Status>
__global__ void combine_status(const Status* from, Status* to) {
  if (to->place == nowhere && from->place != nowhere) *to = *from;
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::cuda {

/// stat::gram of activations in the memory of the GPU: X^T X, summed over calls.
///
///     cuda::gram<> seen(tamp::on(stream), features);
///     seen.add(tamp::on(stream), cublas, X);                       // for each batch
///     const stat::gram gram = seen.to_host(tamp::on(stream));
///
/// Sums are doubles. With `Product` double, products are computed and summed in double, and the
/// result is the CPU's up to rounding. With float they are computed in float, 1024 tokens at a time
/// (not in TF32, regardless of the handle), with an error of about 1e-6 of the diagonal: for GPUs
/// with few units for doubles. cuBLAS computes the products. For the same shapes, GPU and cuBLAS
/// they have the same bits each time, under the conditions of its manual (results of a handle are
/// not reproducible while several streams are active, unless it has a workspace).
///
/// A batch with an activation that is not finite, or a weight that is negative or not finite, is
/// not added, nor is any later batch. to_host then throws, also after combining into another.
/// Movable, not copyable.
///
/// With a weight w_t for each token, products are w_t X[t, i] X[t, j], as in stat::gram. Weights of
/// 1 give the bits of the call without weights.
template <class Product = double>
class gram {
  static_assert(std::is_same_v<Product, float> || std::is_same_v<Product, double>,
                "cuda::gram makes products in float or double");

 public:
  static constexpr std::string_view label() { return "gram"; }

  /// Allocates one double for each pair of features from `on`.
  /// @throws shape_error if no memory can hold them
  /// @throws device_error if there is not enough memory
  gram(const on_stream& on, std::size_t features)
      : features_(features), memory_(on, bytes_of(features)) {
    on.fill(memory_.data(), 0xff, allocation_step);
    tamp::detail::clear_weights(on, weight_fault());
    on.fill(sums(), 0, size() * sizeof(double));
  }

  /// Adds one batch of activations, (tokens, features), which may have no tokens. Asynchronous.
  ///
  /// 1024 tokens of type Product are temporarily taken from `on`, and, with float, one float for
  /// each pair of features. cuBLAS uses the handle's own workspace. The handle is restored.
  /// @throws shape_error if X has another number of features, or lies at a null pointer
  /// @throws value_error if the count is 0, or a sum of counts does not fit into 64 bits
  /// @throws device_error if there is no memory, or CUDA or cuBLAS refuses
  template <viewable X>
  gram& add(const on_stream& on, cublasHandle_t cublas, const X& activations,
            std::uint64_t count = 1) {
    return add_tokens(on, cublas, tamp::detail::cuda_view(on, activations),
                      tamp::detail::equal_weights{}, count);
  }
  /// Adds one batch of activations with a weight for each token: one row of doubles, (tokens,), in
  /// the memory of the GPU. Asynchronous.
  /// @throws shape_error as above, or if there is not one weight for each token, or the weights lie
  ///         at a null pointer
  /// @throws value_error as above
  /// @throws device_error as above
  template <viewable X, viewable Weights>
  gram& add(const on_stream& on, cublasHandle_t cublas, const X& activations,
            const Weights& weights, std::uint64_t count = 1) {
    const auto x = tamp::detail::cuda_view(on, activations);
    return add_tokens(on, cublas, x,
                      tamp::detail::weights_of_tokens(on, weights, x.rows(), label()), count);
  }

  /// Adds the statistics of another accumulator, as if its batches had been added here.
  /// @throws shape_error if it covers another number of features
  /// @throws value_error if a count does not fit into 64 bits
  /// @throws device_error if CUDA refuses the kernel
  gram& combine(const on_stream& on, const gram& other) {
    check_features(other.features_, "the statistics to combine cover ");
    const auto count = tamp::detail::checked_sum<value_error>(label(), count_, other.count_);
    const auto tokens = tamp::detail::checked_sum<value_error>(label(), tokens_, other.tokens_);
    tamp::detail::launch(&tamp::detail::add_in_double<double>, blocks_for(size()), 256, 0, on,
                         other.sums(), size(), sums());
    tamp::detail::launch(&tamp::detail::combine_status<tamp::detail::list_status>, 1, 1, 0, on,
                         other.memory_.as<tamp::detail::list_status>(),
                         memory_.as<tamp::detail::list_status>());
    tamp::detail::launch(&tamp::detail::combine_weights<tamp::detail::weight_status>, 1, 1, 0, on,
                         other.weight_fault(), weight_fault());
    count_ = count;
    tokens_ = tokens;
    is_weighted_ |= other.is_weighted_;
    return *this;
  }

  std::size_t features() const noexcept { return features_; }
  std::uint64_t count() const noexcept { return count_; }
  /// The number of tokens that were added. Those of weight 0 are among them. Only the GPU knows
  /// their number, and to_host leaves them out.
  std::uint64_t tokens() const noexcept { return tokens_; }

  /// The (features, features) sums on the device, of which only the upper triangle and the diagonal
  /// are valid.
  matrix_view<const double, cuda_space> upper_triangle() const noexcept {
    return {sums(), features_, features_};
  }
  /// Returns the sums as a symmetric matrix. Puts a kernel onto the stream that fills the lower
  /// triangle.
  /// @throws device_error if CUDA refuses the kernel
  matrix_view<const double, cuda_space> matrix(const on_stream& on) {
    tamp::detail::mirror_on(on, sums(), features_);
    return upper_triangle();
  }

  /// WAITS for the stream, and copies the sums to the CPU.
  /// @throws value_error if an activation was not finite, naming the first one of its batch, if a
  ///         weight was negative or not finite, or if a weighted sum became too large
  stat::gram to_host(const on_stream& on) const {
    tamp::detail::list_status found{};
    std::vector<double> numbers(size());
    tamp::detail::weight_status weights{};
    on.copy(&found, memory_.data(), sizeof found);
    on.copy(&weights, weight_fault(), sizeof weights);
    on.copy(numbers.data(), sums(), size() * sizeof(double));
    on.wait();
    weights.raise_if_broken(label());
    if (found.place != tamp::detail::nowhere)
      tamp::detail::raise<value_error>("gram: the activation of token ", found.place / features_,
                                       ", feature ", found.place % features_, " is ", found.value);
    for (std::size_t i = 0; i < features_; ++i)
      for (std::size_t j = 0; j < i; ++j) numbers[i * features_ + j] = numbers[j * features_ + i];
    stat::gram seen;
    stat::gram::fields(seen, [&](std::string_view name, auto& field) {
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(field)>, std::vector<double>>)
        field = std::move(numbers);
      else
        field = name == "features" ? features_ : name == "count" ? count_ : tokens_ - weights.zeros;
    });
    seen.validate();
    return seen;
  }

  /// The number of bytes that the statistics of so many features allocate.
  /// @throws shape_error if no memory can hold them
  static constexpr std::size_t bytes_of(std::size_t features) {
    return allocation_step +
           tamp::detail::checked_matrix("gram", features, features, sizeof(double)) *
               sizeof(double);
  }

 private:
  static constexpr std::size_t batch = 1024;

  std::size_t size() const noexcept { return features_ * features_; }
  double* sums() const noexcept { return memory_.as<double>(allocation_step); }
  tamp::detail::weight_status* weight_fault() const noexcept {
    return memory_.as<tamp::detail::weight_status>(allocation_step / 2);
  }
  static unsigned blocks_for(std::size_t count) noexcept {
    return (std::min)(tamp::detail::blocks_of(count, 256), 1024u);
  }

  void check_features(std::size_t features, std::string_view what) const {
    tamp::detail::check_features(label(), what, features, features_);
  }

  template <class T, class Weights>
  gram& add_tokens(const on_stream& on, cublasHandle_t cublas,
                   const matrix_view<T, cuda_space>& activations, const Weights& weights,
                   std::uint64_t count) {
    using namespace tamp::detail;
    const auto view = as_twin(activations);
    using value = typename decltype(view)::value_type;
    const matrix_view<const value, cuda_space> x = view;
    if (count == 0) raise<value_error>("gram: a batch of activations needs a count above 0");
    check_features(x.cols(), "a batch of activations has ");
    const auto all = checked_sum<value_error>(label(), count_, count);
    const auto tokens = checked_sum<value_error>(label(), tokens_, x.rows());
    if constexpr (Weights::differ)
      check_weights_on(on, weights, x.rows(), &memory_.as<list_status>()->place, weight_fault());
    if (!x.empty()) add_products(on, cublas, x, weights);
    count_ = all;
    tokens_ = tokens;
    is_weighted_ |= Weights::differ;
    return *this;
  }

  template <class T, class Weights>
  void add_products(const on_stream& on, cublasHandle_t cublas,
                    const matrix_view<const T, cuda_space>& x, const Weights& weights) {
    using namespace tamp::detail;
    auto* const status = memory_.as<list_status>();
    constexpr unsigned threads = 128;
    const auto grid = [&](std::size_t rows) {
      return grid_of(blocks_of(features_, threads), rows);
    };
    const std::size_t most = (std::min)(batch, x.rows());
    const buffer tokens = device_array<Product>(on, label(), most, features_);
    const buffer products(on, std::is_same_v<Product, double> ? 0 : size() * sizeof(Product));
    // cuBLAS does not write the lower triangle.
    on.fill(products.data(), 0, products.bytes());
    launch(&check_activations<T, Weights>, grid(x.rows()), threads, 0, on, x, weights, status,
           weight_fault());
    launch(&note_activation<T>, 1, 1, 0, on, x, status);
    const borrowed_cublas borrowed(cublas, on, label());
    for (std::size_t first = 0; first < x.rows(); first += batch) {
      const std::size_t count = (std::min)(batch, x.rows() - first);
      launch(&pack_activations<T, Weights, Product>, grid(count), threads, 0, on, x, weights, first,
             count, status, weight_fault(), tokens.as<Product>());
      if constexpr (std::is_same_v<Product, double>) {
        add_products_of_columns(borrowed, tokens.as<double>(), count, features_, 1.0, sums(),
                                label());
      } else {
        add_products_of_columns(borrowed, tokens.as<float>(), count, features_, 0.0f,
                                products.as<float>(), label());
        launch(&add_in_double<float>, blocks_for(size()), 256, 0, on, products.as<float>(), size(),
               sums());
      }
    }
  }

  std::size_t features_;
  std::uint64_t count_ = 0, tokens_ = 0;
  bool is_weighted_ = false;
  // A list_status, whose size is 0 once it has a value, and a weight_status; then the sums.
  buffer memory_;
};

}  // namespace tamp::inline TAMP_FLAGS::cuda
