#pragma once

// The processes that make a run: this one alone, or all ranks that mpirun or its like has started.
// MPI itself is named in team.cpp alone.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tamp_prune {

// A value; copies are the same team. "Collective" is what all ranks must call, in the same order.
// An error on one rank is thrown on all: every collective function begins with looking for one.
class team {
 public:
  using question = std::function<bool()>;

  // This process alone, for which every function does its work and no more.
  team() = default;
  // All ranks, if a launcher has started this process as one of several. MPI is in use from then
  // on, until the last copy is gone. Without a launcher MPI is left alone. Throws tamp::error if
  // there is a launcher and the program was built without MPI.
  static team of_launcher();

  std::size_t rank() const;
  std::size_t size() const;
  bool is_first() const { return rank() == 0; }

  // Runs a body that calls collective functions. If it fails on one rank, it fails on all.
  void collectively(const std::function<void()>& body) const;
  // Runs work that calls none. Collective, as are all that follow.
  void together(const std::function<void()>& work) const;
  // Runs work in steps, which calls no collective function either. It asks `is_stopped_anywhere`
  // between two steps, without waiting for the others, and ends when that is true: after
  // `is_stopped` was on some rank, or after another rank has failed. Work returns whether it came
  // to its end, and so does in_steps for all ranks. Those that have nothing to do sleep.
  bool in_steps(const question& is_stopped,
                const std::function<bool(const question& is_stopped_anywhere)>& work) const;
  // Runs work on the first rank; the others sleep.
  void on_first(const std::function<void()>& work) const;

  // True if it is on all ranks.
  bool all(bool mine) const;
  // Gives all ranks the first one's text.
  void broadcast(std::string& text) const;
  // Returns the texts of all ranks on the first one, and nothing on the others.
  std::vector<std::string> gather(const std::string& mine) const;

 private:
  class ranks_of_mpi;
  std::shared_ptr<const ranks_of_mpi> ranks_;  // null if alone
};

// The part of a number of things in a row, such as the samples of a text, that a rank has.
struct part {
  std::uint64_t first = 0, count = 0;
};
part part_of(std::uint64_t all, const team& ranks);

}  // namespace tamp_prune
