#pragma once

/// @file
/// Matrix products by cuBLAS, with a handle of the user.

#include <cublas_v2.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string_view>

#include "../on.cuh"
#include "launch.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

inline void check_cublas(cublasStatus_t status, std::string_view what) {
  if (status != CUBLAS_STATUS_SUCCESS)
    raise<device_error>(what, ": cuBLAS answered ", static_cast<int>(status), ", ",
                        cublasGetStatusString(status));
}

/// Borrows a handle and restores it on destruction. In between, its work goes to our stream,
/// scalars are passed from the CPU, and products of floats are computed in float, not in TF32. If
/// work is only measured, the handle is left alone.
///
/// Setting the stream of a handle resets a workspace of the user. The stream is therefore not set
/// if it is ours already.
class borrowed_cublas {
 public:
  borrowed_cublas(cublasHandle_t handle, const cuda::on_stream& on, std::string_view what)
      : handle_(handle), ours_(on.stream()), is_measured_(on.is_measured()) {
    if (is_measured_) return;
    check_cublas(cublasGetStream(handle, &stream_), what);
    check_cublas(cublasGetMathMode(handle, &math_), what);
    check_cublas(cublasGetPointerMode(handle, &pointers_), what);
    cublasStatus_t status =
        stream_ != ours_ ? cublasSetStream(handle, ours_) : CUBLAS_STATUS_SUCCESS;
    if (status == CUBLAS_STATUS_SUCCESS) status = cublasSetMathMode(handle, CUBLAS_PEDANTIC_MATH);
    if (status == CUBLAS_STATUS_SUCCESS)
      status = cublasSetPointerMode(handle, CUBLAS_POINTER_MODE_HOST);
    if (status != CUBLAS_STATUS_SUCCESS) give_back();
    check_cublas(status, what);
  }
  borrowed_cublas(const borrowed_cublas&) = delete;
  borrowed_cublas& operator=(const borrowed_cublas&) = delete;
  ~borrowed_cublas() {
    if (!is_measured_) give_back();
  }
  cublasHandle_t handle() const noexcept { return handle_; }
  bool is_measured() const noexcept { return is_measured_; }

 private:
  void give_back() noexcept {
    // A refusal cannot be handled here.
    static_cast<void>(cublasSetPointerMode(handle_, pointers_));
    static_cast<void>(cublasSetMathMode(handle_, math_));
    if (stream_ != ours_) static_cast<void>(cublasSetStream(handle_, stream_));
  }

  cublasHandle_t handle_;
  cudaStream_t ours_, stream_ = nullptr;
  bool is_measured_;
  cublasMath_t math_ = CUBLAS_DEFAULT_MATH;
  cublasPointerMode_t pointers_ = CUBLAS_POINTER_MODE_HOST;
};

/// Returns a length as the integer type of cuBLAS.
/// @throws shape_error if it is too large
inline int cublas_size(std::size_t size, std::string_view what) {
  if (size > static_cast<std::size_t>((std::numeric_limits<int>::max)()))
    raise<shape_error>(what, ": a matrix of ", size, " rows or columns is too large for cuBLAS");
  return static_cast<int>(size);
}

inline cublasStatus_t syrk(cublasHandle_t handle, cublasOperation_t operation, int size, int count,
                           float by, const float* from, int leading, float keep, float* to) {
  return cublasSsyrk(handle, CUBLAS_FILL_MODE_LOWER, operation, size, count, &by, from, leading,
                     &keep, to, size);
}
inline cublasStatus_t syrk(cublasHandle_t handle, cublasOperation_t operation, int size, int count,
                           double by, const double* from, int leading, double keep, double* to) {
  return cublasDsyrk(handle, CUBLAS_FILL_MODE_LOWER, operation, size, count, &by, from, leading,
                     &keep, to, size);
}

/// Computes the products of all pairs of rows of a row-major (rows, cols) matrix: the upper
/// triangle of a row-major (rows, rows) matrix, with the diagonal.
///
/// cuBLAS is column-major: our rows are its columns, and its lower triangle is our upper one.
template <class Real>
void products_of_rows(const borrowed_cublas& cublas, const Real* from, std::size_t rows,
                      std::size_t cols, Real* to, std::string_view what) {
  if (cublas.is_measured()) return;
  check_cublas(
      syrk(cublas.handle(), CUBLAS_OP_T, cublas_size(rows, what), cublas_size(cols, what), Real{1},
           from, cublas_size((std::max)(cols, std::size_t{1}), what), Real{0}, to),
      what);
}

/// Adds the products of all pairs of columns of a row-major (rows, cols) matrix to `keep` times the
/// upper triangle of a (cols, cols) matrix.
template <class Real>
void add_products_of_columns(const borrowed_cublas& cublas, const Real* from, std::size_t rows,
                             std::size_t cols, Real keep, Real* to, std::string_view what) {
  if (cublas.is_measured()) return;
  check_cublas(syrk(cublas.handle(), CUBLAS_OP_N, cublas_size(cols, what), cublas_size(rows, what),
                    Real{1}, from, cublas_size(cols, what), keep, to),
               what);
}

/// Copies the upper triangle of a square matrix to the lower one, in tiles of 32 x 32 through
/// shared memory, so that both reads and writes are coalesced.
template <class Real>
__global__ void mirror_upper(Real* matrix, std::size_t size) {
  auto& tile = shared_memory<Real[32][33]>();
  const std::size_t top = std::size_t{blockIdx.y} * 32, left = std::size_t{blockIdx.x} * 32;
  if (left < top) return;
  for (unsigned i = threadIdx.x / 32; i < 32; i += blockDim.x / 32) {
    const std::size_t row = top + i, col = left + threadIdx.x % 32;
    if (row < size && col < size) tile[i][threadIdx.x % 32] = matrix[row * size + col];
  }
  __syncthreads();
  for (unsigned i = threadIdx.x / 32; i < 32; i += blockDim.x / 32) {
    const std::size_t row = left + i, col = top + threadIdx.x % 32;
    if (row < size && col < row) matrix[row * size + col] = tile[threadIdx.x % 32][i];
  }
}
template <class Real>
void mirror_on(const cuda::on_stream& on, Real* matrix, std::size_t size) {
  const unsigned tiles = blocks_of(size, 32);
  launch(&mirror_upper<Real>, dim3(tiles, tiles), 256, sizeof(Real[32][33]), on, matrix, size);
}

}  // namespace tamp::inline TAMP_FLAGS::detail
