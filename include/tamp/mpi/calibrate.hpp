#pragma once

/// @file
/// Calibration by the ranks of MPI. Needs MPI (CMake: tamp::mpi).

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

#include "../error.hpp"
#include "../model/fingerprint.hpp"
#include "../model/host.hpp"
#include "../prune/calibrate.hpp"
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
/// Statistics are stat::pairwise sums, whose totals every rank gets. They have the same bits for any
/// number of ranks, and differ from those of calibrate(host, seen) by rounding. The fingerprint of
/// the samples is the sum of those of the ranks. The callback is called on all ranks, and stops the
/// calibration if it does on any.
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
    where.together([&] { host.rewind(); });
    for (std::size_t block = 0; block < seen.blocks(); ++block) {
      const bool go_on =
          !on_progress || on_progress({block, seen.blocks(), 0, seen.layers(), {}, true});
      if (!where.all(go_on)) return;
      if (block == seen.blocks_done())
        seen.observe_next([&](std::vector<std::tuple<Statistics...>>& totals,
                              std::span<const tamp::detail::statistic_place> places) {
          tamp::detail::observe_parts(
              where, "calibrate", host, block, totals.size(), seen.empty_statistics(), places,
              [&]<class Statistic>(std::size_t layer, stat::pairwise<Statistic>& part) {
                tamp::detail::broadcast(where.comm(), part);
                where.together([&] { std::get<Statistic>(totals[layer]) = part.total(); });
              });
        });
      if (block + 1 < seen.blocks()) where.together([&] { host.advance(block); });
    }
    is_complete = true;
  });
  return is_complete;
}

}  // namespace tamp::inline TAMP_FLAGS::mpi
