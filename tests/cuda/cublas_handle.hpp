#pragma once

// A handle of cuBLAS, or of what the emulator has of it.

#include "support.hpp"

#if defined(__CUDACC__)
#  include <cublas_v2.h>
#else
#  include "emulated_cublas.hpp"
#endif

namespace support {

struct handle {
  cublasHandle_t cublas = nullptr;

  handle() { BOOST_REQUIRE(cublasCreate(&cublas) == CUBLAS_STATUS_SUCCESS); }
  handle(const handle&) = delete;
  handle& operator=(const handle&) = delete;
  ~handle() { cublasDestroy(cublas); }
};

}  // namespace support
