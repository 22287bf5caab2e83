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
#include "token_weights.cuh"
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
  __device__ double total(unsigned kind) const { return static_cast<double>(tokens[kind]); }
};

/// The weights of one sample by kind, on the device: their sums, and the numbers of tokens of
/// weight 0.
struct kind_weights {
  double sum[modality_kinds];
  double zeros[modality_kinds];
};
/// The sums of weights, as find_densities reads them.
struct weight_totals {
  const kind_weights* of_kind;
  __device__ double total(unsigned kind) const { return of_kind->sum[kind]; }
};

/// One block: writes the weights that a sample's sums are made with, and their sums. The largest
/// weight of each kind is brought into [1, 2) by a power of two, as on the CPU. A weight that
/// cannot be used counts as 0, since the sample is not added then.
template <class Weights, class Sums>
__global__ void scale_weights(Weights weights, const std::uint8_t* kinds, std::size_t n,
                              double* scaled, Sums* of_kind) {
  auto& room = shared_memory<double[warp_size]>();
  const auto usable = [&](std::size_t t) {
    const double weight = weights(t);
    return is_nonnegative(weight) ? weight : 0.0;
  };
  for (unsigned kind = 0; kind < modality_kinds; ++kind) {
    double largest = 0, zeros = 0;
    for (std::size_t t = threadIdx.x; t < n; t += blockDim.x)
      if (kinds[t] == kind) {
        const double weight = usable(t);
        largest = weight > largest ? weight : largest;
        zeros += weight == 0 ? 1 : 0;
      }
    for (unsigned distance = warp_size / 2; distance != 0; distance /= 2) {
      const double other = __shfl_xor_sync(whole_warp, largest, static_cast<int>(distance));
      largest = other > largest ? other : largest;
    }
    if (lane_number() == 0) room[warp_number()] = largest;
    __syncthreads();
    for (unsigned w = 0; w < warps_of_block(); ++w) largest = room[w] > largest ? room[w] : largest;
    __syncthreads();
    zeros = sum_of_block(zeros, room);
    double sum = 0;
    for (std::size_t t = threadIdx.x; t < n; t += blockDim.x)
      if (kinds[t] == kind) {
        const double weight = usable(t);
        scaled[t] = weight == 0 ? 0.0 : std::scalbn(weight, -std::ilogb(largest));
        sum += scaled[t];
      }
    sum = sum_of_block(sum, room);
    if (threadIdx.x == 0) {
      of_kind->sum[kind] = sum;
      of_kind->zeros[kind] = zeros;
    }
  }
}

