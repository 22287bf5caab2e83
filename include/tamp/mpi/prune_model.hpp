#pragma once

/// @file
/// Pruning of a model by the ranks of MPI. Needs MPI (CMake: tamp::mpi).

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "../error.hpp"
#include "../mask/bitmask.hpp"
#include "../model/fingerprint.hpp"
#include "../model/host.hpp"
#include "../model/progress.hpp"
#include "../prune/plan.hpp"
#include "../prune/prune_model.hpp"
#include "calibrate.hpp"
#include "detail/sums.hpp"
#include "ranks.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns the rank of each unit, given their costs: the dearest first, each to the rank with the
/// least to do.
inline std::vector<std::size_t> divided(std::span<const std::size_t> costs, std::size_t ranks) {
  std::vector<std::size_t> order(costs.size()), owners(costs.size()), loads(ranks);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return costs[a] != costs[b] ? costs[a] > costs[b] : a < b;
  });
  for (const std::size_t unit : order) {
    const auto least = std::min_element(loads.begin(), loads.end());
    owners[unit] = static_cast<std::size_t>(least - loads.begin());
    *least += costs[unit];
  }
  return owners;
}

/// A number that tells plans apart.
inline std::uint64_t fingerprint_of(const pruning_plan& plan) {
  fingerprint all;
  all.add(plan.recipe).add(plan.fewest_tokens);
  for (const planned_layer& layer : plan.layers) {
    all.add(layer.name).add(std::uint64_t{layer.rows}).add(std::uint64_t{layer.cols});
    all.add(std::uint64_t{layer.block}).add(std::uint64_t{layer.excluded}).add(layer.tied_to);
    all.add(std::bit_cast<std::uint64_t>(layer.sparsity));
    all.add(std::uint64_t{layer.drop.has_value()}).add(std::uint64_t{layer.drop.value_or(0)});
  }
  return all.value();
}

/// Ranks that prune a model together. Statistics are summed up on the rank that decides about the
/// layer. All ranks write what was decided, so that their models stay the same.
template <executor E>
class rank_team {
 public:
  static constexpr bool is_alone = false;

  explicit rank_team(const mpi::ranks<E>& where) : where_(where) {}

  template <class Work>
  void together(const Work& work) const {
    where_.together(work);
  }
  template <class Body>
  void collectively(const Body& body) const {
    where_.collectively(body);
  }
  bool all(bool mine) const { return where_.all(mine); }
  void agree_on(const pruning_plan& plan, std::size_t layers_done) const {
    check_same_fingerprint(where_, fingerprint_of(plan), "prune: the plan");
    check_same_count(where_, layers_done, "prune: the number of layers done");
  }

  template <class Statistic, model Model>
  block_statistics<Statistic> observe(const any_executor&, Model& host, std::size_t block,
                                      std::span<const planned_layer> layers,
                                      const Statistic& empty) const {
    block_statistics<Statistic> seen;
    together([&] {
      seen.kept.resize(layers.size(), std::tuple(empty));
      for (std::size_t layer = 0; layer < layers.size(); ++layer)
        seen.places.push_back({input_of(host, block, layer)});
    });
    assign(layers, seen);
    seen.times = observe_parts(
        where_, "prune", host, block, layers.size(), std::tuple(empty), seen.places,
        [&](std::size_t layer, stat::pairwise<Statistic>& part) {
          const int owner = static_cast<int>(owners_[layer]), rank = where_.comm().rank();
          if (owner != 0 && rank == 0) send(where_.comm(), owner, part);
          if (owner != 0 && rank == owner) receive(where_.comm(), 0, part);
          together([&] {
            if (rank == owner) std::get<0>(seen.kept[layer]) = part.total();
          });
        });
    together([&] {
      for (std::size_t k = 0; k < layers.size(); ++k)
        if (layers[k].is_pruned() && owns(k) && seen.of(k).tokens() != 0)
          check_seen(seen.of(k), layers[k]);
    });
    return seen;
  }

