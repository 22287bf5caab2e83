#pragma once

/// @file
/// The choice of feed-forward channels that visual tokens need, on the GPU.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "../compute/dynamic_ffn.hpp"
#include "../detail/ordered_key.hpp"
#include "detail/list_highest.cuh"
#include "detail/upload.cuh"
#include "detail/views.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

/// One thread for each channel: sums the absolute values of its activations in the probe's order.
/// If `probe` is null, all rows are the probe. Row t of a channel j that cannot be used is place j
/// * (rows + 1) + t. t is `rows` if all numbers are finite, but not their mean.
template <class T>
__global__ void mean_of_probe(matrix_view<const T, cuda_space> hidden, const std::uint32_t* probe,
                              unsigned size, wide* keys, list_status* status) {
  const std::size_t j = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (j >= hidden.cols()) return;
  double sum = 0;
  bool broken = false;
  for (unsigned k = 0; k < size; ++k) {
    const std::size_t t = probe == nullptr ? k : probe[k];
    const compute_type<T> number = number_of(hidden(t, j));
    if (!is_finite(number) && !broken) {
      atomicMin(&status->place, wide{j * (hidden.rows() + 1) + t});
      broken = true;
    }
    sum += std::fabs(static_cast<double>(number));
  }
  const double mean = sum / static_cast<double>(size);
  if (!broken && !is_finite(mean))
    atomicMin(&status->place, wide{j * (hidden.rows() + 1) + hidden.rows()});
  keys[j] = ordered_key(mean);
}

template <class T>
cuda::index_list choose_channels(const cuda::on_stream& on, const compute::dynamic_ffn& policy,
                                 matrix_view<const T, cuda_space> hidden,
                                 std::span<const std::uint32_t> probe, std::size_t probe_size,
                                 std::string_view token) {
  if (probe_size == 0) raise<shape_error>("dynamic_ffn: there is no visual token to probe");
  const std::size_t channels = hidden.cols(), rows = hidden.rows();
  const std::size_t kept = policy.kept(channels);
  if (channels > 0xffffffffu || probe_size > 0xffffffffu)
    raise<shape_error>("dynamic_ffn: ", channels, " channels of ", probe_size,
                       " tokens are more than the kernels count");
  cuda::index_list list(on, kept, [token, rows](std::size_t place, double value) {
    const std::size_t channel = place / (rows + 1), t = place % (rows + 1);
    if (t != rows)
      raise<value_error>("dynamic_ffn: the activation of ", token, t, ", channel ", channel, " is ",
                         static_cast<compute_type<T>>(value));
    raise<value_error>("dynamic_ffn: the activations of channel ", channel,
                       " are too large for their mean to be found");
  });
  const cuda::buffer scratch(on, list_scratch_bytes(channels));
  const cuda::buffer listed(on, probe.size() * sizeof(std::uint32_t));
  upload(on, probe, listed.as<std::uint32_t>());
  constexpr unsigned threads = 64;
  launch(&mean_of_probe<T>, blocks_of(channels, threads), threads, 0, on, hidden,
         listed.as<std::uint32_t>(), static_cast<unsigned>(probe_size), scratch.as<wide>(),
         list.status());
  launch(&note_value<T>, 1, 1, 0, on, hidden.data(), wide{rows + 1}, wide{rows},
         hidden.col_stride(), hidden.row_stride(), list.status());
  list_the_highest(on, scratch, channels, channels - kept, list);
  return list;
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::cuda {

/// compute::channels on the GPU: the kept channels, ascending, from the activations of all visual
/// tokens, (tokens, channels), of which it reads those of the probe.
///
/// Sums are in double and in the probe's order, so that equal activations give the same channels as
/// on the CPU. Asynchronous. The list holds policy.kept(channels) indices, and 9 bytes for each
/// channel are temporarily taken from `on`. An activation that is not finite is noted in the list
/// (cuda::index_list).
///
/// @throws shape_error if there is no token, or the activations lie at a null pointer
/// @throws value_error if a parameter cannot be used
/// @throws device_error if there is no memory, or CUDA refuses a kernel
template <viewable Hidden>
index_list run_on(const on_stream& on, const compute::channels_operation&, const Hidden& hidden,
                  const compute::dynamic_ffn& policy) {
  const auto h = detail::as_twin(detail::cuda_view(on, hidden));
  const std::vector<std::size_t> rows = policy.probe(h.rows());
  const std::vector<std::uint32_t> probe(rows.begin(), rows.end());
  return detail::choose_channels<typename decltype(h)::value_type>(on, policy, h, probe,
                                                                   probe.size(), "token ");
}

/// compute::channels_of_probe on the GPU: the kept channels from the activations of the probe
/// alone, (probe tokens, channels).
/// @throws the exceptions of `channels`
template <viewable Hidden>
index_list run_on(const on_stream& on, const compute::channels_of_probe_operation&,
                  const Hidden& probe_hidden, const compute::dynamic_ffn& policy) {
  const auto h = detail::as_twin(detail::cuda_view(on, probe_hidden));
  return detail::choose_channels<typename decltype(h)::value_type>(on, policy, h, {}, h.rows(),
                                                                   "probe token ");
}

}  // namespace tamp::inline TAMP_FLAGS::cuda
