#pragma once

/// @file
/// The outlier ratios of OWL for device tensors.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../allocate/owl.hpp"
#include "../score/detail/scored_rows.hpp"
#include "detail/row_sums.cuh"
#include "detail/scored.cuh"
#include "detail/views.cuh"
#include "on.cuh"
#include "select.cuh"
#include "workspace.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

/// The result for the scores of one unit.
struct unit_scores {
  double sum;
  wide above;  ///< number of outliers
};

/// The number of rows of a matrix that have weights.
template <class Matrix>
TAMP_FN std::size_t rows_with_weights(const Matrix& weight) {
  return weight.cols() == 0 ? 0 : weight.rows();
}

/// Computes the sum of each row's scores.
template <bool ByColumns, class T, class Score>
__global__ void sum_scores_of_rows(scored_weight<T, Score> scored, double* sums) {
  using team = row_team<ByColumns>;
  scored.check_statistics();
  const std::size_t i = std::size_t{blockIdx.x} * team::rows + team::row();
  double sum = 0;
  const std::size_t rows = rows_with_weights(scored.weight);
  if (i < rows)
    team::for_each(scored.weight, i, 0, [&](T element, std::size_t j) {
      // Never contracted with the score's own multiplication, regardless of nvcc's options.
      sum = __dadd_rn(
          sum, static_cast<double>(scored.checked_score(element, scored.statistic_of(j), i, j)));
    });
  sum = team::in_pairs(sum);
  if (i < rows && team::sum() == 0) sums[i] = sum;
}

/// One block: adds a layer's rows to the sum of its unit, in order.
template <class Unit>
__global__ void add_rows_to_unit(const double* sums, std::size_t rows, Unit* unit) {
  const double sum = sum_in_order(unit->sum, sums, rows, &shared_memory<double>());
  if (threadIdx.x == 0) unit->sum = sum;
}

/// Counts the scores of a layer that are above M times the mean of its unit.
template <bool ByColumns, class T, class Score>
__global__ void count_outliers(scored_weight<T, Score> scored, double M, double size,
                               unit_scores* unit) {
  using team = row_team<ByColumns>;
  const double threshold = M * (unit->sum / size);
  const std::size_t i = std::size_t{blockIdx.x} * team::rows + team::row();
  unsigned above = 0;
  if (i < scored.weight.rows())
    team::for_each(scored.weight, i, 0, [&](T element, std::size_t j) {
      const auto score = scored.score_at(number_of(element), scored.statistic_of(j));
      above += static_cast<double>(score) > threshold;
    });
  above = sum_of_lanes(above);
  if (lane_number() == 0 && above != 0) atomicAdd(&unit->above, wide{above});
}

