// MPI runs as long as the tests.
#include <mpi.h>

#include <boost/test/unit_test.hpp>

namespace {

struct running_mpi {
  running_mpi() { MPI_Init(nullptr, nullptr); }
  ~running_mpi() { MPI_Finalize(); }
};
BOOST_TEST_GLOBAL_FIXTURE(running_mpi);

}  // namespace
