#pragma once

/// @file
/// The token selection of AMIA on the GPU.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "../detail/number_range.hpp"
#include "../detail/ordered_key.hpp"
#include "../stat/amia_select.hpp"
#include "../stat/select_tokens.hpp"
#include "detail/block.cuh"
#include "detail/token_similarity.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

/// Parameters of stat::amia_select in the form that kernels read.
struct amia_numbers {
  unsigned degree;  ///< number of near tokens of each token
  double forward_gamma, backward_gamma, rate, tolerance;
};

/// Notes attention that cannot be used. The attention to token t has place `first` + t.
template <class List>
__global__ void check_token_attention(matrix_view<const float, cuda_space> attention, wide first,
                                      List* status) {
  const std::size_t t = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (t >= attention.cols()) return;
  const float number = attention(0, t);
  if (!is_nonnegative(number)) atomicMin(&status->place, wide{first + t});
}

/// One thread: notes the number at the place that was noted.
template <class T>
__global__ void note_amia_value(matrix_view<const T, cuda_space> output,
                                matrix_view<const float, cuda_space> attention,
                                list_status* status) {
  const wide place = status->place, first = output.size();
  if (place == nowhere) return;
  status->value =
      place >= first
          ? static_cast<double>(attention(0, place - first))
          : static_cast<double>(number_of(output(place / output.cols(), place % output.cols())));
}

/// The squared length of a token after scaling.
__device__ inline double squared_length(double scale) { return scale == 0 ? 0.0 : 1.0; }

/// One warp for each token: finds the most similar other tokens, its graph value, and the sum of
/// its kernel over all tokens. Ties: the lower index comes first.
///
/// The near tokens are found one after another. Each is the highest below the one before, where a
/// similarity and an index are packed into one number.
template <class Real>
__global__ void look_around(const Real* products, const double* scale,
                            matrix_view<const float, cuda_space> attention, std::size_t n,
                            amia_numbers numbers, std::uint32_t* near, double* graph,
                            double* kernel_sums, const list_status* status) {
  // NaN has no place in the order, and would lead to arbitrary indices.
  if (status->place != nowhere) return;
  const std::size_t t = std::size_t{blockIdx.x} * warps_of_block() + warp_number();
  if (t >= n) return;
  const Real* const row = products + t * n;
  wide before = nowhere;
  double value = 0;
  for (unsigned k = 0; k < numbers.degree; ++k) {
    wide best = 0;
    for (std::size_t u = lane_number(); u < n; u += warp_size) {
      const wide found = wide{ordered_key(row[u])} << 32 | (0xffffffffu - static_cast<unsigned>(u));
      if (u != t && found < before && found > best) best = found;
    }
    for (unsigned distance = warp_size / 2; distance != 0; distance /= 2) {
      const wide other = __shfl_xor_sync(whole_warp, best, static_cast<int>(distance));
      best = other > best ? other : best;
    }
    before = best;
    const unsigned u = 0xffffffffu - static_cast<unsigned>(best);
    if (lane_number() == 0) near[t * numbers.degree + k] = u;
    const double distance = 1 - static_cast<double>(row[u]);
    value += std::exp(-numbers.forward_gamma * distance) * static_cast<double>(attention(0, u));
  }
  const double own = squared_length(scale[t]);
  double sum = 0;
  for (std::size_t u = lane_number(); u < n; u += warp_size)
    sum +=
        std::exp((squared_length(scale[u]) + own - 2 * static_cast<double>(row[u])) * numbers.rate);
  sum = sum_of_lanes(sum);
  if (lane_number() == 0) {
    graph[t] = static_cast<double>(attention(0, t)) + value;
    kernel_sums[t] = sum;
  }
}

/// Shared memory of the choice: the results of each warp, twice, since a round writes while the
/// round before may still be read.
struct choice_room {
  static constexpr unsigned most_threads = 512;
  double value[2][warp_size], sum[2][warp_size];
  unsigned token[2][warp_size];
  double sums[warp_size];
};

/// A token and its value, as a candidate for the next choice.
struct valued_token {
  double value;
  unsigned token;

  /// True if this token is taken before another. A token from `n` on stands for none.
  __device__ bool goes_before(const valued_token& other, unsigned n) const {
    if (token >= n || other.token >= n) return token < other.token;
    return value > other.value || (!(other.value > value) && token < other.token);
  }
};

