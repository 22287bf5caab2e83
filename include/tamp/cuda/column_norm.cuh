#pragma once

/// @file
/// The norm of each input feature over calibration tokens in the GPU's memory.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../stat/column_norm.hpp"
#include "../stat/detail/check_features.hpp"
#include "detail/block.cuh"
#include "detail/elements.cuh"
#include "detail/status.cuh"
#include "detail/token_weights.cuh"
#include "detail/views.cuh"
#include "observe.cuh"
#include "on.cuh"
#include "workspace.cuh"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

/// The order in which squares are summed, independent of the grid and the layout. Tokens are
/// divided into chunks. In a chunk, strand s of `strands` sums takes every `strands`-th token, and
/// the strands are added in order. Then the chunks are added in order.
struct square_sums {
  static constexpr unsigned chunk = 64, strands = 8, threads = strands * 32;
};

/// Shared memory of one block: the strands' sums, and a tile of X.
template <unsigned Width, bool IsTurned, class T>
struct square_room {
  double sums[square_sums::strands][warp_size * Width];
  T turned[IsTurned ? square_sums::chunk : 1][warp_size + 1];
};

/// One block for some columns of one chunk. A warp is a strand, and each lane has `width` of the
/// columns. If `IsTurned`, rows of X are not contiguous: a tile of X then goes through shared
/// memory, so that memory is read along its columns.
///
/// A token of weight 0 adds nothing, whatever its activations are. None of them is noted if a
/// weight could not be used.
template <bool IsPacked, bool IsTurned, class T, class Weights, class Status>
__global__ void add_squares_of_chunk(matrix_view<const T, cuda_space> x, Weights weights,
                                     double* of_chunks, wide* broken, const Status* weight_fault) {
  constexpr unsigned width = IsPacked ? pack<T>::size : 1;
  auto& shared = shared_memory<square_room<width, IsTurned, T>>();
  const std::size_t first_column = std::size_t{blockIdx.x} * warp_size * width;
  const std::size_t j = first_column + lane_number() * width;
  const std::size_t chunks = (x.rows() + square_sums::chunk - 1) / square_sums::chunk;
  for (std::size_t c = blockIdx.y; c < chunks; c += gridDim.y) {
    const std::size_t first = c * square_sums::chunk;
    const std::size_t end = (std::min)(first + square_sums::chunk, x.rows());
    if constexpr (IsTurned) {
      for (unsigned k = warp_number(); k < warp_size; k += square_sums::strands)
        for (std::size_t t = first + lane_number(); t < end; t += warp_size)
          if (first_column + k < x.cols()) shared.turned[t - first][k] = x(t, first_column + k);
      __syncthreads();
    }
    double sums[width] = {};
    for (std::size_t t = first + warp_number(); t < end; t += square_sums::strands) {
      const double weight = weights(t);
      if (Weights::differ && weight == 0) continue;
      T elements[width];
      if constexpr (IsTurned)
        elements[0] =
            j < x.cols() ? shared.turned[t - first][lane_number()] : element_traits<T>::store(0);
      else
        load_columns<width, IsPacked>(x, t, j, elements);
      for (unsigned k = 0; k < width; ++k) {
        const double number = number_of(elements[k]);
        if (!is_finite(number) && j + k < x.cols() && weight_fault->place == nowhere)
          atomicMin(broken, broken_at(t * x.cols() + j + k, number));
        if constexpr (Weights::differ)
          sums[k] += number * weight * number;
        else
          sums[k] += number * number;
      }
    }
    for (unsigned k = 0; k < width; ++k)
      shared.sums[warp_number()][lane_number() * width + k] = sums[k];
    __syncthreads();
    for (unsigned k = threadIdx.x; k < warp_size * width; k += blockDim.x) {
      double sum = 0;
      for (unsigned strand = 0; strand < square_sums::strands; ++strand)
        sum += shared.sums[strand][k];
      if (first_column + k < x.cols()) of_chunks[c * x.cols() + first_column + k] = sum;
    }
    __syncthreads();
  }
}

/// One thread for each feature: adds the chunks to the sums and updates the norms. If an activation
/// was not finite, here or in the origin of the chunks, or a weight could not be used, nothing is
/// added and the norms are NaN, so that they cannot be used unnoticed.
template <class Norm, class Status>
__global__ void add_chunks(double* sums, const double* of_chunks, std::size_t chunks,
                           std::size_t features, double count, wide* broken,
                           const wide* broken_chunks, const Status* weight_fault, Norm* norms) {
  const std::size_t j = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (j >= features) return;
  const wide found = (std::min)(*broken, *broken_chunks);
  if (found != nowhere || weight_fault->place != nowhere) {
    norms[j] = std::numeric_limits<Norm>::quiet_NaN();
    if (found != nowhere) atomicMin(broken, found);
    return;
  }
  double added = 0;
  for (std::size_t c = 0; c < chunks; ++c) added += of_chunks[c * features + j];
  const double sum = sums[j] += added;
  norms[j] = count == 0 ? Norm{0} : static_cast<Norm>(std::sqrt(sum / count));
}

}  // namespace detail

