// The entry point of the GPU's tests. Without a GPU they are skipped, and the reason is printed.
#include <cuda_runtime_api.h>

#include <boost/test/unit_test.hpp>
#include <cstdio>

int main(int argc, char** argv) {
  int devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&devices);
  if (status != cudaSuccess || devices == 0) {
    std::printf("skipped, for there is no CUDA device: %s\n", cudaGetErrorString(status));
    return 77;
  }
  return boost::unit_test::unit_test_main([] { return true; }, argc, argv);
}
