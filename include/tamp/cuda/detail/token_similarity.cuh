#pragma once

/// @file
/// Cosine similarities of all pairs of a sample's tokens, on the GPU.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "../../model/modality.hpp"
#include "../../stat/detail/token_similarity.hpp"
#include "../index_list.cuh"
#include "block.cuh"
#include "cublas.cuh"
#include "row_sums.cuh"
#include "upload.cuh"
#include "views.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns the sum over a block, to all of its threads, in an order that depends only on their
/// number. `room` has a place for each warp.
__device__ inline double sum_of_block(double value, double* room) {
  value = sum_of_lanes(value);
  if (lane_number() == 0) room[warp_number()] = value;
  __syncthreads();
  double sum = 0;
  for (unsigned w = 0; w < warps_of_block(); ++w) sum += room[w];
  __syncthreads();  // before the room is used again
  return sum;
}

/// token_densities, on the device.
struct device_densities {
  double of_pair[modality_pairs];
  double mean;
};

/// The number of tokens of each kind, which the host knows.
struct kind_counts {
  unsigned tokens[modality_kinds];
};

/// Computes the factor that scales each token to unit length, or 0. An output that is not finite is
/// noted: number j of token t is place t * features + j.
template <bool ByColumns, class T>
__global__ void measure_tokens(matrix_view<const T, cuda_space> output, double* scale,
                               list_status* status) {
  using team = row_team<ByColumns>;
  const std::size_t t = std::size_t{blockIdx.x} * team::rows + team::row();
  double squares = 0;
  if (t < output.rows())
    team::for_each(output, t, 0, [&](T element, std::size_t j) {
      const float number = number_of(element);
      if (!is_finite(number)) atomicMin(&status->place, wide{t * output.cols() + j});
      squares += static_cast<double>(number) * static_cast<double>(number);
    });
  squares = team::in_pairs(squares);
  if (t < output.rows() && team::sum() == 0) scale[t] = squares == 0 ? 0.0 : 1 / std::sqrt(squares);
}

/// The number of tokens that one thread adds up, for one feature.
inline constexpr std::size_t scaled_together = 64;

/// Writes the tokens at unit length, and for each kind their sum over 64 tokens at a time. One
/// block for 64 tokens and some features. Sums of products across kinds are products of these sums.
template <class T>
__global__ void scale_tokens(matrix_view<const T, cuda_space> output, const double* scale,
                             const std::uint8_t* kinds, kind_counts counts, float* unit,
                             double* partial_sums) {
  const std::size_t n = output.rows(), d = output.cols();
  const std::size_t j = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (j >= d) return;
  const std::size_t first = blockIdx.y * scaled_together;
  const std::size_t last = first + scaled_together < n ? first + scaled_together : n;
  unsigned present = 0;  // number of kinds so far
  for (unsigned kind = 0; kind < modality_kinds; ++kind) {
    if (counts.tokens[kind] == 0) continue;
    double sum = 0;
    for (std::size_t t = first; t < last; ++t) {
      if (kinds[t] != kind) continue;
      const double scaled = static_cast<double>(number_of(output(t, j))) * scale[t];
      unit[t * d + j] = static_cast<float>(scaled);
      sum += scaled;
    }
    partial_sums[(present * gridDim.y + blockIdx.y) * d + j] = sum;
    ++present;
  }
}

/// Adds the partial sums: (present kinds, features).
template <class Real>
__global__ void join_partial_sums(const Real* partial_sums, std::size_t parts, std::size_t features,
                                  Real* sums) {
  const std::size_t j = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (j >= features) return;
  Real sum = 0;
  for (std::size_t p = 0; p < parts; ++p)
    sum += partial_sums[(blockIdx.y * parts + p) * features + j];
  sums[blockIdx.y * features + j] = sum;
}