namespace cuda {

/// stat::column_norm on the GPU: root of the mean squared column norm of a layer's input.
///
///     auto norms = tamp::observe<tamp::stat::column_norm>(tamp::on(stream), X);
///     norms.add(tamp::on(stream), X2);
///     const auto keep = tamp::select(tamp::on(stream), W, norms, recipe);
///
/// X is (tokens, in_features) in any layout, of float or 16 bits. Squares are summed in double, in
/// an order that does not depend on the grid or the layout. It differs from the CPU's order, so
/// that sums agree up to rounding. Asynchronous. After an activation that is not finite, or a
/// weight that is negative or not finite, nothing more is added and the norms are NaN, which select
/// refuses. `check` names the number. Use it on one stream at a time. Memory comes from the first
/// `on`.
///
/// With a weight w_t for each token, squares are w_t X[t, j]^2, as in stat::column_norm. Weights of
/// 1 give the bits of the call without weights.
class column_norm {
 public:
  static constexpr std::string_view label() { return stat::column_norm::label(); }

  /// Makes statistics of no features. The first `add` or `combine` sets their number.
  column_norm() = default;

  /// Copies the statistics of the CPU to the GPU. They must outlive the copy on the stream.
  static column_norm from(const on_stream& on, const stat::column_norm& seen) {
    column_norm copy;
    copy.count_ = seen.count();
    copy.tokens_ = seen.tokens();
    if (seen.features() == 0) return copy;
    copy.resize(on, seen.features());
    on.copy(copy.sums(), seen.sum_of_squares().data(), copy.features_ * sizeof(double));
    copy.add_sums(on, nullptr, 0, copy.broken(), copy.count_);
    return copy;
  }

  /// Adds one batch of activations, which may have no tokens.
  /// @throws shape_error if X has another number of features than the calls before, or lies at a
  ///         null pointer
  /// @throws value_error if the count is 0, or a sum of counts does not fit into 64 bits
  /// @throws device_error if there is no memory, or CUDA refuses a kernel
  template <viewable X>
  column_norm& add(const on_stream& on, const X& activations, std::uint64_t count = 1) {
    return add_tokens(on, tamp::detail::cuda_view(on, activations), tamp::detail::equal_weights{},
                      count);
  }
  /// Adds one batch of activations with a weight for each token: one row of doubles, (tokens,), in
  /// the memory of the GPU.
  /// @throws shape_error as above, or if there is not one weight for each token, or the weights lie
  ///         at a null pointer
  /// @throws value_error as above
  /// @throws device_error as above
  template <viewable X, viewable Weights>
  column_norm& add(const on_stream& on, const X& activations, const Weights& weights,
                   std::uint64_t count = 1) {
    const auto x = tamp::detail::cuda_view(on, activations);
    return add_tokens(on, x, tamp::detail::weights_of_tokens(on, weights, x.rows(), label()),
                      count);
  }

  /// Adds the statistics of another accumulator, as if its batches had been added here.
  /// @throws shape_error if it covers another number of features
  /// @throws value_error if a count does not fit into 64 bits
  column_norm& combine(const on_stream& on, const column_norm& other) {
    if (other.count_ == 0 && other.features_ == 0) return *this;
    check_features(other.features_, "the statistics to combine cover ");
    const auto count = tamp::detail::checked_sum<value_error>(label(), count_, other.count_);
    const auto tokens = tamp::detail::checked_sum<value_error>(label(), tokens_, other.tokens_);
    if (other.features_ != 0) {
      resize(on, other.features_);
      tamp::detail::launch(&tamp::detail::combine_weights<tamp::detail::weight_status>, 1, 1, 0, on,
                           other.weight_fault(), weight_fault());
      add_sums(on, other.sums(), 1, other.broken(), count);
    }
    count_ = count;
    tokens_ = tokens;
    return *this;
  }

  std::size_t features() const noexcept { return features_; }
  /// The sum of the counts: sequences, unless the caller counts otherwise.
  std::uint64_t count() const noexcept { return count_; }
  /// The number of tokens that were added. Those of weight 0 are among them. Only the GPU knows
  /// their number, and to_host leaves them out.
  std::uint64_t tokens() const noexcept { return tokens_; }

  /// One norm for each feature, in the memory of the GPU, valid once the stream has done the last
  /// call.
  matrix_view<const float, cuda_space> values() const noexcept {
    return {memory_.as<float>(norms_at(features_)), 1, features_};
  }

  /// WAITS for the stream.
  /// @throws value_error that names the first activation of a batch that is not finite, or the
  ///         first weight that is negative or not finite
  void check(const on_stream& on) const {
    if (memory_.data() == nullptr) return;
    tamp::detail::wide found = 0;
    tamp::detail::weight_status weights{};
    on.copy(&found, broken(), sizeof found);
    on.copy(&weights, weight_fault(), sizeof weights);
    on.wait();
    weights.raise_if_broken(label());
    if (found == tamp::detail::nowhere) return;
    const std::size_t place = tamp::detail::place_of(found);
    tamp::detail::raise<value_error>("column_norm: the activation of token ", place / features_,
                                     ", feature ", place % features_, " is ",
                                     tamp::detail::number_at(found));
  }