template <class Unit>
__global__ void write_outlier_ratio(const Unit* unit, double size, double* ratio) {
  *ratio = 100.0 * static_cast<double>(unit->above) / size;
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::cuda {

/// The percentage of outliers among each unit's scores, on the device. Made by
/// cuda::outlier_ratios_of. Movable, not copyable.
class outlier_ratios {
 public:
  /// One row with a number for each unit, in the GPU's memory; 0 for a unit without scores.
  matrix_view<const double, cuda_space> values() const noexcept {
    return {memory_.as<double>(), 1, units_.size()};
  }
  /// The number of scores of a unit; 0 if no layer saw a token.
  std::size_t scores(std::size_t unit) const noexcept { return units_[unit].scores; }
  /// Notes on the layers that saw no token.
  const std::vector<std::string>& notes() const noexcept { return notes_; }

  /// WAITS for the stream, and copies the ratios to the CPU.
  /// @throws value_error if a weight, a statistic or a score could not be used, naming the first,
  ///         or if scores are too large to be summed
  std::vector<double> to_host(const on_stream& on) const {
    const std::size_t units = units_.size();
    std::vector<double> ratios(units);
    std::vector<tamp::detail::unit_scores> found(units);
    std::vector<tamp::detail::selection_status> states(layers_.size());
    const auto copy = [&](auto& to, std::size_t offset) {
      on.copy(to.data(), memory_.as<std::byte>(offset), to.size() * sizeof(to[0]));
    };
    copy(ratios, 0);
    copy(found, units_at(units));
    copy(states, layers_at(units));
    on.wait();
    std::size_t l = 0;
    for (std::size_t u = 0; u < units; ++u) {
      const std::size_t first = l;
      for (; l < layers_.size() && layers_[l].unit == u; ++l)
        tamp::detail::raise_if_statistic_broken(states[l], "owl", layers_[l].name);
      for (l = first; l < layers_.size() && layers_[l].unit == u; ++l)
        tamp::detail::raise_if_weight_broken(states[l], layers_[l].cols, "owl", layers_[l].name);
      if (!is_finite(found[u].sum))
        tamp::detail::raise<value_error>("owl: the scores of ", units_[u].name,
                                         " are too large to be summed");
    }
    return ratios;
  }

 private:
  template <class Score, class Units>
  friend outlier_ratios outlier_ratios_of(const on_stream& on, const Units& units,
                                          const allocate::owl<Score>& policy);

  struct unit_facts {
    std::string name;
    std::size_t scores = 0;
  };
  struct layer_facts {
    std::string name;
    std::size_t unit, cols;
  };

  static constexpr std::size_t units_at(std::size_t units) noexcept {
    return units * sizeof(double);
  }
  static constexpr std::size_t layers_at(std::size_t units) noexcept {
    return units * (sizeof(double) + sizeof(tamp::detail::unit_scores));
  }

  std::vector<unit_facts> units_;
  std::vector<layer_facts> layers_;
  std::vector<std::string> notes_;
  buffer memory_;  // the ratios, a unit_scores for each unit, a selection_status for each layer
};

/// Computes the outlier ratio of every unit on the GPU, by which allocate::owl distributes
/// sparsity.
///
///     ratio(u) = 100 * |{ score > M * mean of the scores of u }| / |u|     over all layers of u
///
/// `units` has size(), name(unit) and visit(unit, use), which calls
/// `use(layer's name, weight, statistic)` for each layer of a unit, in the same order each time.
/// Weights have cuda_space. A statistic is any that tamp::select(on, ...) takes. There are two
/// passes over the weights, and a visit before them that reads shapes and names.
///
/// Sums are in double and in the CPU's order, so that the ratios equal the CPU's for equal scores,
/// on any grid. Asynchronous. One double for each row of the largest layer is temporarily taken
/// from `on`, in addition to the memory of the result.
///
/// @throws value_error if a parameter is out of range
/// @throws shape_error if a layer's statistics cover another number of columns, or if a tensor lies
///         at a null pointer
/// @throws device_error if there is no memory, or CUDA refuses a kernel
template <class Score, class Units>
outlier_ratios outlier_ratios_of(const on_stream& on, const Units& units,
                                 const allocate::owl<Score>& policy) {
  using namespace tamp::detail;
  static_assert(device_score<Score>,
                "this score has no CUDA version: only elementwise scores such as magnitude, wanda, "
                "amia or your own have one, and they must be trivially copyable");
  policy.check_parameters();
  outlier_ratios result;
  std::size_t most_rows = 0;
  // Calls use(layer, weight, its statistics on the device) for the layers of a unit that saw
  // tokens.
  const auto visit = [&](std::size_t unit, const auto& on_unseen, const auto& use) {
    units.visit(unit, [&](std::string_view layer, const auto& weight, const auto& statistic) {
      const auto w = as_twin(cuda_view(on, weight));
      const float* values = nullptr;
      if constexpr (needs_statistic<Score>) {
        if constexpr (requires { statistic.tokens(); })
          if (statistic.tokens() == 0) return on_unseen(layer);
        values = device_values(on, statistic, w.cols(), "owl", layer);
      }
      use(layer, matrix_view<const typename decltype(w)::value_type, cuda_space>(w), values);
    });
  };
  for (std::size_t u = 0; u < units.size(); ++u) {
    result.units_.push_back({std::string(units.name(u)), 0});
    visit(
        u,
        [&](std::string_view layer) {
          result.notes_.push_back(sentence("owl: ", layer, " saw no token, and has no part in ",
                                           "the outlier ratio of ", units.name(u)));
        },
        [&](std::string_view layer, const auto& w, const float*) {
          auto& scores = result.units_[u].scores;
          scores = checked_sum("owl", scores, w.size());
          result.layers_.push_back({std::string(layer), u, w.cols()});
          most_rows = (std::max)(most_rows, rows_with_weights(w));
        });
  }
  const std::size_t unit_bytes = outlier_ratios::layers_at(units.size());
  const std::size_t layer_bytes = result.layers_.size() * sizeof(selection_status);
  result.memory_ = buffer(on, unit_bytes + layer_bytes);
  on.fill(result.memory_.data(), 0, unit_bytes);
  on.fill(result.memory_.template as<std::byte>(unit_bytes), 0xff, layer_bytes);
  const buffer row_sums = device_array<double>(on, "owl", most_rows);
  auto* const scores =
      result.memory_.template as<unit_scores>(outlier_ratios::units_at(units.size()));
  auto* const status = result.memory_.template as<selection_status>(unit_bytes);

  std::size_t layer = 0;
  for (std::size_t u = 0; u < units.size(); ++u) {
    const auto size = static_cast<double>(result.units_[u].scores);
    const std::size_t first = layer;
    while (layer < result.layers_.size() && result.layers_[layer].unit == u) ++layer;
    const auto with_scored = [&](const auto& use) {
      auto* own = status + first;
      visit(
          u, [](std::string_view) {},
          [&](std::string_view, const auto& w, const float* values) {
            using value = typename std::remove_cvref_t<decltype(w)>::value_type;
            use(scored_weight<value, Score>{w, values, policy.score, own++});
          });
    };
    with_scored([&]<class T>(const scored_weight<T, Score>& scored) {
      using team = row_team<false>;
      const std::size_t rows = rows_with_weights(scored.weight);
      // At least one block, which checks the statistics.
      launch(lies_by_columns(scored.weight) ? &sum_scores_of_rows<true, T, Score>
                                            : &sum_scores_of_rows<false, T, Score>,
             (std::max)(1u, blocks_of(rows, team::rows)), team::threads, team::room_bytes, on,
             scored, row_sums.as<double>());
      if constexpr (!never_nan_score<Score>)
        launch(&note_weight_of_score<scored_weight<T, Score>>, 1, 1, 0, on, scored);
      constexpr unsigned threads = 256;
      launch(&add_rows_to_unit<unit_scores>, 1, threads, threads * sizeof(double), on,
             row_sums.as<double>(), rows, scores + u);
    });
    if (size != 0) {
      with_scored([&]<class T>(const scored_weight<T, Score>& scored) {
        using team = row_team<false>;
        launch(lies_by_columns(scored.weight) ? &count_outliers<true, T, Score>
                                              : &count_outliers<false, T, Score>,
               blocks_of(rows_with_weights(scored.weight), team::rows), team::threads, 0, on,
               scored, policy.M, size, scores + u);
      });
      launch(&write_outlier_ratio<unit_scores>, 1, 1, 0, on, scores + u, size,
             result.memory_.as<double>() + u);
    }
  }
  return result;
}

/// WAITS for the stream, and distributes sparsity as `policy(exec, units)` does on the CPU, with
/// the same sparsities and notes.
/// @throws the exceptions of cuda::outlier_ratios_of, cuda::outlier_ratios::to_host and
///         allocate::owl::distribute
template <class Score, class Units>
allocate::allocation allocate_by(const on_stream& on, const Units& units,
                                 const allocate::owl<Score>& policy) {
  using namespace tamp::detail;
  const outlier_ratios found = outlier_ratios_of(on, units, policy);
  std::vector<double> ratios = found.to_host(on);
  std::vector<bool> known(ratios.size());
  for (std::size_t u = 0; u < ratios.size(); ++u) known[u] = found.scores(u) != 0;
  const std::vector<std::string> names = names_of(units);
  std::vector<std::string> notes = found.notes();
  fill_unknown("owl", "outlier ratio", ratios, known, names, notes);
  allocate::allocation answer = policy.distribute(ratios, num_params_of(units), names);
  answer.notes.insert(answer.notes.begin(), notes.begin(), notes.end());
  return answer;
}

}  // namespace tamp::inline TAMP_FLAGS::cuda
