#pragma once

/// @file
/// A 2:4 sparse weight as its kept values and their places.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "../config.hpp"
#include "../detail/checked.hpp"
#include "bitmask.cuh"
#include "detail/elements.cuh"
#include "detail/views.cuh"
#include "on.cuh"
#include "workspace.cuh"

namespace tamp::inline TAMP_FLAGS::cuda {

/// The order of the metadata of a 2:4 sparse weight.
enum class metadata_order {
  /// Row-major: word (i, w) is of columns 16 w to 16 w + 15 of row i.
  row_major,
  /// The order that the sparse GEMM of CUTLASS 2 reads for 16-bit weights (device::SparseGemm,
  /// ElementE of 16 bits): the result of its reorder_meta on row_major, in the layout
  /// ColumnMajorInterleaved<2>.
  cutlass,
};

/// The offset at which CUTLASS expects word (row, word) of the metadata. Rows and columns of the
/// weight must be multiples of 32.
///
/// In each 32 rows every eighth become neighbours. In each 2 x 2 words those off the diagonal are
/// swapped. Two columns of words are contiguous.
TAMP_FN constexpr std::size_t cutlass_metadata_place(std::size_t row, std::size_t word,
                                                     std::size_t rows) noexcept {
  std::size_t to = row / 32 * 32 + row % 8 * 4 + row % 32 / 8;
  if (to % 2 != word % 2) {
    to ^= 1;
    word ^= 1;
  }
  return word / 2 * 2 * rows + to * 2 + word % 2;
}

}  // namespace tamp::inline TAMP_FLAGS::cuda

