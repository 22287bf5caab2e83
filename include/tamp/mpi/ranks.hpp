#pragma once

/// @file
/// Ranks of MPI as the place where an operation runs. Needs MPI (CMake: tamp::mpi).

#include <mpi.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../execute/place.hpp"
#include "../execute/standard.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace mpi {

/// Consecutive calibration samples: [first, first + count).
struct sample_range {
  std::uint64_t first = 0, count = 0;
  friend bool operator==(const sample_range&, const sample_range&) = default;
};

}  // namespace mpi

namespace detail {

/// The samples of one of `ranks`, of `samples` in all. Shares differ by as little as whole groups of
/// 2^k samples allow, with at least four groups for each rank where there are as many samples: the
/// sums of such shares are few (see stat::pairwise).
constexpr mpi::sample_range share_of_samples(std::uint64_t samples, std::uint64_t rank,
                                             std::uint64_t ranks) noexcept {
  const std::uint64_t group = std::bit_floor((std::max)(samples / (4 * ranks), std::uint64_t{1}));
  const std::uint64_t groups = samples / group + (samples % group != 0);
  const auto begin = [&](std::uint64_t r) {
    const std::uint64_t first = groups / ranks * r + groups % ranks * r / ranks;
    return (std::min)(first * group, samples);
  };
  return {begin(rank), begin(rank + 1) - begin(rank)};
}

/// Runs work, and returns what it threw, or nothing.
template <class Work>
std::exception_ptr problem_of(const Work& work) {
#if TAMP_EXCEPTIONS
  try {
    work();
  } catch (...) {
    return std::current_exception();
  }
#else
  work();
#endif
  return nullptr;
}

/// A communicator of tamp's own, whose messages no other's can be taken for. Its errors are
/// exceptions.
class communicator {
 public:
  explicit communicator(MPI_Comm of) {
    check_mpi(MPI_Comm_dup(of, &comm_), "a communicator cannot be duplicated");
    check_mpi(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "the error handler cannot be set");
    check_mpi(MPI_Comm_rank(comm_, &rank_), "the rank is not known");
    check_mpi(MPI_Comm_size(comm_, &size_), "the number of ranks is not known");
  }
  communicator(const communicator&) = delete;
  communicator& operator=(const communicator&) = delete;
  ~communicator() {
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (finalized == 0) MPI_Comm_free(&comm_);
  }

  int rank() const noexcept { return rank_; }
  int size() const noexcept { return size_; }

  /// Copies the numbers of rank `from` to all others.
  template <class Number>
  void broadcast(int from, std::span<Number> numbers) const {
    in_pieces(numbers, [&](void* data, int bytes) {
      check_mpi(MPI_Bcast(data, bytes, MPI_BYTE, from, comm_), "a broadcast failed");
    });
  }
  template <class Number>
  void send(int to, std::span<const Number> numbers) const {
    in_pieces(numbers, [&](const void* data, int bytes) {
      check_mpi(MPI_Send(data, bytes, MPI_BYTE, to, 0, comm_), "a message cannot be sent");
    });
  }
  template <class Number>
  void receive(int from, std::span<Number> numbers) const {
    in_pieces(numbers, [&](void* data, int bytes) {
      check_mpi(MPI_Recv(data, bytes, MPI_BYTE, from, 0, comm_, MPI_STATUS_IGNORE),
                "a message cannot be received");
    });
  }

  /// Returns the smallest of the ranks' numbers, or their sum.
  std::uint64_t least(std::uint64_t mine) const { return reduced(mine, MPI_MIN); }
  std::uint64_t sum(std::uint64_t mine) const { return reduced(mine, MPI_SUM); }

 private:
  // MPI counts in int.
  template <class Number, class Use>
  static void in_pieces(std::span<Number> numbers, const Use& use) {
    static_assert(std::is_trivially_copyable_v<Number>);
    using byte = std::conditional_t<std::is_const_v<Number>, const std::byte, std::byte>;
    constexpr std::size_t most = std::size_t{1} << 30;
    auto* const data = reinterpret_cast<byte*>(numbers.data());
    for (std::size_t done = 0; done < numbers.size_bytes(); done += most)
      use(data + done, static_cast<int>((std::min)(most, numbers.size_bytes() - done)));
  }

  std::uint64_t reduced(std::uint64_t mine, MPI_Op by) const {
    std::uint64_t all = 0;
    check_mpi(MPI_Allreduce(&mine, &all, 1, MPI_UINT64_T, by, comm_), "the ranks cannot agree");
    return all;
  }

  static void check_mpi(int status, std::string_view what) {
    if (status == MPI_SUCCESS) return;
    char text[MPI_MAX_ERROR_STRING] = {};
    int length = 0;
    MPI_Error_string(status, text, &length);
    raise<error>("mpi: ", what, ": ", std::string_view(text, static_cast<std::size_t>(length)));
  }

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
};

}  // namespace detail

namespace mpi {

/// The place of work that several processes share, as the first argument of an operation:
///
///     const tamp::mpi::ranks where(MPI_COMM_WORLD, samples.size());
///     my_host host(model, samples.subspan(where.samples().first, where.samples().count));
///     tamp::prune_model(where, host, recipe);   // tamp/mpi/prune_model.hpp
///
/// All ranks must call the same operations in the same order, with hosts of the same model. The
/// host of each rank has that rank's share of the samples. Results have the same bits for any
/// number of ranks.
///
/// An error on one rank is thrown on all. On the others the sentence begins with the rank: "rank 2:
/// gram: the activation of token 5, feature 7 is nan". If several ranks fail, the lowest is named.
///
/// MPI must have been initialised, and must not be finalised before the last use. A value; copies
/// share one communicator, which is a duplicate of the one given. The constructor is collective.
template <executor E = execute::standard>
class ranks {
 public:
  /// @param samples the number of calibration samples of all ranks together
  /// @param exec the executor of the work within a rank
  /// @throws error if MPI refuses
  explicit ranks(MPI_Comm comm, std::uint64_t samples = 0, E exec = {})
      : state_(std::make_shared<state>(comm)), all_samples_(samples), exec_(std::move(exec)) {}

