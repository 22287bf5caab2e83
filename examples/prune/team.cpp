#include "team.hpp"

#include <cstdlib>
#include <string_view>
#include <tamp/error.hpp>

#ifdef TAMP_PRUNE_WITH_MPI
#  include <mpi.h>

#  include <array>
#  include <chrono>
#  include <exception>
#  include <tamp/mpi/ranks.hpp>
#  include <thread>
#endif

namespace tamp_prune {
namespace {

// A variable that launchers set for the processes that they start; null if none is set. A process
// that is started otherwise must not begin with MPI: it would wait for daemons, or start them.
const char* variable_of_launcher() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_SIZE", "PMI_RANK",
                           "MV2_COMM_WORLD_SIZE", "MPI_LOCALNRANKS"})
    if (std::getenv(name) != nullptr) return name;
  return nullptr;
}

}  // namespace

#ifdef TAMP_PRUNE_WITH_MPI

namespace {

struct mpi_in_use {
  // Threads write files meanwhile; one thread calls MPI.
  mpi_in_use() {
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
  }
  mpi_in_use(const mpi_in_use&) = delete;
  mpi_in_use& operator=(const mpi_in_use&) = delete;
  ~mpi_in_use() { MPI_Finalize(); }
};

struct communicator {
  MPI_Comm comm = MPI_COMM_NULL;
  communicator() { MPI_Comm_dup(MPI_COMM_WORLD, &comm); }
  communicator(const communicator&) = delete;
  communicator& operator=(const communicator&) = delete;
  ~communicator() { MPI_Comm_free(&comm); }
};

// All ranks take part in the same rounds, one after another. In each a rank says whether it wants
// to stop, and whether it still works; a round is over when all have spoken. The last one is that
// in which some rank stops or none works any more.
class rounds {
 public:
  explicit rounds(MPI_Comm comm) : comm_(comm) {}

  // Between two steps of work: does not wait.
  bool is_stopped_anywhere(bool mine) {
    if (!is_over_) take_part(mine, true);
    return is_stopped_;
  }
  // After the work: waits until all have come to their end or one has stopped.
  void finish(bool is_complete, const team::question& is_stopped) {
    while (!is_over_) {
      take_part(!is_complete || is_stopped(), false);
      if (!is_over_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

 private:
  void take_part(bool stops, bool works) {
    if (request_ == MPI_REQUEST_NULL) {
      mine_ = {stops, works};
      MPI_Iallreduce(mine_.data(), all_.data(), 2, MPI_INT, MPI_MAX, comm_, &request_);
    }
    int is_done = 0;
    MPI_Test(&request_, &is_done, MPI_STATUS_IGNORE);
    if (is_done == 0) return;
    is_stopped_ = all_[0] != 0;
    is_over_ = is_stopped_ || all_[1] == 0;
  }

  MPI_Comm comm_;
  MPI_Request request_ = MPI_REQUEST_NULL;  // of the round that is not over
  std::array<int, 2> mine_{}, all_{};
  bool is_stopped_ = false, is_over_ = false;
};

}  // namespace

class team::ranks_of_mpi {
 public:
  mpi_in_use mpi;  // ends last
  tamp::mpi::ranks<> ranks{MPI_COMM_WORLD};
  communicator of_rounds;
};

team team::of_launcher() {
  team everyone;
  if (variable_of_launcher() != nullptr) everyone.ranks_ = std::make_shared<ranks_of_mpi>();
  return everyone;
}

std::size_t team::rank() const { return ranks_ ? ranks_->ranks.rank() : 0; }
std::size_t team::size() const { return ranks_ ? ranks_->ranks.size() : 1; }

void team::collectively(const std::function<void()>& body) const {
  ranks_ ? ranks_->ranks.collectively(body) : body();
}
void team::together(const std::function<void()>& work) const {
  ranks_ ? ranks_->ranks.together(work) : work();
}

bool team::in_steps(const question& is_stopped,
                    const std::function<bool(const question&)>& work) const {
  if (!ranks_) return work(is_stopped);
  ranks_->ranks.meet(nullptr);
  rounds shared(ranks_->of_rounds.comm);
  std::exception_ptr problem;
  bool is_complete = false;
  try {
    is_complete = work([&] { return shared.is_stopped_anywhere(is_stopped()); });
  } catch (...) {
    problem = std::current_exception();
  }
  shared.finish(is_complete, is_stopped);
  ranks_->ranks.meet(problem);
  return ranks_->ranks.all(is_complete);
}

void team::on_first(const std::function<void()>& work) const {
  in_steps([] { return false; },
           [&](const question&) {
             if (is_first()) work();
             return true;
           });
}

bool team::all(bool mine) const { return ranks_ ? ranks_->ranks.all(mine) : mine; }
void team::broadcast(std::string& text) const {
  if (ranks_) ranks_->ranks.broadcast(0, text);
}
std::vector<std::string> team::gather(const std::string& mine) const {
  return ranks_ ? ranks_->ranks.gather(mine) : std::vector{mine};
}

part part_of(std::uint64_t all, const team& ranks) {
  const auto share = tamp::detail::share_of_samples(all, ranks.rank(), ranks.size());
  return {share.first, share.count};
}

#else

class team::ranks_of_mpi {};

team team::of_launcher() {
  if (const char* variable = variable_of_launcher())
    throw tamp::error(tamp::detail::sentence(
        "this tamp_prune was built without MPI, and ", variable,
        " is set, as for one of several ranks: start it without mpirun, or build it where CMake "
        "finds MPI"));
  return {};
}

std::size_t team::rank() const { return 0; }
std::size_t team::size() const { return 1; }
void team::collectively(const std::function<void()>& body) const { body(); }
void team::together(const std::function<void()>& work) const { work(); }
bool team::in_steps(const question& is_stopped,
                    const std::function<bool(const question&)>& work) const {
  return work(is_stopped);
}
void team::on_first(const std::function<void()>& work) const { work(); }
bool team::all(bool mine) const { return mine; }
void team::broadcast(std::string&) const {}
std::vector<std::string> team::gather(const std::string& mine) const { return {mine}; }
part part_of(std::uint64_t all, const team&) { return {0, all}; }

#endif

}  // namespace tamp_prune
