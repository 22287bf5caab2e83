#pragma once

/// @file
/// Rows of numbers, packed for fast products.

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/large_array.hpp"
#include "../execute/detail/for_each_strip.hpp"
#include "../execute/executor.hpp"
#include "../execute/instructions.hpp"
#include "products.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Rows of float or double, packed for simd/products.inl. The columns are cut into runs of
/// product_run. Each run has panel after panel of `width` rows. Zeros pad the rows of the last
/// tile.
///
/// The layout depends on the set of instructions that products are made with. Rows can only be
/// multiplied with rows packed for the same set. Put all rows before multiplying.
template <class Real>
class packed_rows {
 public:
  packed_rows(std::size_t rows, std::size_t cols,
              execute::instructions set = execute::current_instructions())
      : set_(set), rows_(rows), cols_(cols) {
    with_products(set_, [&](auto products) {
      width_ = products.template lanes<Real>;
      step_ = products.template tile_cols<Real>;
    });
    padded_ = checked_sum("packed_rows", rows, step_ - 1) / step_ * step_;
    numbers_ = large_array<Real>(checked_product("packed_rows", padded_, cols));
    for (std::size_t row = panels() * width_; row < padded_; row += width_)
      for (std::size_t first = 0; first < cols; first += product_run)
        std::fill_n(at(row, first), run(first) * width_, Real{});
  }

  std::size_t rows() const noexcept { return rows_; }
  std::size_t cols() const noexcept { return cols_; }
  execute::instructions instructions() const noexcept { return set_; }
  /// The number of rows of a panel, and the number of panels that have rows.
  std::size_t width() const noexcept { return width_; }
  std::size_t panels() const noexcept { return (rows_ + width_ - 1) / width_; }

  /// Puts panel p: `width` rows, which are `pitch` numbers apart. Rows past the last must be zero.
  void put_panel(std::size_t p, const Real* rows, std::size_t pitch) noexcept {
    with_products(set_, [&](auto products) {
      for (std::size_t first = 0; first < cols_; first += product_run)
        products.template pack_rows<Real>(rows + first, pitch, run(first), at(p * width_, first));
    });
  }
  /// Puts `count` columns, which are `pitch` numbers apart. Each must be panels() * width() long,
  /// with zeros past the last row. All must belong to one run.
  void put_columns(std::size_t first, std::size_t count, const Real* columns,
                   std::size_t pitch) noexcept {
    const std::size_t start = first / product_run * product_run;
    with_products(set_, [&](auto products) {
      products.template pack_columns<Real>(columns, pitch, count, panels(),
                                           at(0, start) + (first - start) * width_,
                                           run(start) * width_);
    });
  }

  /// Adds the products of rows [top, top + height) with rows [left, left + across) of `other` to
  /// `sums`. The rows of `sums` are `pitch` numbers apart and have room for whole tiles. Tiles must
  /// begin at `top` and `left`. If `is_diagonal`, which requires top == left, the part below the
  /// diagonal may be left out.
  template <product_rounding Rounding = product_rounding::fused>
  void add_products(const packed_rows& other, std::size_t top, std::size_t left, std::size_t height,
                    std::size_t across, bool is_diagonal, Real* sums,
                    std::size_t pitch) const noexcept {
    with_products(set_, [&](auto products) {
      for (std::size_t first = 0; first < cols_; first += product_run)
        products.template add_block<Rounding, Real>(
            at(top, first), other.at(left, first), (std::min)(height, padded_ - top),
            (std::min)(across, other.padded_ - left), run(first), is_diagonal, sums, pitch);
    });
  }

 private:
  std::size_t run(std::size_t first) const noexcept {
    return (std::min)(product_run, cols_ - first);
  }
  Real* at(std::size_t row, std::size_t first) const noexcept {
    return numbers_.data() + first * padded_ + row * run(first);
  }

  execute::instructions set_;
  std::size_t rows_, cols_, width_ = 0, step_ = 0, padded_ = 0;
  large_array<Real> numbers_;
};

/// Packs rows that are cut into slices of `length` columns: slice s of every row is a row of the
/// s-th result. A thread calls make_read() once, and the result as read(row, to), which must write
/// the whole row to `to`.
template <class Real, executor E, class MakeRead>
std::vector<packed_rows<Real>> pack_slices(const E& exec, std::size_t rows, std::size_t slices,
                                           std::size_t length, const MakeRead& make_read) {
  std::vector<packed_rows<Real>> packed;
  packed.reserve(slices);
  for (std::size_t s = 0; s < slices; ++s) packed.emplace_back(rows, length);
  if (slices == 0) return packed;
  // Rows a power of two apart would compete for the same few places of the cache: hence the pad.
  const std::size_t width = packed[0].width(), pitch = slices * length + 64 / sizeof(Real);
  detail::for_each_range(exec, packed[0].panels(), [&](std::size_t begin, std::size_t end) {
    auto&& read = make_read();
    std::vector<Real> panel(width * pitch);
    for (std::size_t p = begin; p < end; ++p) {
      if ((p + 1) * width > rows) std::fill(panel.begin(), panel.end(), Real{});
      for (std::size_t i = p * width; i < (std::min)((p + 1) * width, rows); ++i)
        read(i, panel.data() + i % width * pitch);
      for (std::size_t s = 0; s < slices; ++s)
        packed[s].put_panel(p, panel.data() + s * length, pitch);
    }
  });
  return packed;
}

/// Packs rows, as pack_slices does, as a whole.
template <class Real, executor E, class MakeRead>
packed_rows<Real> pack_by_rows(const E& exec, std::size_t rows, std::size_t cols,
                               const MakeRead& make_read) {
  return std::move(pack_slices<Real>(exec, rows, 1, cols, make_read).front());
}

/// Packs rows from whole columns. The result of make_read() is called as read(column, to).
template <class Real, executor E, class MakeRead>
packed_rows<Real> pack_by_columns(const E& exec, std::size_t rows, std::size_t cols,
                                  const MakeRead& make_read,
                                  execute::instructions set = execute::current_instructions()) {
  constexpr std::size_t slice = 16;  // columns that are packed together
  static_assert(product_run % slice == 0);
  packed_rows<Real> packed(rows, cols, set);
  detail::for_each_strip(exec, cols, slice, rows, [&](std::size_t begin, std::size_t end) {
    auto&& read = make_read();
    const std::size_t pitch = packed.panels() * packed.width();
    std::vector<Real> columns(slice * pitch);
    for (std::size_t first = begin; first < end; first += slice) {
      const std::size_t count = (std::min)(slice, end - first);
      for (std::size_t k = 0; k < count; ++k) read(first + k, columns.data() + k * pitch);
      packed.put_columns(first, count, columns.data(), pitch);
    }
  });
  return packed;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