  /// Divides the layers of a block. Layers that share a statistic stay together.
  template <class Statistics>
  void assign(std::span<const planned_layer> layers, const Statistics& seen) const {
    std::vector<std::size_t> costs(layers.size());
    const auto unit = [&](std::size_t k) {
      if constexpr (requires { seen.place_of(k); }) return seen.place_of(k);
      return k;
    };
    for (std::size_t k = 0; k < layers.size(); ++k)
      if (layers[k].is_pruned()) costs[unit(k)] += layers[k].rows * layers[k].cols;
    const std::vector<std::size_t> of_units = divided(costs, where_.size());
    owners_.resize(layers.size());
    for (std::size_t k = 0; k < layers.size(); ++k) owners_[k] = of_units[unit(k)];
  }
  bool owns(std::size_t layer) const { return owners_[layer] == where_.rank(); }

  /// Copies what was decided about a layer, from its owner to the others.
  void share(std::size_t layer, layer_report& done, layer_decision& decision) const {
    const std::size_t from = owners_[layer];
    const refine::layer_errors error = done.error.value_or(refine::layer_errors{});
    std::uint64_t words[] = {done.tokens,      done.dead_inputs,       done.fell_back,
                             decision.repairs, done.error.has_value(), error.swaps};
    double times[] = {done.observe, done.select, error.before, error.after};
    where_.broadcast(from, std::span(words));
    where_.broadcast(from, std::span(times));
    where_.broadcast(from, done.score);
    where_.broadcast(from, done.note);
    done.tokens = words[0];
    done.dead_inputs = static_cast<std::size_t>(words[1]);
    done.fell_back = words[2] != 0;
    done.observe = times[0];
    done.select = times[1];
    decision.repairs = words[3] != 0;
    if (words[4] != 0)
      done.error = refine::layer_errors{times[2], times[3], static_cast<std::size_t>(words[5])};
    together([&] {
      if (!owns(layer)) decision.keep = mask::bitmask(done.rows, done.cols);
    });
    where_.broadcast(from, words_of(decision.keep));
    if (decision.repairs) where_.broadcast(from, decision.numbers);
  }

 private:
  static std::span<mask::word> words_of(mask::bitmask& keep) {
    if (keep.rows() == 0) return {};
    return {keep.row(0).data(), keep.rows() * keep.row(0).size()};
  }

  const mpi::ranks<E>& where_;
  mutable std::vector<std::size_t> owners_;  // of the layers of the current block
};

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::mpi {

/// Prunes a model by several ranks: prune_model(where, host, seen, plan, recipe, on_progress), where
/// the calibration `seen` and the plan may be left out. Collective.
///
///     const tamp::mpi::ranks where(MPI_COMM_WORLD, samples.size());
///     my_host host(model, samples.subspan(where.samples().first, where.samples().count));
///     const tamp::prune_report report = tamp::prune_model(where, host, recipe);
///
/// Every rank has the whole model and its share of the samples. Block after block, each rank sends
/// its samples through the block; statistics are summed up, as stat::pairwise, on the rank that owns
/// the layer; owners decide at the same time; masks, and the weights of scores that repair, are
/// copied to the other ranks, which write them, too. Models and reports are the same on all ranks,
/// with the same bits for any number of them, but for the times.
///
/// Layers with the same input have one owner, which alone has their statistics: a Gram matrix is in
/// the memory of one rank. Owners are chosen within a block by numbers of weights.
///
/// Bytes moved for each rank and block: log2(ranks) times the statistics of the block, a bit for
/// each weight, and 8 bytes for each weight that a score repairs.
///
/// A recipe whose allocation reads the model is calibrated by calibrate(where, host, seen), and
/// planned by each rank for itself. The callback is called on all ranks, and stops them if it does
/// on any.
///
/// @throws what prune_model(host, recipe) throws on any rank, on all of them
/// @throws value_error if the ranks' plans differ
/// @throws shape_error if the hosts together have shown some of the samples, and not all
template <executor E, class... Arguments>
auto run_on(const ranks<E>& where, const prune_model_operation& operation,
            Arguments&&... arguments) {
  return operation.by(where, std::forward<Arguments>(arguments)...);
}

/// The team of the ranks, and the executor of one, for prune_model.
template <executor E>
tamp::detail::rank_team<E> team_of(const ranks<E>& where) {
  return tamp::detail::rank_team<E>(where);
}
template <executor E>
const E& executor_of(const ranks<E>& where) {
  return where.executor();
}

}  // namespace tamp::inline TAMP_FLAGS::mpi
