#pragma once

/// @file
/// The diversity of a layer's output tokens, measured on the GPU.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../stat/token_diversity.hpp"
#include "detail/token_similarity.cuh"
#include "detail/token_weights.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

/// The sums of token_diversity, the numbers of tokens of weight 0, and the first output or weight
/// that could not be used.
struct diversity_sums {
  double of_pair[modality_pairs];
  double zeros[modality_kinds];
  weight_status weights;
  wide is_broken, token, feature;
  double value;
};

/// One thread for each pair: adds a sample, or notes the reason for refusing it.
template <class T>
__global__ void add_densities(const device_densities* sample, const kind_weights* weights,
                              matrix_view<const T, cuda_space> output, const list_status* status,
                              diversity_sums* sums) {
  if (sums->weights.place != nowhere) return;
  const wide place = status->place;
  if (place == nowhere) {
    if (threadIdx.x < modality_pairs) sums->of_pair[threadIdx.x] += sample->of_pair[threadIdx.x];
    if (threadIdx.x < modality_kinds && weights != nullptr)
      sums->zeros[threadIdx.x] += weights->zeros[threadIdx.x];
  } else if (threadIdx.x == 0 && sums->is_broken == nowhere) {
    sums->is_broken = place;
    sums->token = place / output.cols();
    sums->feature = place % output.cols();
    sums->value = static_cast<double>(number_of(output(sums->token, sums->feature)));
  }
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::cuda {

/// stat::token_diversity of outputs in the memory of the GPU, by which DAS distributes sparsity.
///
///     cuda::token_diversity seen(tamp::on(stream));
///     seen.add(tamp::on(stream), cublas, Y, kinds);                  // for each sample
///     const stat::token_diversity diversity = seen.to_host(tamp::on(stream));
///
/// The sums stay on the GPU until to_host. Similarities are products of floats by cuBLAS, in the
/// precision of float even if the handle allows TF32, and may differ from the CPU's by rounding.
/// For the same shapes, GPU and cuBLAS they have the same bits each time. A sample with an output
/// that is not finite, or a weight that is negative or not finite, is not added, and to_host
/// throws.
///
/// With a weight w_t for each token, a pair counts w_s w_t times, as in stat::token_diversity.
/// Weights of 1 give the bits of the call without weights.
class token_diversity {
 public:
  static constexpr std::string_view label() { return "token_diversity"; }

  explicit token_diversity(const on_stream& on)
      : memory_(on, sizeof(tamp::detail::diversity_sums)),
        tokens_of_kind_(tamp::detail::modality_kinds) {
    auto* const sums = memory_.as<tamp::detail::diversity_sums>();
    on.fill(sums, 0, sizeof(tamp::detail::diversity_sums));
    on.fill(&sums->is_broken, 0xff, sizeof(tamp::detail::wide));
    tamp::detail::clear_weights(on, &sums->weights);
  }

  /// Adds one sample's outputs, (tokens, out_features), float or 16 bits. `kinds` is on the CPU and
  /// has one modality for each token, or is empty if all are text. Asynchronous.
  ///
  /// N tokens of d features temporarily take 4 N (N + d) bytes from `on`, and d / 8 more for each
  /// token and kind present. cuBLAS uses the handle's own workspace.
  /// @throws shape_error if the modalities do not cover the tokens, an input lies at a null
  ///         pointer, or no memory can hold the products
  /// @throws value_error if a modality is not below 8
  /// @throws device_error if there is no memory, or CUDA or cuBLAS refuses
  template <viewable Y>
  token_diversity& add(const on_stream& on, cublasHandle_t cublas, const Y& output,
                       std::span<const modality> kinds) {
    return add_sample(on, cublas, tamp::detail::cuda_view(on, output), kinds,
                      tamp::detail::equal_weights{});
  }
  /// Adds one sample's outputs with a weight for each token: one row of doubles, (tokens,), in the
  /// memory of the GPU. Asynchronous. 8 more bytes for each token are temporarily taken.
  /// @throws shape_error as above, or if there is not one weight for each token, or the weights lie
  ///         at a null pointer
  /// @throws value_error as above
  /// @throws device_error as above
  template <viewable Y, viewable Weights>
  token_diversity& add(const on_stream& on, cublasHandle_t cublas, const Y& output,
                       std::span<const modality> kinds, const Weights& weights) {
    const auto y = tamp::detail::cuda_view(on, output);
    return add_sample(on, cublas, y, kinds,
                      tamp::detail::weights_of_tokens(on, weights, y.rows(), label()));
  }

  /// The numbers of tokens and samples that were added. Tokens of weight 0 are among them. Only the
  /// GPU knows their number, and to_host leaves them out.
  std::uint64_t tokens() const noexcept { return tokens_; }
  std::uint64_t samples() const noexcept { return samples_; }

  /// WAITS for the stream, and copies the statistics to the CPU.
  /// @throws value_error if an output was not finite, or a weight was negative or not finite,
  ///         naming the first
  stat::token_diversity to_host(const on_stream& on) const {
    tamp::detail::diversity_sums found{};
    on.copy(&found, memory_.data(), sizeof found);
    on.wait();
    found.weights.raise_if_broken(label());
    if (found.is_broken != tamp::detail::nowhere)
      tamp::detail::raise<value_error>(label(), ": the output of token ", found.token, ", feature ",
                                       found.feature, " is ", static_cast<float>(found.value));
    std::vector<double> tokens_of_kind = tokens_of_kind_;
    std::uint64_t tokens = tokens_;
    for (std::size_t k = 0; k < tamp::detail::modality_kinds; ++k) {
      tokens_of_kind[k] -= found.zeros[k];
      tokens -= static_cast<std::uint64_t>(found.zeros[k]);
    }
    stat::token_diversity seen;
    stat::token_diversity::fields(seen, [&](std::string_view name, auto& field) {
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(field)>, std::vector<double>>) {
        if (name == "sums")
          field.assign(std::begin(found.of_pair), std::end(found.of_pair));
        else
          field = tokens_of_kind;
      } else {
        field = name == "samples" ? samples_ : tokens;
      }
    });
    return seen;
  }

 private:
  template <class T, class Weights>
  token_diversity& add_sample(const on_stream& on, cublasHandle_t cublas,
                              const matrix_view<T, cuda_space>& output,
                              std::span<const modality> kinds, const Weights& weights) {
    using namespace tamp::detail;
    const auto view = as_twin(output);
    using value = typename decltype(view)::value_type;
    const matrix_view<const value, cuda_space> y = view;
    const auto samples = checked_sum<value_error>(label(), samples_, 1);
    const auto tokens = checked_sum<value_error>(label(), tokens_, y.rows());
    const buffer status(on, sizeof(list_status));
    on.fill(status.data(), 0xff, sizeof(list_status));
    auto* const sums = memory_.as<diversity_sums>();
    const device_similarity similar(on, cublas, y, kinds, weights, label(),
                                    status.as<list_status>());
    if constexpr (Weights::differ)
      check_weights_on(on, weights, y.rows(), &sums->is_broken, &sums->weights);
    launch(&add_densities<value>, 1, 64, 0, on, similar.densities(), similar.weights_of_kinds(), y,
           status.as<list_status>(), sums);
    for (std::size_t k = 0; k < modality_kinds; ++k)
      tokens_of_kind_[k] += similar.counts().tokens[k];
    samples_ = samples;
    tokens_ = tokens;
    return *this;
  }

  buffer memory_;
  std::vector<double> tokens_of_kind_;
  std::uint64_t samples_ = 0, tokens_ = 0;
};

}  // namespace tamp::inline TAMP_FLAGS::cuda
