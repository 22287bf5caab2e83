#pragma once

// Sparse weights from outside: their arrays as a file would hold them, and memory that ends where the
// last number ends.

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <tamp/mask/bitmask.hpp>
#include <tamp/sparse/matrix.hpp>
#include <vector>

#include "tensors.hpp"

#if defined(__unix__)
#  include <sys/mman.h>
#  include <unistd.h>
#endif

namespace support {

/// A type of a host with the bits of an f16.
struct host_f16 {
  std::uint16_t bits;
};

/// A type of a host with the bits of a bf16.
struct host_bf16 {
  std::uint16_t bits;
};

}  // namespace support

template <>
struct tamp::element_traits<support::host_f16> : tamp::element_like<support::host_f16, tamp::f16> {
};
template <>
struct tamp::element_traits<support::host_bf16>
    : tamp::element_like<support::host_bf16, tamp::bf16> {};

namespace support {

/// A mask that drops about this fraction of the weights. Of every four rows one has its own
/// fraction: row 1 keeps all, row 3 nothing.
inline tamp::mask::bitmask random_mask(std::size_t rows, std::size_t cols, double sparsity,
                                       unsigned seed) {
  std::mt19937 random(seed);
  std::bernoulli_distribution keeps(1 - sparsity);
  tamp::mask::bitmask keep(rows, cols, false);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; ++j)
      keep.set(i, j, i % 4 == 1 || (i % 4 != 3 && keeps(random)));
  return keep;
}

/// The number that a weight has, by definition: 0 where the mask drops it.
template <class T>
matrix<T> zeroed(const matrix<T>& weight, const tamp::mask::bitmask& keep) {
  matrix<T> expected = weight;
  for (std::size_t i = 0; i < weight.rows(); ++i)
    for (std::size_t j = 0; j < weight.cols(); ++j)
      if (!keep(i, j)) expected(i, j) = T{};
  return expected;
}

/// Numbers in memory behind which nothing can be read: the next page is not there.
template <class T>
class fenced {
 public:
  explicit fenced(std::span<const T> numbers) : size_(numbers.size()) {
#if defined(__unix__)
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t bytes = (numbers.size_bytes() + page - 1) / page * page;
    mapped_ = bytes + page;
    void* const map =
        ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    BOOST_REQUIRE(map != MAP_FAILED);
    map_ = static_cast<std::byte*>(map);
    BOOST_REQUIRE(::mprotect(map_ + bytes, page, PROT_NONE) == 0);
    data_ = reinterpret_cast<T*>(map_ + bytes - numbers.size_bytes());
#else
    map_ = new std::byte[numbers.size_bytes()];
    data_ = reinterpret_cast<T*>(map_);
#endif
    if (!numbers.empty()) std::memcpy(data_, numbers.data(), numbers.size_bytes());
  }
  fenced(const fenced&) = delete;
  fenced& operator=(const fenced&) = delete;
  ~fenced() {
#if defined(__unix__)
    ::munmap(map_, mapped_);
#else
    delete[] map_;
#endif
  }

  std::span<const T> numbers() const { return {data_, size_}; }

 private:
  std::size_t size_ = 0, mapped_ = 0;
  std::byte* map_ = nullptr;
  T* data_ = nullptr;
};

/// The arrays of a sparse weight, apart from the matrix that they were copied from.
template <class T>
struct sparse_arrays {
  std::size_t rows = 0, cols = 0, bits_pitch = 0;
  std::vector<std::byte> bits;
  std::vector<T> values;
  std::vector<std::int64_t> row_offsets;
  std::vector<tamp::f16> scales;

  /// Copies the arrays. Rows of bits are `gap` bytes further apart than they need to be. Bits that
  /// belong to no column, in the last byte of a row and in the gaps, are set.
  explicit sparse_arrays(const tamp::sparse::matrix<T>& s, std::size_t gap = 0)
      : rows(s.rows()), cols(s.cols()), bits_pitch((s.cols() + 7) / 8 + gap) {
    bits.assign(rows == 0 ? 0 : rows * bits_pitch - gap, std::byte{0xff});
    for (std::size_t i = 0; i < rows; ++i) {
      row_offsets.push_back(static_cast<std::int64_t>(values.size()));
      for (std::size_t j = 0; j < cols; ++j)
        if (!s.mask()(i, j)) bits[i * bits_pitch + j / 8] &= ~(std::byte{1} << (j % 8));
      for (const T& value : s.values(i)) values.push_back(value);
      for (const tamp::f16 scale : s.scales(i)) scales.push_back(scale);
    }
  }

  tamp::sparse::arrays<T> parts() const { return {bits, bits_pitch, values, row_offsets, scales}; }
  tamp::sparse::view<T> view() const { return {rows, cols, parts()}; }
};

/// The same, in memory that ends where each of them ends.
template <class T>
class fenced_arrays {
 public:
  explicit fenced_arrays(const sparse_arrays<T>& from)
      : rows_(from.rows),
        cols_(from.cols),
        bits_pitch_(from.bits_pitch),
        bits_(from.bits),
        values_(from.values),
        row_offsets_(from.row_offsets),
        scales_(from.scales) {}

  tamp::sparse::view<T> view() const {
    return {rows_,
            cols_,
            {bits_.numbers(), bits_pitch_, values_.numbers(), row_offsets_.numbers(),
             scales_.numbers()}};
  }

 private:
  std::size_t rows_, cols_, bits_pitch_;
  fenced<std::byte> bits_;
  fenced<T> values_;
  fenced<std::int64_t> row_offsets_;
  fenced<tamp::f16> scales_;
};

/// The rows that a row tensor reads, as a dense matrix.
template <class Rows>
matrix<float> dense_of(const Rows& tensor) {
  matrix<float> dense(tensor.rows(), tensor.cols());
  for (std::size_t i = 0; i < dense.rows(); ++i)
    tensor.read_row(i, std::span(dense.data() + i * dense.cols(), dense.cols()));
  return dense;
}

}  // namespace support
