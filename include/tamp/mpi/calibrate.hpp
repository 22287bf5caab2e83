#pragma once

/// @file
/// Calibration by the ranks of MPI. Needs MPI (CMake: tamp::mpi).

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "../error.hpp"
#include "../model/fingerprint.hpp"
#include "../model/host.hpp"
#include "../model/progress.hpp"
#include "../model/token_weights.hpp"
#include "../prune/calibrate.hpp"
#include "../prune/detail/measured_weights.hpp"
#include "detail/sums.hpp"
#include "ranks.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// A statistic with a number for each pair of features.
template <class Statistic>
concept pairs_features = requires(const Statistic& seen) {
  { seen.matrix().rows() } -> std::convertible_to<std::size_t>;
};

/// Checks that a number is the same on all ranks. `text` makes of a number what the error shows.
template <executor E, class Text>
void check_same(const mpi::ranks<E>& where, std::uint64_t mine, std::string_view what,
                const Text& text) {
  std::uint64_t first = mine;
  where.broadcast(0, std::span(&first, 1));
  where.together([&] {
    if (mine != first)
      raise<value_error>(what, " differs from that of rank 0: ", text(mine), " and ", text(first));
  });
}
template <executor E>
void check_same_fingerprint(const mpi::ranks<E>& where, std::uint64_t mine, std::string_view what) {
  check_same(where, mine, what, hexadecimal);
}
template <executor E>
void check_same_count(const mpi::ranks<E>& where, std::uint64_t mine, std::string_view what) {
  check_same(where, mine, what, [](std::uint64_t count) { return count; });
}

/// Measures the weights of the ranks' samples, or takes those that a calibration has. `own` gets
/// those of this rank's samples, the calibration those of all. Returns false if the callback
/// stopped it on any rank.
template <executor E, class Model, class... Statistics>
bool measure_weights(const mpi::ranks<E>& where, Model& host, calibration<Statistics...>& seen,
                     token_weights& own, const progress_callback& on_progress) {
  const bool are_known = where.all(seen.weights().complete());
  bool is_done = are_known;
  where.together([&] {
    if (are_known) {
      own = seen.weights().part(where.samples().first, where.samples().count);
    } else {
      calibration<Statistics...> mine = seen.emptied();
      is_done = mine.measure_weights(where.executor(), host, on_progress) != nullptr;
      own = mine.weights();
    }
  });
  if (are_known || !where.all(is_done)) return are_known;
  token_weights all(own.blocks(), own.model());
  all.finish();
  for (std::size_t rank = 0; rank < where.size(); ++rank) {
    token_weights part = own;
    for_fields(part,
               [&](auto numbers) { where.comm().broadcast(static_cast<int>(rank), numbers); });
    where.together([&] { all.combine(part); });
  }
  seen.set_weights(std::move(all));
  return true;
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::mpi {

/// Calibrates a model by several ranks, each of which sends its share of the samples through the
/// dense model: calibrate(where, host, seen, on_progress). Collective.
///
///     const tamp::mpi::ranks where(MPI_COMM_WORLD, samples.size());
///     my_host host(model, samples.subspan(where.samples().first, where.samples().count));
///     auto seen = tamp::calibration_for(owl);
///     tamp::calibrate(where, host, seen);       // the same on all ranks
///
/// Statistics are stat::pairwise sums, whose totals every rank gets. They have the same bits for
/// any number of ranks, and differ from those of calibrate(host, seen) by rounding. The fingerprint
/// of the samples is the sum of those of the ranks. The callback is called on all ranks, and stops
/// the calibration if it does on any.
///
/// Weights of tokens that are measured (stat::reach) are measured by each rank for its samples, and
/// every rank gets all of them. If they are stopped meanwhile, the next call measures all anew.
///
/// Bytes moved for each rank: log2(ranks) times the statistics of a block, for each block.
///
/// @throws what calibrate(host, seen) throws on any rank, on all of them
/// @throws value_error if the ranks' models differ
/// @throws shape_error if the hosts together have shown some of the samples, and not all
template <executor E, class Model, class... Statistics>
bool run_on(const ranks<E>& where, const calibrate_operation&, Model& host,
            calibration<Statistics...>& seen, const progress_callback& on_progress = {}) {
  static_assert(rewindable_model<Model>,
                "looking at the dense model first takes a pass of its own: give the host a "
                "rewind() that puts the samples back to where the first block takes them");
  static_assert(!(tamp::detail::pairs_features<Statistics> || ...),
                "statistics of pairs of features are too large for every rank to have those of all "
                "layers: prune_model(where, host, recipe) gathers them block by block, each on the "
                "rank that prunes its layer");
  bool is_complete = false;
  where.collectively([&] {
    const std::uint64_t samples = where.sum(tamp::detail::samples_fingerprint(host));
    where.together([&] { seen.prepare(where.executor(), host, samples); });
    tamp::detail::check_same_fingerprint(where, seen.model(), "calibrate: the model");
    tamp::detail::check_same_count(where, seen.blocks_done(),
                                   "calibrate: the number of blocks done");
    if (seen.complete()) return void(is_complete = true);
    token_weights own;  // of this rank's samples
    const auto measure = [&](auto& unweighed) {
      return tamp::detail::measure_weights(where, unweighed, seen, own, on_progress) ? &own
                                                                                     : nullptr;
    };
    const auto gather = [&](auto& shown) {
      where.together([&] { shown.rewind(); });
      for (std::size_t block = 0; block < seen.blocks(); ++block) {
        const bool go_on =
            !on_progress || on_progress({block, seen.blocks(), 0, seen.layers(), {}, true});
        if (!where.all(go_on)) return false;
        if (block == seen.blocks_done())
          seen.observe_next([&](std::vector<std::tuple<Statistics...>>& totals,
                                std::span<const tamp::detail::statistic_place> places) {
            tamp::detail::observe_parts(
                where, "calibrate", shown, block, totals.size(), seen.empty_statistics(), places,
                [&]<class Statistic>(std::size_t layer, stat::pairwise<Statistic>& part) {
                  tamp::detail::broadcast(where.comm(), part);
                  where.together([&] { std::get<Statistic>(totals[layer]) = part.total(); });
                });
          });
        if (block + 1 < seen.blocks()) where.together([&] { shown.advance(block); });
      }
      return true;
    };
    is_complete = tamp::detail::with_measured_weights<Statistics...>(host, measure, gather);
  });
  return is_complete;
}

}  // namespace tamp::inline TAMP_FLAGS::mpi
