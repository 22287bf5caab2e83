#pragma once

// A host's tensors: matrices at any strides, and rows without any.

#include <cstddef>
#include <span>
#include <tamp/element.hpp>
#include <tamp/tensor/view.hpp>
#include <vector>

#include "fuzz.hpp"

namespace fuzz {

/// A matrix somewhere in memory of its own.
template <class T>
struct matrix {
  std::size_t rows = 0, cols = 0;
  std::ptrdiff_t row_stride = 0, col_stride = 0;
  std::size_t first = 0;  // where element (0, 0) lies
  std::vector<T> memory;

  std::size_t at(std::size_t i, std::size_t j) const {
    return static_cast<std::size_t>(static_cast<std::ptrdiff_t>(first) +
                                    static_cast<std::ptrdiff_t>(i) * row_stride +
                                    static_cast<std::ptrdiff_t>(j) * col_stride);
  }
  auto load(std::size_t i, std::size_t j) const {
    return tamp::element_traits<T>::load(memory[at(i, j)]);
  }
  tamp::matrix_view<T> view() {
    return {memory.data() + first, rows, cols, row_stride, col_stride};
  }
  tamp::matrix_view<const T> view() const {
    return {memory.data() + first, rows, cols, row_stride, col_stride};
  }

  /// In one of the layouts that hosts have, or at any strides at all, where elements may share
  /// their memory; make() gives the numbers, in the type that arithmetic is done in.
  template <class Make>
  static matrix of(source& in, std::size_t rows, std::size_t cols, Make&& make) {
    const auto r = static_cast<std::ptrdiff_t>(rows), c = static_cast<std::ptrdiff_t>(cols);
    const auto gap = static_cast<std::ptrdiff_t>(in.count(0, 3));
    const auto any = [&] { return static_cast<std::ptrdiff_t>(in.count(0, 12)) - 4; };
    const std::ptrdiff_t strides[][2] = {{c + gap, 1},  {c + gap, 1},     {1, r + gap},
                                         {1, r + gap},  {2 * c + gap, 2}, {3, 3 * r + gap},
                                         {-c - gap, 1}, {-1, -r - gap},   {any(), any()}};
    const auto& chosen = in.of(strides);
    matrix m{rows, cols, chosen[0], chosen[1], 0, {}};
    std::ptrdiff_t lowest = 0, highest = 0;
    if (rows != 0 && cols != 0)
      for (const std::ptrdiff_t reach : {(r - 1) * m.row_stride, (c - 1) * m.col_stride})
        (reach < 0 ? lowest : highest) += reach;
    m.first = static_cast<std::size_t>(-lowest);
    const auto size = static_cast<std::size_t>(highest - lowest) + 1;
    m.memory = in.list(size, [&] { return tamp::element_traits<T>::store(make()); });
    return m;
  }

  /// True if each element has memory of its own.
  bool is_apart() const {
    std::vector<bool> taken(memory.size());
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < cols; ++j) {
        if (taken[at(i, j)]) return false;
        taken[at(i, j)] = true;
      }
    return true;
  }
};

/// The same numbers as a tensor of the second tier.
struct row_host {
  matrix<float> numbers;

  std::size_t rows() const { return numbers.rows; }
  std::size_t cols() const { return numbers.cols; }
  void read_row(std::size_t i, std::span<float> out) const {
    for (std::size_t j = 0; j < out.size(); ++j) out[j] = numbers.load(i, j);
  }
  void write_row(std::size_t i, std::span<const float> in) {
    for (std::size_t j = 0; j < in.size(); ++j) numbers.memory[numbers.at(i, j)] = in[j];
  }
};

}  // namespace fuzz
