#pragma once

// A host's matrices, in every layout, and its tensors without strides.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <random>
#include <span>
#include <tamp/tensor/traits.hpp>
#include <vector>

namespace support {

inline constexpr float infinity = std::numeric_limits<float>::infinity();
inline constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

/// A host's own row-major matrix.
template <class T>
class matrix {
 public:
  matrix() = default;
  matrix(std::size_t rows, std::size_t cols, T value = T{})
      : rows_(rows), cols_(cols), numbers_(rows * cols, value) {}
  matrix(std::initializer_list<std::initializer_list<T>> rows)
      : rows_(rows.size()), cols_(rows.size() == 0 ? 0 : rows.begin()->size()) {
    for (const auto& row : rows)
      for (const T& number : row) numbers_.push_back(number);
  }

  std::size_t rows() const { return rows_; }
  std::size_t cols() const { return cols_; }
  T* data() { return numbers_.data(); }
  const T* data() const { return numbers_.data(); }
  T& operator()(std::size_t i, std::size_t j) { return numbers_[i * cols_ + j]; }
  const T& operator()(std::size_t i, std::size_t j) const { return numbers_[i * cols_ + j]; }

  /// Equal to the bit: +0 is not -0, a NaN is itself.
  friend bool operator==(const matrix& a, const matrix& b) {
    return a.rows_ == b.rows_ && a.cols_ == b.cols_ &&
           (a.numbers_.empty() ||
            std::memcmp(a.data(), b.data(), a.numbers_.size() * sizeof(T)) == 0);
  }

 private:
  std::size_t rows_ = 0, cols_ = 0;
  std::vector<T> numbers_;
};

/// The matrix with its numbers as another type of element.
template <class To, class From>
matrix<To> as(const matrix<From>& from) {
  matrix<To> to(from.rows(), from.cols());
  for (std::size_t i = 0; i < from.rows(); ++i)
    for (std::size_t j = 0; j < from.cols(); ++j) {
      using compute = tamp::compute_type<To>;
      const auto number = static_cast<compute>(tamp::element_traits<From>::load(from(i, j)));
      to(i, j) = tamp::element_traits<To>::store(number);
    }
  return to;
}

/// Calls use(m) on matrix_views of the same numbers in every layout, one after another, and checks
/// that what lies between their elements is never written. Layouts for which is_run() is false are
/// left out.
template <class T, class Use, class IsRun = bool (*)()>
void in_every_layout(const matrix<T>& numbers, Use&& use, IsRun&& is_run = [] { return true; }) {
  const std::size_t rows = numbers.rows(), cols = numbers.cols();
  const auto r = static_cast<std::ptrdiff_t>(rows), c = static_cast<std::ptrdiff_t>(cols);
  const struct {
    const char* name;
    std::ptrdiff_t row_stride, col_stride;
    bool from_the_end = false;
  } layouts[] = {{"row-major", c, 1},
                 {"row-major with gaps", c + 3, 1},
                 {"column-major", 1, r},
                 {"column-major with gaps", 1, r + 3},
                 {"every third element of a row", 3 * (c + 1), 3},
                 {"every second element of a column", 2, 2 * (r + 1)},
                 {"last row first", -c, 1, true},
                 {"column-major, last element first", -1, -r, true}};
  for (const auto& layout : layouts) {
    if (!is_run()) continue;
    std::vector<T> memory(3 * (rows + 3) * (cols + 3));
    const std::size_t bytes = memory.size() * sizeof(T);
    std::memset(static_cast<void*>(memory.data()), 0x3c, bytes);
    T* first = layout.from_the_end ? memory.data() + memory.size() - 1 - cols : memory.data();
    const tamp::matrix_view<T> m(first, rows, cols, layout.row_stride, layout.col_stride);
    const auto write_numbers = [&] {
      for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < cols; ++j) m(i, j) = numbers(i, j);
    };
    write_numbers();
    const std::vector<T> before = memory;
    BOOST_TEST_CONTEXT(layout.name) {
      use(m);
      write_numbers();
      BOOST_TEST(std::memcmp(memory.data(), before.data(), bytes) == 0,
                 "memory between the elements was written");
    }
  }
}

/// The elements that a view shows.
template <class T>
matrix<std::remove_const_t<T>> copy_of(tamp::matrix_view<T> m) {
  matrix<std::remove_const_t<T>> copy(m.rows(), m.cols());
  for (std::size_t i = 0; i < m.rows(); ++i)
    for (std::size_t j = 0; j < m.cols(); ++j) copy(i, j) = m(i, j);
  return copy;
}

/// A tensor of the second tier that can be read alone. It counts in int, as many hosts do.
struct readable_rows {
  matrix<float> numbers;

  int rows() const { return static_cast<int>(numbers.rows()); }
  int cols() const { return static_cast<int>(numbers.cols()); }
  void read_row(std::size_t i, std::span<float> out) const {
    std::copy_n(numbers.data() + i * numbers.cols(), numbers.cols(), out.begin());
  }
};

/// One that is pruned by writing rows back.
struct writable_rows : readable_rows {
  void write_row(std::size_t i, std::span<const float> in) {
    std::copy(in.begin(), in.end(), numbers.data() + i * numbers.cols());
  }
};

/// One that drops weights itself. Writing rows is possible, but not what it wants.
struct zeroable_rows : readable_rows {
  void zero(std::size_t i, std::span<const std::uint64_t> keep) {
    for (std::size_t j = 0; j < numbers.cols(); ++j)
      if ((keep[j / 64] >> j % 64 & 1u) == 0) numbers(i, j) = 0.0f;
  }
  void write_row(std::size_t, std::span<const float>) { BOOST_FAIL("a row was written back"); }
};

/// Numbers of both signs, all different in practice.
inline matrix<float> random_matrix(std::size_t rows, std::size_t cols, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> number;
  matrix<float> m(rows, cols);
  for (std::size_t k = 0; k < rows * cols; ++k) m.data()[k] = number(random);
  return m;
}

/// Few different numbers, so that many are equal: zeros of both signs, subnormals, opposites.
inline matrix<float> matrix_of_ties(std::size_t rows, std::size_t cols, unsigned seed) {
  const float numbers[] = {0.0f, -0.0f, 1e-42f, -1e-42f, 0.5f, -0.5f, 1.0f, -1.0f};
  std::mt19937 random(seed);
  matrix<float> m(rows, cols);
  for (std::size_t k = 0; k < rows * cols; ++k) m.data()[k] = numbers[random() % 8];
  return m;
}

/// Norms of inputs, some of them dead.
inline std::vector<float> random_norms(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> number(0.1f, 4.0f);
  std::vector<float> norms(size);
  for (float& norm : norms) norm = random() % 8 == 0 ? 0.0f : number(random);
  return norms;
}

}  // namespace support

template <class T>
struct tamp::tensor_traits<support::matrix<T>> {
  static matrix_view<const T> view(const support::matrix<T>& m) {
    return {m.data(), m.rows(), m.cols()};
  }
  static matrix_view<T> view(support::matrix<T>& m) { return {m.data(), m.rows(), m.cols()}; }
};