namespace tamp::inline TAMP_FLAGS::detail {

/// One thread for 16 columns of a row, which are one word of metadata: four bits for each group of
/// four, the two places of the kept values, the lower one first. If fewer are kept, the lowest free
/// place is used, with the value 0. Kept values are selected by conditions, not by index, so that
/// all elements stay in registers.
template <bool IsPacked, class T>
__global__ void compress_2_of_4(const std::uint32_t* keep, std::size_t halves,
                                matrix_view<const T, cuda_space> weight,
                                const selection_status* selected, T* values,
                                std::uint16_t* metadata, cuda::metadata_order order, wide* broken) {
  if (selected->is_broken()) return;
  const std::size_t words = (weight.cols() + 15) / 16;
  const std::size_t w = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x, j = w * 16;
  if (w >= words) return;
  for (std::size_t i = blockIdx.y; i < weight.rows(); i += gridDim.y) {
    T elements[16], kept[8];
    load_columns<16, IsPacked>(weight, i, j, elements);
    const unsigned bits = keep[i * halves + j / 32] >> j % 32 & 0xffffu;
    unsigned word = 0;
    for (unsigned g = 0; g < 4; ++g) {
      const unsigned kept_here = bits >> 4 * g & 0xfu;
      const unsigned stands_in = (kept_here & 1u) != 0 ? 2u : 1u;
      const int count = __popc(kept_here);
      const unsigned four = count >= 2 ? kept_here : count == 1 ? kept_here | stands_in : 3u;
      const T* const from = elements + 4 * g;
      kept[2 * g] = (four & 1u) != 0 ? from[0] : (four & 2u) != 0 ? from[1] : from[2];
      kept[2 * g + 1] = (four & 8u) != 0 ? from[3] : (four & 4u) != 0 ? from[2] : from[1];
      const unsigned first = (four & 1u) != 0 ? 0 : (four & 2u) != 0 ? 1 : 2;
      const unsigned second = (four & 8u) != 0 ? 3 : (four & 4u) != 0 ? 2 : 1;
      if ((kept_here >> first & 1u) == 0) kept[2 * g] = element_traits<T>::store(0);
      if ((kept_here >> second & 1u) == 0) kept[2 * g + 1] = element_traits<T>::store(0);
      if (j + 4 * g < weight.cols()) {
        word |= (first | second << 2) << 4 * g;
        if (count > 2)
          atomicMin(broken,
                    wide{i * weight.cols() + j + 4 * g} << 3 | static_cast<unsigned>(count));
      }
    }
    T* const to = values + (i * weight.cols() + j) / 2;
    if constexpr (IsPacked) {
      constexpr unsigned size = pack<T>::size < 8 ? pack<T>::size : 8;
      static_assert(pack<T>::size <= 8);
      for (unsigned p = 0; p < 8 / size; ++p) {
        pack<T> some;
        for (unsigned k = 0; k < size; ++k) some.elements[k] = kept[p * size + k];
        reinterpret_cast<pack<T>*>(to)[p] = some;
      }
    } else {
      for (unsigned k = 0; k < 8 && j + 2 * k < weight.cols(); ++k) to[k] = kept[k];
    }
    metadata[order == cuda::metadata_order::cutlass
                 ? cuda::cutlass_metadata_place(i, w, weight.rows())
                 : i * words + w] = static_cast<std::uint16_t>(word);
  }
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::cuda {

/// A weight of which at most two of every four neighbours in a row are kept, as the kept values and
/// their places. If fewer are kept (SparseGPT drops all weights of dead inputs), zeros fill the
/// rest. Made by tamp::cuda::compress. Movable, not copyable.
template <class T>
class compressed_2_of_4 {
 public:
  /// Allocates values and metadata that are not written yet.
  /// @throws shape_error if no memory can hold them
  compressed_2_of_4(const on_stream& on, std::size_t rows, std::size_t cols, metadata_order order)
      : rows_(rows), cols_(cols), order_(order), memory_(on, bytes_of(rows, cols)) {
    on.fill(memory_.data(), 0xff, sizeof(tamp::detail::wide));
  }

  std::size_t rows() const noexcept { return rows_; }
  /// The number of columns of the weight.
  std::size_t cols() const noexcept { return cols_; }
  metadata_order order() const noexcept { return order_; }

  /// The kept values of each row in their order, (rows, cols / 2), row-major.
  matrix_view<const T, cuda_space> values() const noexcept {
    return {memory_.as<T>(allocation_step), rows_, cols_ / 2};
  }
  /// The rows * words_per_row() words of 16 bits, in the order given by order(). Each is of 16
  /// columns: bits 4 g and 4 g + 1 are the place in [0, 4) of the first kept value of group g, bits
  /// 4 g + 2 and 4 g + 3 that of the second. Groups past the last column have zeros.
  const std::uint16_t* metadata() const noexcept {
    return memory_.as<std::uint16_t>(metadata_at(rows_, cols_));
  }
  std::size_t words_per_row() const noexcept { return (cols_ + 15) / 16; }

  /// The number of bytes that the compressed weight allocates.
  /// @throws shape_error if no memory can hold it
  static constexpr std::size_t bytes_of(std::size_t rows, std::size_t cols) {
    tamp::detail::checked_matrix("compress", rows, cols, sizeof(T));
    return metadata_at(rows, cols) + rows * ((cols + 15) / 16) * sizeof(std::uint16_t);
  }

  /// WAITS for the stream, and checks the mask.
  /// @throws value_error if the mask keeps more than two of four weights, naming the first four
  void check(const on_stream& on) const {
    tamp::detail::wide broken = 0;
    on.copy(&broken, memory_.data(), sizeof broken);
    on.wait();
    if (broken == tamp::detail::nowhere) return;
    const std::size_t place = static_cast<std::size_t>(broken >> 3);
    tamp::detail::raise<value_error>("compress: of columns ", place % cols_, " to ",
                                     place % cols_ + 3, " in row ", place / cols_,
                                     " the mask keeps ", broken & 7u, ", more than 2");
  }

 private:
  template <viewable Weight>
  friend auto compress(const on_stream& on, const Weight& weight, const bitmask& keep,
                       metadata_order order);

  static constexpr std::size_t metadata_at(std::size_t rows, std::size_t cols) noexcept {
    return allocation_step + allocation_size(rows * (cols / 2) * sizeof(T));
  }

  std::size_t rows_, cols_;
  metadata_order order_;
  buffer memory_;  // the first group with more than two; the values; the metadata
};

/// Compresses a weight whose mask is one of pattern::n_of_m<2, 4> to half its size.
///
///     const auto keep = tamp::select(on, W, norms, recipe_with_2_of_4);
///     const auto half = tamp::cuda::compress(on, W, keep);
///
/// The result has the form of tensor cores (mma.sp of PTX, for weights of 16 bits): the kept values
/// of each row one after another, and two bits for each, its place among its four neighbours. In
/// the order row_major, with 16 columns in each word, these are PyTorch's metadata before
/// reordering.
///
/// - CUTLASS 2's device::SparseGemm takes the values unchanged (its operand A, row-major), and the
///   metadata in the order `cutlass`, which requires rows and columns that are multiples of 32.
/// - cuSPARSELt has a private compressed form. Apply the mask, and give the weight with its zeros
///   to cusparseLtSpMMACompress. Do not run cusparseLtSpMMAPrune, which would choose anew.
/// - Weights of float are written in the same way, but the hardware requires 1:2 of TF32 instead.
///
/// The weight need not be pruned yet, and is only read. If `keep` notes a number that select could
/// not use, nothing is written, and keep.check names it. Asynchronous.
///
/// @throws shape_error if mask and weight differ in shape, the columns are not a multiple of 4, the
///         order requires other multiples, or the weight lies at a null pointer
/// @throws device_error if there is no memory, or CUDA refuses the kernel
template <viewable Weight>
auto compress(const on_stream& on, const Weight& weight, const bitmask& keep,
              metadata_order order = metadata_order::row_major) {
  using namespace tamp::detail;
  const auto view = cuda_view(on, weight);
  using value = typename decltype(view)::value_type;
  static_assert(sizeof(value) <= 4, "compress takes weights of 16 bits, or floats");
  const matrix_view<const value, cuda_space> w = view;
  if (w.rows() != keep.rows() || w.cols() != keep.cols())
    raise<shape_error>("compress: the mask is ", keep.rows(), " x ", keep.cols(),
                       ", the weight is ", w.rows(), " x ", w.cols());
  if (w.cols() % 4 != 0)
    raise<shape_error>("compress: the weight has ", w.cols(), " columns, not a multiple of 4");
  if (order == metadata_order::cutlass && (w.rows() % 32 != 0 || w.cols() % 32 != 0))
    raise<shape_error>("compress: the weight is ", w.rows(), " x ", w.cols(),
                       ", and CUTLASS wants multiples of 32");
  compressed_2_of_4<value> half(on, w.rows(), w.cols(), order);
  if (w.empty()) return half;
  constexpr unsigned threads = 128;
  const dim3 grid = grid_of(blocks_of(half.words_per_row(), threads), w.rows());
  const bool is_packed = has_packs(w) && w.cols() % 16 == 0;
  launch(is_packed ? &compress_2_of_4<true, value> : &compress_2_of_4<false, value>, grid, threads,
         0, on, reinterpret_cast<const std::uint32_t*>(keep.words()), keep.words_per_row() * 2, w,
         keep.status(), half.memory_.template as<value>(allocation_step),
         half.memory_.template as<std::uint16_t>(half.metadata_at(w.rows(), w.cols())), order,
         half.memory_.template as<wide>());
  return half;
}

}  // namespace tamp::inline TAMP_FLAGS::cuda
