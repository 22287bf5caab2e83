#pragma once

/// @file
/// The rows of a token::rows_view as floats: one after another, or many times.

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "../../detail/checked.hpp"
#include "../../tensor/rows.hpp"
#include "../../tensor/view.hpp"
#include "../rows_view.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The reader of the rows of a token::rows_view. Rows of floats in one piece are returned in place.
/// All others are converted into a buffer: one by one if the numbers of a row are side by side, and
/// a tile at a time otherwise, so that the cache lines fetched from columns are used whole.
template <>
class row_reader<token::rows_view> {
 public:
  using value_type = float;

  explicit row_reader(const token::rows_view& rows) : rows_(rows) {
    if (rows.in_place()) return;
    height_ = rows.has_contiguous_rows() ? 1 : (std::min)(tile_rows, rows.rows());
    pitch_ = rows.cols() + 16;
    buffer_ = checked_array<float>("tokens", checked_product("tokens", height_, pitch_));
  }

  std::span<const float> operator()(std::size_t i) {
    if (height_ == 0) return rows_.row(i);
    if (i < begin_ || i >= end_) {
      begin_ = i;
      end_ = i + (std::min)(height_, rows_.rows() - i);
      rows_.load(begin_, end_ - begin_, buffer_.data(), pitch_);
    }
    return {buffer_.data() + (i - begin_) * pitch_, rows_.cols()};
  }

 private:
  static constexpr std::size_t tile_rows = 64;

  token::rows_view rows_;
  std::vector<float> buffer_;
  std::size_t height_ = 0, pitch_ = 0, begin_ = 0, end_ = 0;  // a height of 0: in place
};

/// Rows that are read many times, by their tokens. Rows in one piece are held in place, and must
/// outlive the object. Others are copied once.
template <class Number>
class held_rows {
 public:
  /// Holds all rows.
  explicit held_rows(matrix_view<const Number> rows) : cols_(rows.cols()), row_(rows.rows()) {
    if (!rows.contiguous_rows())
      copy_ = checked_array<Number>("tokens", checked_product("tokens", rows.rows(), cols_));
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      row_[i] = copy_.empty() ? rows.row(i).data() : copy_.data() + i * cols_;
      for (std::size_t j = 0; j < cols_ && !copy_.empty(); ++j) copy_[i * cols_ + j] = rows(i, j);
    }
  }
  /// Holds the rows of some tokens. Those of other tokens must not be read.
  held_rows(const token::rows_view& rows, std::span<const std::size_t> tokens)
      : cols_(rows.cols()), row_(rows.rows()) {
    row_reader read(rows);
    if (!rows.in_place())
      copy_ = checked_array<float>("tokens", checked_product("tokens", tokens.size(), cols_));
    for (std::size_t k = 0; k < tokens.size(); ++k) {
      const std::span<const float> row = read(tokens[k]);
      row_[tokens[k]] = copy_.empty() ? row.data() : copy_.data() + k * cols_;
      if (!copy_.empty())
        std::copy(row.begin(), row.end(), copy_.begin() + static_cast<std::ptrdiff_t>(k * cols_));
    }
  }
  held_rows(const held_rows&) = delete;
  held_rows& operator=(const held_rows&) = delete;

  std::size_t rows() const noexcept { return row_.size(); }
  std::size_t cols() const noexcept { return cols_; }
  /// Returns the row of a token that is held.
  const Number* operator[](std::size_t token) const noexcept { return row_[token]; }

 private:
  std::size_t cols_;
  std::vector<Number> copy_;
  std::vector<const Number*> row_;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