  std::size_t rank() const noexcept { return static_cast<std::size_t>(comm().rank()); }
  std::size_t size() const noexcept { return static_cast<std::size_t>(comm().size()); }
  const E& executor() const noexcept { return exec_; }

  std::uint64_t all_samples() const noexcept { return all_samples_; }
  /// The samples of this rank.
  sample_range samples() const noexcept {
    return tamp::detail::share_of_samples(all_samples_, rank(), size());
  }

  /// Runs work that no other rank takes part in, on each rank that has some. Collective.
  /// @throws what it throws, on all ranks
  template <class Work>
  void together(const Work& work) const {
    meet(tamp::detail::problem_of(work));
  }

  /// Runs a body that calls collective functions of this class. If it fails on one rank, between
  /// any two of them, it fails on all.
  template <class Body>
  void collectively(const Body& body) const {
#if TAMP_EXCEPTIONS
    state_->has_failed = false;
    try {
      body();
    } catch (...) {
      if (state_->has_failed) throw;
      meet(std::current_exception());
    }
    meet(nullptr);
#else
    body();
#endif
  }

  /// Returns true if it is true on all ranks. Collective.
  bool all(bool mine) const {
    meet(nullptr);
    return comm().least(mine) != 0;
  }
  /// Returns the sum of the ranks' numbers. Collective.
  std::uint64_t sum(std::uint64_t mine) const {
    meet(nullptr);
    return comm().sum(mine);
  }
  /// Copies numbers of rank `from` to all ranks, which must have room for as many. Collective.
  template <class Number, std::size_t Size>
  void broadcast(std::size_t from, std::span<Number, Size> numbers) const {
    meet(nullptr);
    comm().broadcast(static_cast<int>(from), std::span<Number>(numbers));
  }
  /// Copies a text or a vector of rank `from` to all ranks. Collective.
  template <class Container>
    requires requires(Container& numbers) { numbers.resize(std::size_t{}); }
  void broadcast(std::size_t from, Container& numbers) const {
    std::uint64_t size = numbers.size();
    broadcast(from, std::span(&size, 1));
    together([&] { numbers.resize(size); });
    broadcast(from, std::span(numbers));
  }
  /// Returns the texts of all ranks, on rank 0. Collective.
  std::vector<std::string> gather(const std::string& mine) const {
    std::vector<std::string> all;
    for (std::size_t r = 0; r < size(); ++r) {
      std::string text = r == rank() ? mine : std::string();
      broadcast(r, text);
      if (rank() == 0) all.push_back(std::move(text));
    }
    return all;
  }

  const tamp::detail::communicator& comm() const noexcept { return state_->comm; }

  /// Lets all ranks know whether one of them has a problem. Every collective function begins so,
  /// and a rank that fails comes here instead of where the others are. Collective.
  /// @throws the problem on its rank, and its sentence on the others
  void meet(const std::exception_ptr& problem) const {
#if TAMP_EXCEPTIONS
    const std::uint64_t none = size(), failed = comm().least(problem ? rank() : none);
    if (failed == none) return;
    state_->has_failed = true;
    said what = problem && failed == rank() ? sentence_of(problem) : said();
    comm().broadcast(static_cast<int>(failed), std::span(&what.kind, 1));
    std::uint64_t length = what.sentence.size();
    comm().broadcast(static_cast<int>(failed), std::span(&length, 1));
    what.sentence.resize(length);
    comm().broadcast(static_cast<int>(failed), std::span(what.sentence));
    if (problem && failed == rank()) std::rethrow_exception(problem);
    const std::string sentence =
        tamp::detail::sentence("rank ", failed, ": ", std::string_view(what.sentence));
    if (what.kind == error_kind::shape) throw shape_error(sentence);
    if (what.kind == error_kind::value) throw value_error(sentence);
    if (what.kind == error_kind::file) throw file_error(sentence);
    throw error(sentence);
#else
    static_cast<void>(problem);
#endif
  }

 private:
  struct state {
    explicit state(MPI_Comm of) : comm(of) {}
    tamp::detail::communicator comm;
    bool has_failed = false;
  };
  enum class error_kind : char { shape, value, file, other };
  struct said {
    error_kind kind = error_kind::other;
    std::string sentence;
  };

#if TAMP_EXCEPTIONS
  static said sentence_of(const std::exception_ptr& problem) {
    try {
      std::rethrow_exception(problem);
    } catch (const shape_error& e) {
      return {error_kind::shape, e.what()};
    } catch (const value_error& e) {
      return {error_kind::value, e.what()};
    } catch (const file_error& e) {
      return {error_kind::file, e.what()};
    } catch (const std::exception& e) {
      return {error_kind::other, e.what()};
    } catch (...) {
      return {error_kind::other, "an exception that is no std::exception"};
    }
  }
#endif

  std::shared_ptr<state> state_;
  std::uint64_t all_samples_ = 0;
  E exec_;
};

}  // namespace mpi

template <class E>
inline constexpr bool is_device<mpi::ranks<E>> = true;

}  // namespace tamp::inline TAMP_FLAGS