/// One block takes the tokens, one in each round. A round has two barriers. First the near tokens
/// of the taken token lose value. Then each thread finds the highest of its tokens, and sums the
/// kernel between the taken token and those of its tokens that were taken. Both results are reduced
/// over the block.
template <class List>
__global__ void __launch_bounds__(choice_room::most_threads)
    take_tokens(const float* products, const double* scale, const std::uint32_t* near,
                double* graph, const double* kernel_sums, std::uint8_t* is_taken, unsigned n,
                amia_numbers numbers, const device_densities* densities, std::uint32_t* taken,
                List* status) {
  auto& room = shared_memory<choice_room>();
  if (status->place != nowhere) {
    if (threadIdx.x == 0) status->size = 0;
    return;
  }
  double all = 0;
  for (unsigned t = threadIdx.x; t < n; t += blockDim.x) all += kernel_sums[t];
  all = sum_of_block(all, room.sums);
  const double mean = densities->mean, count = static_cast<double>(n);
  const double stop = numbers.tolerance * std::sqrt(1 - mean > 0 ? 1 - mean : 0.0);

  // Returns the next token, and the kernel sum between `with` and all taken tokens.
  unsigned round = 0;
  struct found {
    valued_token next;
    double kernel_sum;
  };
  const auto find = [&](unsigned with) {
    found mine{{0, n}, 0};
    const double own = with < n ? squared_length(scale[with]) : 0.0;
    for (unsigned t = threadIdx.x; t < n; t += blockDim.x) {
      if (is_taken[t] == 0) {
        const valued_token other{graph[t], t};
        if (other.goes_before(mine.next, n)) mine.next = other;
      } else {
        const double product = static_cast<double>(products[std::size_t{with} * n + t]);
        mine.kernel_sum += std::exp((squared_length(scale[t]) + own - 2 * product) * numbers.rate);
      }
    }
    const auto join = [&](found of_lane) {
      for (unsigned distance = warp_size / 2; distance != 0; distance /= 2) {
        const int by = static_cast<int>(distance);
        const valued_token other{__shfl_xor_sync(whole_warp, of_lane.next.value, by),
                                 __shfl_xor_sync(whole_warp, of_lane.next.token, by)};
        if (other.goes_before(of_lane.next, n)) of_lane.next = other;
        of_lane.kernel_sum += __shfl_xor_sync(whole_warp, of_lane.kernel_sum, by);
      }
      return of_lane;
    };
    mine = join(mine);
    const unsigned side = round % 2, lane = lane_number();
    if (lane == 0) {
      room.value[side][warp_number()] = mine.next.value;
      room.token[side][warp_number()] = mine.next.token;
      room.sum[side][warp_number()] = mine.kernel_sum;
    }
    __syncthreads();
    return join(lane < warps_of_block()
                    ? found{{room.value[side][lane], room.token[side][lane]}, room.sum[side][lane]}
                    : found{{0, n}, 0});
  };

  double within = 0, between = 0;  // kernel sums: taken x taken, all x taken
  found best = find(n);
  while (round < n) {
    const unsigned s = best.next.token;
    const double reach = best.next.value > 0 ? best.next.value : 0.0;
    const float* const row = products + std::size_t{s} * n;
    for (unsigned k = threadIdx.x; k < numbers.degree; k += blockDim.x) {
      const unsigned u = near[std::size_t{s} * numbers.degree + k];
      const double distance = 1 - static_cast<double>(row[u]);
      graph[u] -= std::exp(-numbers.backward_gamma * distance) * reach;
    }
    if (threadIdx.x == 0) {
      taken[round] = s;
      is_taken[s] = 1;
    }
    ++round;
    __syncthreads();
    best = find(s);
    // The token counts once with itself, and twice with each token taken before.
    const double own = squared_length(scale[s]);
    within += 2 * best.kernel_sum -
              std::exp((own + own - 2 * static_cast<double>(row[s])) * numbers.rate);
    between += kernel_sums[s];
    const double m = static_cast<double>(round);
    if (all / (count * count) + within / (m * m) - 2 * between / (count * m) < stop) break;
  }
  if (threadIdx.x == 0) status->size = round;
}

