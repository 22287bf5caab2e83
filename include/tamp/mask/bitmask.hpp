#pragma once

/// @file
/// Masks that keep or drop weights, one bit each.

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <span>
#include <type_traits>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/mask_word.hpp"
#include "../error.hpp"
#include "../simd/bit_counts.hpp"
#include "../tensor/detail/apart.hpp"
#include "../tensor/traits.hpp"

namespace tamp::inline TAMP_FLAGS::mask {

/// A mask of a (rows, cols) weight: true where the weight is KEPT.
///
/// Every row begins with a new word, so that different threads can work on different rows. Bits
/// past the last column are always zero. The mask of a 4096 x 4096 weight takes 2 MiB.
class [[nodiscard]] bitmask {
 public:
  bitmask() = default;

  /// Makes a mask that keeps all weights, or none.
  /// @throws shape_error if memory cannot hold the mask of a weight of these extents
  bitmask(std::size_t rows, std::size_t cols, bool keep = true)
      : rows_(rows),
        cols_(cols),
        words_per_row_(cols / word_bits + (cols % word_bits != 0)),
        words_(words(rows, cols, keep)) {
    trim();
  }

  std::size_t rows() const noexcept { return rows_; }
  std::size_t cols() const noexcept { return cols_; }
  std::size_t size() const noexcept { return rows_ * cols_; }

  /// Returns true if weight (i, j) is kept. The function `set` writes it. Both
  /// require i < rows() and j < cols().
  [[nodiscard]] bool operator()(std::size_t i, std::size_t j) const noexcept {
    expect_inside(i, j);
    return words_[i * words_per_row_ + j / word_bits] >> (j % word_bits) & 1u;
  }
  void set(std::size_t i, std::size_t j, bool keep) noexcept {
    expect_inside(i, j);
    word& w = words_[i * words_per_row_ + j / word_bits];
    const word bit = word{1} << (j % word_bits);
    w = keep ? w | bit : w & ~bit;
  }

  /// The words of row i. Requires i < rows(). Callers that modify these words must keep the bits
  /// past the last column zero.
  [[nodiscard]] std::span<const word> row(std::size_t i) const noexcept {
    expect_row(i);
    return {words_.data() + i * words_per_row_, words_per_row_};
  }
  [[nodiscard]] std::span<word> row(std::size_t i) noexcept {
    expect_row(i);
    return {words_.data() + i * words_per_row_, words_per_row_};
  }

  /// Returns the number of kept weights, in all or in row i. Requires i < rows().
  [[nodiscard]] std::size_t count() const noexcept { return count_bits(words_); }
  [[nodiscard]] std::size_t count(std::size_t i) const noexcept { return count_bits(row(i)); }

  /// Returns the fraction of dropped weights; 0 for an empty mask.
  [[nodiscard]] double sparsity() const noexcept {
    return size() == 0 ? 0.0 : static_cast<double>(size() - count()) / static_cast<double>(size());
  }

  /// Keeps the weights that both masks keep.
  /// @throws shape_error if the shapes differ, as the other two operators
  bitmask& operator&=(const bitmask& other) {
    return combine(other, [](word a, word b) { return a & b; });
  }
  /// Keeps the weights that either mask keeps.
  bitmask& operator|=(const bitmask& other) {
    return combine(other, [](word a, word b) { return a | b; });
  }
  /// Keeps the weights that exactly one mask keeps.
  bitmask& operator^=(const bitmask& other) {
    return combine(other, [](word a, word b) { return a ^ b; });
  }
  [[nodiscard]] friend bitmask operator&(bitmask a, const bitmask& b) { return a &= b; }
  [[nodiscard]] friend bitmask operator|(bitmask a, const bitmask& b) { return a |= b; }
  [[nodiscard]] friend bitmask operator^(bitmask a, const bitmask& b) { return a ^= b; }
  /// Returns the mask that keeps the dropped weights and drops the kept ones.
  [[nodiscard]] bitmask operator~() const {
    bitmask flipped = *this;
    for (word& w : flipped.words_) w = ~w;
    flipped.trim();
    return flipped;
  }

  /// Returns true for the same shape and the same bits.
  friend bool operator==(const bitmask&, const bitmask&) = default;

