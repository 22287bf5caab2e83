#pragma once

/// @file
/// Selection of the weights of a device tensor that stay. The weight itself is only read.

#include <cstddef>
#include <limits>
#include <type_traits>

#include "../prune/compose.hpp"
#include "../prune/select.hpp"
#include "../score/detail/score_forms.hpp"
#include "../score/detail/scored_rows.hpp"
#include "../tensor/traits.hpp"
#include "bitmask.cuh"
#include "detail/scored.cuh"
#include "detail/select_n_of_m.cuh"
#include "detail/select_per_row.cuh"
#include "detail/select_per_tensor.cuh"
#include "detail/views.cuh"
#include "on.cuh"
#include "workspace.cuh"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

/// Returns the statistics on the device, after all checks that are possible before a launch.
template <class Recipe, class Statistics>
const float* device_statistics(const cuda::on_stream& on, const Statistics& statistics,
                               std::size_t cols) {
  if constexpr (needs_statistic<typename Recipe::score_policy>) {
    static_assert(!std::is_same_v<Statistics, no_statistics>,
                  "this recipe's score needs a statistic: observe the layer's inputs and pass the "
                  "result, as in select(on(stream), weight, norms, recipe)");
    if constexpr (requires { statistics.tokens(); })
      if (statistics.tokens() == 0)
        raise<value_error>("select: the statistics have seen no activations");
    if constexpr (!std::is_same_v<Statistics, no_statistics>)
      return device_values(on, statistics, cols, "select");
  }
  return nullptr;
}

/// A score that the kernels can apply to one weight at a time.
template <class Score>
concept device_score =
    !repairing_score<Score> && !row_score<Score> && std::is_trivially_copyable_v<Score>;

}  // namespace detail

namespace cuda {

/// Chooses the weights of one layer that stay, on the GPU.
///
///     const auto keep = tamp::select(tamp::on(stream), W, norms, recipe);
///
/// W is (out_features, in_features), any strided tensor whose view has cuda_space. `norms` is a
/// cuda::column_norm, or a device view of one row of floats. It may be left out for a score that
/// needs none. The score must be elementwise. The mask equals the CPU's to the bit if the score's
/// arithmetic does (for a score that multiplies and adds, use nvcc --fmad=false).
///
/// Asynchronous. Only the mask is written, which is allocated from `on`. Faults that only the GPU
/// can see (a weight, a statistic or a score that is not finite) are noted in the mask
/// (cuda::bitmask).
///
/// @throws shape_error if W and the statistics have different numbers of columns, or lie at a null
///         pointer
/// @throws value_error if the statistics have seen nothing, or if the sparsity is not in [0, 1]
/// @throws device_error if there is no memory, or CUDA refuses the kernel
template <viewable Weight, class Statistics, class Recipe>
bitmask run_on(const on_stream& on, const select_operation&, const Weight& weight,
               const Statistics& statistics, const Recipe& recipe) {
  using score = typename Recipe::score_policy;
  static_assert(!detail::repairing_score<score> && !detail::row_score<score>,
                "this score reads more than one weight at a time and has no CUDA version: only "
                "elementwise scores such as magnitude, wanda, amia or your own have one");
  static_assert(std::is_trivially_copyable_v<score>,
                "this score is copied to the GPU and must be trivially copyable");
  if constexpr (detail::device_score<score>) {
    const auto w = detail::as_twin(detail::cuda_view(on, weight));
    using scored_type = detail::scored_weight<typename decltype(w)::value_type, score>;
    const double sparsity = detail::sparsity_of(recipe, w.size());
    const float* const values = detail::device_statistics<Recipe>(on, statistics, w.cols());
    if (w.cols() > std::numeric_limits<unsigned>::max() / 2)
      detail::raise<shape_error>("select: the weight has ", w.cols(),
                                 " columns, more than the kernels count");
    bitmask keep(on, w.rows(), w.cols());
    const scored_type scored{w, values, recipe.score, keep.status()};
    detail::select_with(recipe.pattern, on, scored, sparsity, keep);
    if constexpr (!detail::never_nan_score<score>)
      detail::launch(&detail::note_weight_of_score<scored_type>, 1, 1, 0, on, scored);
    return keep;
  } else {
    return {};
  }
}
template <viewable Weight, class Recipe>
bitmask run_on(const on_stream& on, const select_operation& select, const Weight& weight,
               const Recipe& recipe) {
  return run_on(on, select, weight, detail::no_statistics{}, recipe);
}
template <any_tensor Weight, class... Arguments>
void run_on(const on_stream&, const select_operation&, const Weight&, const Arguments&...) {
  detail::refuse_any_tensor<Weight>();
}

}  // namespace cuda
}  // namespace tamp::inline TAMP_FLAGS