/// Recomputes products near zero in double, since their sign decides whether a pair counts. One
/// block for each token, and one warp for each of its pairs: sixteen lanes have an accumulator
/// each, as on the CPU.
template <class T>
__global__ void renew_near_zero(matrix_view<const T, cuda_space> output, const double* scale,
                                float* products) {
  constexpr float near_zero = 1e-6f;  // above the error of a product of unit vectors in float
  const std::size_t n = output.rows(), d = output.cols(), s = blockIdx.x;
  if (scale[s] == 0) return;
  for (std::size_t first = (s + 1) / warp_size * warp_size + warp_number() * warp_size; first < n;
       first += blockDim.x) {
    const std::size_t mine = first + lane_number();
    const bool is_near =
        mine > s && mine < n && std::fabs(products[s * n + mine]) < near_zero && scale[mine] != 0;
    for (unsigned left = __ballot_sync(whole_warp, is_near); left != 0; left &= left - 1) {
      const std::size_t t = first + static_cast<unsigned>(__ffs(static_cast<int>(left))) - 1;
      double sum = 0;
      if (lane_number() < 16)
        for (std::size_t j = lane_number(); j < d; j += 16)
          sum += static_cast<double>(number_of(output(s, j))) *
                 static_cast<double>(number_of(output(t, j)));
      for (unsigned distance = 8; distance != 0; distance /= 2)
        sum += __shfl_xor_sync(whole_warp, sum, static_cast<int>(distance));
      if (lane_number() == 0) products[s * n + t] = static_cast<float>(sum * scale[s] * scale[t]);
    }
  }
}

/// One warp for each token: the sum and the number of its positive similarities to later tokens of
/// its kind.
template <class Real>
__global__ void sum_positive(const Real* products, const std::uint8_t* kinds, std::size_t n,
                             double* sums, double* counts) {
  const std::size_t s = std::size_t{blockIdx.x} * warps_of_block() + warp_number();
  if (s >= n) return;
  double sum = 0;
  unsigned count = 0;
  for (std::size_t t = s + 1 + lane_number(); t < n; t += warp_size) {
    const Real product = products[s * n + t];
    if (product > 0 && kinds[t] == kinds[s]) {
      sum += static_cast<double>(product);
      ++count;
    }
  }
  sum = sum_of_lanes(sum);
  const double found = sum_of_lanes(static_cast<double>(count));
  if (lane_number() == 0) {
    sums[s] = sum;
    counts[s] = found;
  }
}

/// One block: the densities, from the rows and the sums of each kind.
template <class Densities>
__global__ void find_densities(const double* sums, const double* counts, const std::uint8_t* kinds,
                               std::size_t n, const double* kind_sums, std::size_t features,
                               kind_counts of_kind, Densities* densities) {
  auto& room = shared_memory<double[warp_size]>();
  if (threadIdx.x == 0)
    for (double& density : densities->of_pair) density = 0;
  double all = 0, known = 0;
  unsigned place_a = 0;
  for (unsigned a = 0; a < modality_kinds; ++a) {
    if (of_kind.tokens[a] == 0) continue;
    known += 1;
    double sum = 0, count = 0;
    for (std::size_t s = threadIdx.x; s < n; s += blockDim.x)
      if (kinds[s] == a) {
        sum += sums[s];
        count += counts[s];
      }
    sum = sum_of_block(sum, room);
    count = sum_of_block(count, room);
    const double within = count == 0 ? 0.0 : sum / count;
    all += within;
    if (threadIdx.x == 0) densities->of_pair[pair_index(a, a)] = within;
    unsigned place_b = place_a + 1;
    for (unsigned b = a + 1; b < modality_kinds; ++b) {
      if (of_kind.tokens[b] == 0) continue;
      double product = 0;
      for (std::size_t j = threadIdx.x; j < features; j += blockDim.x)
        product += kind_sums[place_a * features + j] * kind_sums[place_b * features + j];
      product = sum_of_block(product, room);
      const double across = product / (static_cast<double>(of_kind.tokens[a]) *
                                       static_cast<double>(of_kind.tokens[b]));
      all += across;
      if (threadIdx.x == 0) densities->of_pair[pair_index(a, b)] = across;
      ++place_b;
    }
    ++place_a;
  }
  // At least two modalities count, as in token_densities::mean.
  const double counted = known < 2 ? 2.0 : known;
  if (threadIdx.x == 0) densities->mean = all / (counted * (counted + 1) / 2);
}

