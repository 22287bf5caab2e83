#pragma once

/// @file
/// Sums of statistics over the ranks of MPI.

#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "../../error.hpp"
#include "../../model/detail/block_observer.hpp"
#include "../../stat/pairwise.hpp"
#include "../ranks.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Calls use(numbers) for the fields of a statistic in their order. A vector's size goes before it.
template <class Statistic, class Use>
void for_fields(Statistic& statistic, const Use& use) {
  std::remove_const_t<Statistic>::fields(statistic, [&](std::string_view, auto& value) {
    if constexpr (requires { value.size(); }) {
      std::uint64_t size = value.size();
      use(std::span(&size, 1));
      if constexpr (requires { value.resize(size); }) value.resize(size);
      use(std::span(value));
    } else {
      use(std::span(&value, 1));
    }
  });
}

template <class Statistic>
void send(const communicator& comm, int to, const Statistic& statistic) {
  for_fields(statistic, [&](auto numbers) {
    comm.send(to, std::span<const std::remove_const_t<typename decltype(numbers)::element_type>>(
                      numbers));
  });
}
template <class Statistic>
void receive(const communicator& comm, int from, Statistic& statistic) {
  for_fields(statistic, [&](auto numbers) { comm.receive(from, numbers); });
}
template <class Statistic>
void broadcast(const communicator& comm, Statistic& statistic) {
  for_fields(statistic, [&](auto numbers) { comm.broadcast(0, numbers); });
}

/// Sums the ranks' parts up on rank 0, whose part becomes the sum. Neighbours meet first: in step k
/// every 2^k-th rank receives from the one 2^(k-1) behind it. `empty` is a statistic that has seen nothing,
/// with the parameters of those that are summed up.
/// @throws the errors of combine, on all ranks
/// @throws shape_error if the hosts together have shown some of the samples, and not all
template <executor E, class Statistic>
void sum_up(const mpi::ranks<E>& where, std::string_view who, const Statistic& empty,
            stat::pairwise<Statistic>& part) {
  const communicator& comm = where.comm();
  const int rank = comm.rank(), size = comm.size();
  std::exception_ptr problem;
  where.meet(nullptr);
  for (int step = 1; step < size && rank % step == 0; step *= 2) {
    if (rank % (2 * step) == step) {
      send(comm, rank - step, part);
    } else if (rank + step < size) {
      stat::pairwise<Statistic> other(empty, 0);
      receive(comm, rank + step, other);
      if (!problem) problem = problem_of([&] { part.combine(other); });
    }
  }
  if (rank == 0 && !problem)
    problem = problem_of([&] {
      if (part.first() != part.end() && part.end() != where.all_samples())
        raise<shape_error>(who, ": the hosts of all ranks together have shown ", part.end(), " of ",
                           where.all_samples(), " samples");
    });
  where.meet(problem);
}

/// Observes a block on all ranks, each with its own samples, and sums up what they saw on rank 0.
/// `use(layer, part)` is called for each statistic that is kept at a layer, on all ranks.
template <executor E, class Model, class... Statistics, class Use>
std::vector<double> observe_parts(const mpi::ranks<E>& where, std::string_view who, Model& host,
                                  std::size_t block, std::size_t layers,
                                  const std::tuple<Statistics...>& empty,
                                  std::span<const statistic_place> places, const Use& use) {
  const std::uint64_t first = where.samples().first;
  std::vector<std::tuple<stat::pairwise<Statistics>...>> parts(
      layers, std::tuple(stat::pairwise<Statistics>(std::get<Statistics>(empty), first)...));
  std::vector<double> seconds;
  where.together([&] { seconds = observe_block(where.executor(), host, block, parts, places); });
  const auto sum_up_kept = [&]<class Statistic>(std::size_t layer,
                                                stat::pairwise<Statistic>& part) {
    if (places[layer].template of<Statistic>(layer) != layer) return;
    sum_up(where, who, std::get<Statistic>(empty), part);
    use(layer, part);
    part = {};
  };
  for (std::size_t layer = 0; layer < layers; ++layer)
    (sum_up_kept(layer, std::get<stat::pairwise<Statistics>>(parts[layer])), ...);
  return seconds;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
