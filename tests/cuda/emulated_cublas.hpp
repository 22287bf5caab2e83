#pragma once

// The functions of cuBLAS that tamp calls, as plain loops: beside the emulator, for machines
// without a GPU. A handle is made and destroyed as on a GPU.

#include <cublas_v2.h>

#include <cstddef>

struct cublasContext {
  cudaStream_t stream = nullptr;
  cublasMath_t math = CUBLAS_DEFAULT_MATH;
  cublasPointerMode_t pointers = CUBLAS_POINTER_MODE_HOST;
};

namespace emulator {

/// C = by A A^T + keep C, or by A^T A + keep C, of which the lower triangle is written; column by
/// column.
template <class Real>
cublasStatus_t syrk(cublasHandle_t handle, cublasFillMode_t part, cublasOperation_t operation,
                    int size, int count, const Real* by, const Real* a, int leading,
                    const Real* keep, Real* c, int c_leading) {
  const int least = operation == CUBLAS_OP_N ? size : count;
  if (handle->pointers != CUBLAS_POINTER_MODE_HOST || part != CUBLAS_FILL_MODE_LOWER || size < 0 ||
      count < 0 || leading < 1 || leading < least || c_leading < size)
    return CUBLAS_STATUS_INVALID_VALUE;
  const auto at = [&](int row, int k) {
    const int i = operation == CUBLAS_OP_N ? row : k, j = operation == CUBLAS_OP_N ? k : row;
    return a[static_cast<std::size_t>(j) * static_cast<std::size_t>(leading) +
             static_cast<std::size_t>(i)];
  };
  for (int j = 0; j < size; ++j)
    for (int i = j; i < size; ++i) {
      Real sum = 0;
      for (int k = 0; k < count; ++k) sum += at(i, k) * at(j, k);
      Real& to = c[static_cast<std::size_t>(j) * static_cast<std::size_t>(c_leading) +
                   static_cast<std::size_t>(i)];
      to = *by * sum + (*keep == 0 ? Real{0} : *keep * to);
    }
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace emulator

extern "C" {
inline cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  *handle = new cublasContext;
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasGetStream_v2(cublasHandle_t handle, cudaStream_t* stream) {
  *stream = handle->stream;
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasGetMathMode(cublasHandle_t handle, cublasMath_t* math) {
  *math = handle->math;
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t math) {
  handle->math = math;
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasGetPointerMode_v2(cublasHandle_t handle, cublasPointerMode_t* mode) {
  *mode = handle->pointers;
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasSetPointerMode_v2(cublasHandle_t handle, cublasPointerMode_t mode) {
  handle->pointers = mode;
  return CUBLAS_STATUS_SUCCESS;
}
inline const char* cublasGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_SUCCESS ? "success" : "an invalid value";
}
inline cublasStatus_t cublasSsyrk_v2(cublasHandle_t handle, cublasFillMode_t part,
                                     cublasOperation_t operation, int size, int count,
                                     const float* by, const float* a, int leading,
                                     const float* keep, float* c, int c_leading) {
  if (handle->math != CUBLAS_PEDANTIC_MATH) return CUBLAS_STATUS_NOT_SUPPORTED;
  return emulator::syrk(handle, part, operation, size, count, by, a, leading, keep, c, c_leading);
}
inline cublasStatus_t cublasDsyrk_v2(cublasHandle_t handle, cublasFillMode_t part,
                                     cublasOperation_t operation, int size, int count,
                                     const double* by, const double* a, int leading,
                                     const double* keep, double* c, int c_leading) {
  return emulator::syrk(handle, part, operation, size, count, by, a, leading, keep, c, c_leading);
}
}