  /// Makes the mask of a matrix of bool or of numbers. It keeps a weight where the matrix is not
  /// zero.
  template <viewable Flags>
  [[nodiscard]] static bitmask from(const Flags& flags) {
    const detail::ieee_arithmetic as_usual;
    const auto from = detail::cpu_view(flags);
    bitmask mask(from.rows(), from.cols(), false);
    if (from.empty()) return mask;
    for (std::size_t i = 0; i < from.rows(); ++i)
      for (std::size_t j = 0; j < from.cols(); ++j)
        if (from(i, j) != typename decltype(from)::value_type{}) mask.set(i, j, true);
    return mask;
  }

  /// Writes true (or 1) into a matrix where a weight is kept and false (0) where it is dropped.
  /// @throws shape_error if the shapes differ
  template <viewable Flags>
  void copy_to(Flags&& flags) const {
    const auto to = detail::cpu_view(flags);
    static_assert(!std::is_const_v<std::remove_pointer_t<decltype(to.data())>>,
                  "these flags are const and cannot be written");
    if (to.rows() != rows_ || to.cols() != cols_)
      detail::raise<shape_error>("bitmask: a mask of ", rows_, " x ", cols_,
                                 " cannot be copied to a matrix of ", to.rows(), " x ", to.cols());
    using value = typename decltype(to)::value_type;
    if (to.empty()) return;
    detail::check_apart("bitmask", to, "the matrix of flags");
    for (std::size_t i = 0; i < rows_; ++i)
      for (std::size_t j = 0; j < cols_; ++j) to(i, j) = (*this)(i, j) ? value(1) : value(0);
  }

  /// Writes one line per row, with '#' for a kept weight and '.' for a dropped one. A mask of more
  /// than 64 rows or 128 columns is one line of summary.
  template <class Traits>  // so that a file which prints no mask does without <ostream>
  friend std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out,
                                                      const bitmask& mask) {
    if (mask.rows_ > 64 || mask.cols_ > 128)
      return out << "bitmask of " << mask.rows_ << " x " << mask.cols_ << ", " << mask.count()
                 << " kept\n";
    for (std::size_t i = 0; i < mask.rows_; ++i) {
      for (std::size_t j = 0; j < mask.cols_; ++j) out << (mask(i, j) ? '#' : '.');
      out << '\n';
    }
    return out;
  }

 private:
  static std::vector<word> words(std::size_t rows, std::size_t cols, bool keep) {
    detail::check_shape("bitmask", rows, cols);
    const std::size_t per_row = cols / word_bits + (cols % word_bits != 0);
    return detail::checked_array<word>("bitmask", rows * per_row, keep ? ~word{0} : word{0});
  }

  void expect_row([[maybe_unused]] std::size_t i) const noexcept {
    TAMP_EXPECTS(i < rows_, "bitmask: row ", i, " of a mask of ", rows_, " x ", cols_);
  }
  void expect_inside([[maybe_unused]] std::size_t i,
                     [[maybe_unused]] std::size_t j) const noexcept {
    TAMP_EXPECTS(i < rows_ && j < cols_, "bitmask: weight (", i, ", ", j, ") of a mask of ", rows_,
                 " x ", cols_);
  }

  static std::size_t count_bits(std::span<const word> words) noexcept {
    return detail::with_bit_counts(
        [&](auto loops) { return loops.count_bits(words.data(), words.size()); });
  }

  template <class Combine>
  bitmask& combine(const bitmask& other, Combine&& both) {
    if (rows_ != other.rows_ || cols_ != other.cols_)
      detail::raise<shape_error>("bitmask: a mask of ", rows_, " x ", cols_,
                                 " cannot be combined with one of ", other.rows_, " x ",
                                 other.cols_);
    for (std::size_t k = 0; k < words_.size(); ++k) words_[k] = both(words_[k], other.words_[k]);
    return *this;
  }

  void trim() noexcept {
    if (cols_ % word_bits == 0) return;
    for (std::size_t i = 0; i < rows_; ++i) row(i).back() &= ~word{0} >> (64 - cols_ % word_bits);
  }

  std::size_t rows_ = 0, cols_ = 0, words_per_row_ = 0;
  std::vector<word> words_;
};

}  // namespace tamp::inline TAMP_FLAGS::mask