  /// WAITS for the stream, checks, and copies the statistics to the CPU, for files and for
  /// combining the statistics of several GPUs.
  /// @throws the exceptions of check
  /// @throws value_error if a norm does not fit into a float
  stat::column_norm to_host(const on_stream& on) const {
    std::vector<double> sums(features_, 0.0);
    tamp::detail::weight_status weights{};
    if (features_ != 0) on.copy(sums.data(), this->sums(), features_ * sizeof(double));
    if (memory_.data() != nullptr) on.copy(&weights, weight_fault(), sizeof weights);
    check(on);
    stat::column_norm seen;
    stat::column_norm::fields(seen, [&](std::string_view name, auto& value) {
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, std::uint64_t>)
        value = name == "count" ? count_ : tokens_ - weights.zeros;
      else
        value = sums;
    });
    seen.validate();
    return seen;
  }

 private:
  double* sums() const noexcept { return memory_.as<double>(allocation_step); }
  tamp::detail::wide* broken() const noexcept { return memory_.as<tamp::detail::wide>(); }
  static constexpr std::size_t norms_at(std::size_t features) noexcept {
    return allocation_step + allocation_size(features * sizeof(double));
  }

  tamp::detail::weight_status* weight_fault() const noexcept {
    return memory_.as<tamp::detail::weight_status>(allocation_step / 2);
  }

  template <class T, class Weights>
  column_norm& add_tokens(const on_stream& on, const matrix_view<T, cuda_space>& activations,
                          const Weights& weights, std::uint64_t count) {
    using namespace tamp::detail;
    const auto given = as_twin(activations);
    using value = typename decltype(given)::value_type;
    const matrix_view<const value, cuda_space> x = given;
    static_assert(std::is_same_v<compute_type<value>, float>,
                  "activations on the GPU are float, or of 16 bits");
    if (count == 0) raise<value_error>("column_norm: a batch of activations needs a count above 0");
    check_features(x.cols(), "a batch of activations has ");
    const std::size_t chunks = (x.rows() + square_sums::chunk - 1) / square_sums::chunk;
    const auto all = checked_sum<value_error>(label(), count_, count);
    const auto tokens = checked_sum<value_error>(label(), tokens_, x.rows());
    const buffer of_chunks = device_array<double>(on, label(), chunks, x.cols());
    resize(on, x.cols());
    if constexpr (Weights::differ)
      check_weights_on(on, weights, x.rows(), broken(), weight_fault());
    const auto run = [&](auto kernel, unsigned width, std::size_t shared_bytes) {
      const dim3 grid = grid_of(blocks_of(features_, 32 * width), chunks);
      launch(kernel, grid, square_sums::threads, shared_bytes, on, x, weights,
             of_chunks.as<double>(), broken(), weight_fault());
    };
    if (has_packs(x))
      run(&add_squares_of_chunk<true, false, value, Weights, weight_status>, pack<value>::size,
          sizeof(square_room<pack<value>::size, false, value>));
    else if (x.contiguous_rows())
      run(&add_squares_of_chunk<false, false, value, Weights, weight_status>, 1,
          sizeof(square_room<1, false, value>));
    else
      run(&add_squares_of_chunk<false, true, value, Weights, weight_status>, 1,
          sizeof(square_room<1, true, value>));
    add_sums(on, of_chunks.as<double>(), chunks, broken(), all);
    count_ = all;
    tokens_ = tokens;
    return *this;
  }

  void check_features(std::size_t features, std::string_view what) const {
    if (count_ != 0 || features_ != 0)
      tamp::detail::check_features(label(), what, features, features_);
  }

  void resize(const on_stream& on, std::size_t features) {
    if (memory_.data() != nullptr) return;
    tamp::detail::check_array(label(), features, sizeof(double));
    buffer fresh(on, norms_at(features) + features * sizeof(float));
    on.fill(fresh.data(), 0xff, allocation_step);
    on.fill(fresh.as<std::byte>(allocation_step), 0, fresh.bytes() - allocation_step);
    memory_ = std::move(fresh);
    features_ = features;
    tamp::detail::clear_weights(on, weight_fault());
  }

  void add_sums(const on_stream& on, const double* of_chunks, std::size_t chunks,
                const tamp::detail::wide* broken_chunks, std::uint64_t count) {
    constexpr unsigned threads = 256;
    tamp::detail::launch(&tamp::detail::add_chunks<float, tamp::detail::weight_status>,
                         tamp::detail::blocks_of(features_, threads), threads, 0, on, sums(),
                         of_chunks, chunks, features_, static_cast<double>(count), broken(),
                         broken_chunks, weight_fault(), memory_.as<float>(norms_at(features_)));
  }

  std::size_t features_ = 0;
  std::uint64_t count_ = 0, tokens_ = 0;
  buffer memory_;  // faults of activations and of weights, the sums, the norms
};

}  // namespace cuda

template <>
struct detail::on_device<stat::column_norm> {
  using type = cuda::column_norm;
};

}  // namespace tamp::inline TAMP_FLAGS