/// The similarities and densities of one sample, in the memory of the GPU: token_similarity there.
///
/// The tokens are scaled with the same bits as on the CPU. Their products come from cuBLAS and may
/// differ from the CPU's by rounding. All other sums are in double, in an order that depends only
/// on the shape.
class device_similarity {
 public:
  /// @throws shape_error if `kinds` is neither empty (all text) nor has one entry for each token,
  ///         or if no memory can hold the products
  /// @throws value_error if a kind is not below 8
  template <class T>
  device_similarity(const cuda::on_stream& on, cublasHandle_t cublas,
                    matrix_view<const T, cuda_space> output, std::span<const modality> kinds,
                    std::string_view who, list_status* status)
      : tokens_(output.rows()) {
    static_assert(std::is_same_v<compute_type<T>, float>,
                  "similarities of tokens are made in float on a GPU: doubles are the CPU's");
    const std::size_t n = output.rows(), d = output.cols();
    products_ = device_array<float>(on, who, n, n);
    const std::vector<std::uint8_t> checked = checked_kinds(kinds, n, who);
    scale_ = device_array<double>(on, who, n);
    densities_ = cuda::buffer(on, sizeof(device_densities));
    if (n == 0) {
      on.fill(densities_.data(), 0, densities_.bytes());
      return;
    }
    std::size_t present = 0;
    for (const unsigned count : counts_.tokens) present += count != 0;
    const std::size_t parts = (n + scaled_together - 1) / scaled_together;
    const cuda::buffer kind_of(on, n), unit = device_array<float>(on, who, n, d);
    const cuda::buffer partial = device_array<double>(on, who, present * parts, d);
    const cuda::buffer kind_sums = device_array<double>(on, who, present, d);
    const cuda::buffer rows = device_array<double>(on, who, n, 2);
    upload<std::uint8_t>(on, checked, kind_of.as<std::uint8_t>());

    launch(lies_by_columns(output) ? &measure_tokens<true, T> : &measure_tokens<false, T>,
           blocks_of(n, row_team<false>::rows), row_team<false>::threads,
           row_team<false>::room_bytes, on, output, scale_.as<double>(), status);
    constexpr unsigned threads = 256;
    launch(&scale_tokens<T>, dim3(blocks_of(d, threads), static_cast<unsigned>(parts)), threads, 0,
           on, output, scale_.as<double>(), kind_of.as<std::uint8_t>(), counts_, unit.as<float>(),
           partial.as<double>());
    launch(&join_partial_sums<double>, dim3(blocks_of(d, threads), static_cast<unsigned>(present)),
           threads, 0, on, partial.as<double>(), parts, d, kind_sums.as<double>());
    {
      const borrowed_cublas borrowed(cublas, on, who);
      products_of_rows(borrowed, unit.as<float>(), n, d, products_.as<float>(), who);
    }
    launch(&renew_near_zero<T>, static_cast<unsigned>(n), 128, 0, on, output, scale_.as<double>(),
           products_.as<float>());
    mirror_on(on, products_.as<float>(), n);
    auto* const sums = rows.as<double>();
    launch(&sum_positive<float>, blocks_of(n, threads / warp_size), threads, 0, on,
           products_.as<float>(), kind_of.as<std::uint8_t>(), n, sums, sums + n);
    launch(&find_densities<device_densities>, 1, threads, warp_size * sizeof(double), on, sums,
           sums + n, kind_of.as<std::uint8_t>(), n, kind_sums.as<double>(), d, counts_,
           densities_.as<device_densities>());
  }

  std::size_t tokens() const noexcept { return tokens_; }
  const kind_counts& counts() const noexcept { return counts_; }
  /// The products, (tokens, tokens).
  const float* products() const noexcept { return products_.as<float>(); }
  /// The factors to unit length; 0 for a token of length zero.
  const double* scale() const noexcept { return scale_.as<double>(); }
  const device_densities* densities() const noexcept { return densities_.as<device_densities>(); }

 private:
  std::vector<std::uint8_t> checked_kinds(std::span<const modality> kinds, std::size_t n,
                                          std::string_view who) {
    if (!kinds.empty() && kinds.size() != n)
      raise<shape_error>(who, ": the modalities cover ", kinds.size(), " tokens, the output has ",
                         n);
    check_list(who, "modalities", kinds);
    auto checked = checked_array<std::uint8_t>(who, n);
    for (std::size_t t = 0; t < kinds.size(); ++t) {
      checked[t] = static_cast<std::uint8_t>(kinds[t]);
      if (checked[t] >= modality_kinds)
        raise<value_error>(who, ": token ", t, " is of modality ",
                           static_cast<std::size_t>(checked[t]), "; there are ", modality_kinds);
    }
    for (const std::uint8_t kind : checked) ++counts_.tokens[kind];
    return checked;
  }

  std::size_t tokens_;
  kind_counts counts_{};
  cuda::buffer products_, scale_, densities_;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