/// Returns a function that throws the exception of the CPU's amia_select for a place.
inline cuda::index_list::refusal refuse_amia(std::size_t tokens, std::size_t features) {
  return [tokens, features](std::size_t place, double value) {
    if (place >= tokens * features)
      raise<value_error>("amia_select: the attention to token ", place - tokens * features, " is ",
                         static_cast<float>(value));
    raise<value_error>("amia_select: the output of token ", place / features, ", feature ",
                       place % features, " is ", static_cast<float>(value));
  };
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::cuda {

/// stat::amia_select on the GPU: the kept tokens in the order in which they were taken. Their
/// number is known only to the GPU until to_host or device_size is read. The list has room for all
/// tokens.
///
///     const auto taken = tamp::stat::select_tokens(tamp::on(stream), cublas, Y, kinds, attention,
///                                                  stat::amia_select{});
///
/// Y is (tokens, out_features), float or 16 bits. `attention` is one row of floats, (tokens,). Both
/// are in the GPU's memory, `kinds` in the CPU's. The cost is that of the product of all pairs of
/// tokens, which cuBLAS computes in float (see cuda::token_diversity), of a few passes over its
/// result, and of one block that takes the tokens. If two similarities differ by no more than the
/// rounding of the product, another token than the CPU's may be taken. All other arithmetic is in
/// double, and independent of the grid.
///
/// Asynchronous. N tokens of d features temporarily take 4 N (N + d) bytes from `on`, d / 8 more
/// for each token and kind, and 4 N k for k near tokens of each. Numbers that cannot be used are
/// noted in the list (cuda::index_list).
///
/// @throws shape_error if kinds or attention do not cover the tokens, or if any of the inputs lies
///         at a null pointer
/// @throws value_error if a kind is not below 8 or a parameter cannot be used
/// @throws device_error if there is no memory, or CUDA or cuBLAS refuses
template <viewable Y, viewable Attention>
index_list run_on(const on_stream& on, const stat::select_tokens_operation&, cublasHandle_t cublas,
                  const Y& output, std::span<const modality> kinds, const Attention& attention,
                  const stat::amia_select& policy) {
  using namespace tamp::detail;
  constexpr std::string_view who = "amia_select";
  const auto y_view = as_twin(cuda_view(on, output));
  using value = typename decltype(y_view)::value_type;
  const matrix_view<const value, cuda_space> y = y_view;
  const matrix_view<const float, cuda_space> a = cuda_view(on, attention);
  const std::size_t n = y.rows();
  if (a.size() != n || (n != 0 && a.rows() != 1))
    raise<shape_error>(who, ": the attention covers ", a.size(), " tokens, the output has ", n);
  policy.check_parameters();
  if (n > 0xffffffffu) raise<shape_error>(who, ": ", n, " tokens are more than the kernels count");

  cuda::index_list list(on, n, refuse_amia(n, y.cols()));
  const device_similarity similar(on, cublas, y, kinds, who, list.status());
  if (n == 0) {
    on.fill(&list.status()->size, 0, sizeof(unsigned));
    return list;
  }
  const amia_numbers numbers{static_cast<unsigned>((std::min)(policy.neighbours, n - 1)),
                             policy.forward_gamma, policy.backward_gamma,
                             -1 / (2 * policy.sigma * policy.sigma), policy.tolerance};
  const cuda::buffer near = device_array<std::uint32_t>(on, who, n, numbers.degree);
  const cuda::buffer values = device_array<double>(on, who, n, 2), is_taken(on, n);
  on.fill(is_taken.data(), 0, n);
  auto* const graph = values.as<double>();
  constexpr unsigned threads = 256;
  launch(&check_token_attention<list_status>, blocks_of(n, threads), threads, 0, on, a,
         wide{y.size()}, list.status());
  launch(&note_amia_value<value>, 1, 1, 0, on, y, a, list.status());
  launch(&look_around<float>, blocks_of(n, threads / warp_size), threads, 0, on, similar.products(),
         similar.scale(), a, n, numbers, near.as<std::uint32_t>(), graph, graph + n, list.status());
  // Few tokens for each thread. The number of threads depends only on the number of tokens.
  const auto takers = static_cast<unsigned>(
      std::clamp<std::size_t>((n + 127) / 128 * 32, 32, choice_room::most_threads));
  launch(&take_tokens<list_status>, 1, takers, sizeof(choice_room), on, similar.products(),
         similar.scale(), near.as<std::uint32_t>(), graph, graph + n, is_taken.as<std::uint8_t>(),
         static_cast<unsigned>(n), numbers, similar.densities(), list.data(), list.status());
  return list;
}

}  // namespace tamp::inline TAMP_FLAGS::cuda