/// Computes the factor that scales each token to unit length, or 0. An output that is not finite is
/// noted: number j of token t is place t * features + j. A token of weight 0 is not read, and its
/// factor is 0.
template <bool ByColumns, class T, class Weights>
__global__ void measure_tokens(matrix_view<const T, cuda_space> output, Weights weights,
                               double* scale, list_status* status) {
  using team = row_team<ByColumns>;
  const std::size_t t = std::size_t{blockIdx.x} * team::rows + team::row();
  double squares = 0;
  if (t < output.rows() && !(Weights::differ && weights(t) == 0))
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

/// Writes the tokens at unit length, and for each kind their weighted sum over 64 tokens at a time.
/// One block for 64 tokens and some features. Sums of products across kinds are products of these
/// sums.
template <class T, class Weights>
__global__ void scale_tokens(matrix_view<const T, cuda_space> output, Weights weights,
                             const double* scale, const std::uint8_t* kinds, kind_counts counts,
                             float* unit, double* partial_sums) {
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
      if (Weights::differ && weights(t) == 0) {
        unit[t * d + j] = 0;
        continue;
      }
      const auto number = static_cast<double>(number_of(output(t, j)));
      unit[t * d + j] = static_cast<float>(number * scale[t]);
      if constexpr (Weights::differ)
        sum += number * (scale[t] * weights(t));
      else
        sum += number * scale[t];
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
/// its kind. With weights, both are weighted.
template <class Real, class Weights>
__global__ void sum_positive(const Real* products, Weights weights, const std::uint8_t* kinds,
                             std::size_t n, double* sums, double* counts) {
  const std::size_t s = std::size_t{blockIdx.x} * warps_of_block() + warp_number();
  if (s >= n) return;
  double sum = 0, count = 0;
  for (std::size_t t = s + 1 + lane_number(); t < n; t += warp_size) {
    const Real product = products[s * n + t];
    if (product > 0 && kinds[t] == kinds[s]) {
      if constexpr (Weights::differ)
        sum += static_cast<double>(product) * weights(t);
      else
        sum += static_cast<double>(product);
      count += weights(t);
    }
  }
  sum = sum_of_lanes(sum);
  count = sum_of_lanes(count);
  if (lane_number() == 0) {
    sums[s] = Weights::differ ? sum * weights(s) : sum;
    counts[s] = Weights::differ ? count * weights(s) : count;
  }
}

/// One block: the densities, from the rows and the sums of each kind. `totals` has the number of
/// tokens of each kind, or the sum of their weights.
template <class Densities, class Totals>
__global__ void find_densities(const double* sums, const double* counts, const std::uint8_t* kinds,
                               std::size_t n, const double* kind_sums, std::size_t features,
                               kind_counts of_kind, Totals totals, Densities* densities) {
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
      const double total = totals.total(a) * totals.total(b);
      const double across = total == 0 ? 0.0 : product / total;
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
      : device_similarity(on, cublas, output, kinds, equal_weights{}, who, status) {}
  /// The same with weights. A density is a weighted mean, and a token of weight 0 has no length.
  template <class T, class Weights>
  device_similarity(const cuda::on_stream& on, cublasHandle_t cublas,
                    matrix_view<const T, cuda_space> output, std::span<const modality> kinds,
                    const Weights& given, std::string_view who, list_status* status)
      : tokens_(output.rows()) {
    static_assert(std::is_same_v<compute_type<T>, float>,
                  "similarities of tokens are made in float on a GPU: doubles are the CPU's");
    const std::size_t n = output.rows(), d = output.cols();
    products_ = device_array<float>(on, who, n, n);
    const std::vector<std::uint8_t> checked = checked_kinds(kinds, n, who);
    scale_ = device_array<double>(on, who, n);
    densities_ = cuda::buffer(on, sizeof(device_densities));
    if constexpr (Weights::differ) kind_weights_ = cuda::buffer(on, sizeof(kind_weights));
    if (n == 0) {
      on.fill(densities_.data(), 0, densities_.bytes());
      on.fill(kind_weights_.data(), 0, kind_weights_.bytes());
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
    constexpr unsigned threads = 256;
    cuda::buffer scaled_weights;
    Weights weights = given;
    if constexpr (Weights::differ) {
      scaled_weights = device_array<double>(on, who, n);
      launch(&scale_weights<Weights, kind_weights>, 1, threads, warp_size * sizeof(double), on,
             given, kind_of.as<std::uint8_t>(), n, scaled_weights.as<double>(),
             kind_weights_.as<kind_weights>());
      weights = {scaled_weights.as<double>(), 1};
    }

    launch(lies_by_columns(output) ? &measure_tokens<true, T, Weights>
                                   : &measure_tokens<false, T, Weights>,
           blocks_of(n, row_team<false>::rows), row_team<false>::threads,
           row_team<false>::room_bytes, on, output, weights, scale_.as<double>(), status);
    launch(&scale_tokens<T, Weights>, dim3(blocks_of(d, threads), static_cast<unsigned>(parts)),
           threads, 0, on, output, weights, scale_.as<double>(), kind_of.as<std::uint8_t>(),
           counts_, unit.as<float>(), partial.as<double>());
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
    launch(&sum_positive<float, Weights>, blocks_of(n, threads / warp_size), threads, 0, on,
           products_.as<float>(), weights, kind_of.as<std::uint8_t>(), n, sums, sums + n);
    const auto find = [&](const auto& totals) {
      launch(&find_densities<device_densities, std::remove_cvref_t<decltype(totals)>>, 1, threads,
             warp_size * sizeof(double), on, sums, sums + n, kind_of.as<std::uint8_t>(), n,
             kind_sums.as<double>(), d, counts_, totals, densities_.as<device_densities>());
    };
    if constexpr (Weights::differ)
      find(weight_totals{kind_weights_.as<kind_weights>()});
    else
      find(counts_);
  }

  std::size_t tokens() const noexcept { return tokens_; }
  const kind_counts& counts() const noexcept { return counts_; }
  /// The products, (tokens, tokens).
  const float* products() const noexcept { return products_.as<float>(); }
  /// The factors to unit length; 0 for a token of length zero.
  const double* scale() const noexcept { return scale_.as<double>(); }
  const device_densities* densities() const noexcept { return densities_.as<device_densities>(); }
  /// The weights by kind, or null without weights.
  const kind_weights* weights_of_kinds() const noexcept { return kind_weights_.as<kind_weights>(); }

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
  cuda::buffer products_, scale_, densities_, kind_weights_;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
