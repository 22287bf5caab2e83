#pragma once

/// @file
/// Rows of sparse and dense weights, as the loops of simd/sparse_rows.hpp take them.
///
/// Each class gives row i for few tokens, and adds its weights, 64 columns at a time, for many.
/// Each thread needs an object of its own.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "../../detail/mask_word.hpp"
#include "../../element.hpp"
#include "../../simd/sparse_rows.hpp"
#include "../../tensor/detail/erased_rows.hpp"
#include "../../tensor/view.hpp"
#include "../view.hpp"

namespace tamp::inline TAMP_FLAGS::sparse {

/// The rows of a sparse weight. Those whose values end where readable memory ends are copied, since
/// the loops read further. A row is valid until one before it is asked for.
template <storable T>
class kept_rows {
 public:
  template <class Loops>
  static constexpr bool has_pairs = !tamp::detail::is_scaled<T> && Loops::most_paired_bytes != 0;
  // The number of tokens up to which a row is expanded for each few. Kept weights one by one take
  // longer then.
  template <class Loops>
  static constexpr std::size_t most_few = 16;

  explicit kept_rows(const view<T>& weight) : weight_(weight) {}

  tamp::detail::sparse_row<T> operator()(std::size_t i) {
    const std::span<const T> values = weight_.values(i);
    const bool is_copied = weight_.readable_ - weight_.offset(i) < values.size() + room;
    return {weight_.bits(i).data(), is_copied ? copy_of(i) : values.data(),
            weight_.scales(i).data()};
  }

  /// Returns true if rows i and i + 1 keep so little that they should be multiplied together.
  template <class Loops>
  bool is_pair(Loops, std::size_t i) const noexcept {
    const std::size_t bytes = (weight_.kept(i) + weight_.kept(i + 1)) * sizeof(T);
    return bytes * mask::word_bits <= 2 * Loops::most_paired_bytes * weight_.cols();
  }

  /// Adds the products of columns [first, last) of row i to `sums`, with `Vectors` vectors of
  /// tokens side by side. Kept weights [0, next) of the row come before; `next` is moved.
  template <std::size_t Vectors, class Loops>
  void add(Loops loops, std::size_t i, std::size_t first, std::size_t last, std::size_t& next,
           const float* columns, float* sums) {
    constexpr std::size_t pitch = Vectors * Loops::template lanes<float>;
    const auto row = (*this)(i);
    alignas(64) float room[mask::word_bits];
    for (std::size_t j = first; j < last; j += mask::word_bits) {
      const mask::word word = weight_.word(i, j / mask::word_bits);
      const float* kept = room;
      [[maybe_unused]] const f16* scales = nullptr;
      if constexpr (tamp::detail::is_scaled<T>) scales = row.scales + j / scaled_columns;
      if constexpr (std::is_same_v<T, float>)
        kept = row.values + next;
      else
        loops.widen_kept(word, row.values + next, scales, room);
      loops.template add_kept<Vectors>(word, kept, columns + j * pitch, sums);
      next += static_cast<std::size_t>(std::popcount(word));
    }
    // Other rows come before the row's next columns. The processor's own prefetcher does not follow
    // so many streams.
    loops.fetch_lines(reinterpret_cast<const std::byte*>(row.values + next),
                      (last - first) * sizeof(T));
  }

 private:
  static constexpr std::size_t room = tamp::detail::room_past_values / sizeof(T);

  // All rows after one that has too little room have too little, too. They are copied with it.
  const T* copy_of(std::size_t i) {
    if (i < first_copied_) {
      const std::span<const T> values = weight_.parts_.values.subspan(weight_.offset(i));
      copy_.assign(values.size() + room, T{});
      std::copy(values.begin(), values.end(), copy_.begin());
      first_copied_ = i;
    }
    return copy_.data() + (weight_.offset(i) - weight_.offset(first_copied_));
  }

  const view<T>& weight_;
  std::vector<T> copy_;  // the values of rows [first_copied_, rows)
  std::size_t first_copied_ = static_cast<std::size_t>(-1);
};

/// The rows of a dense weight with contiguous rows of a type that the loops know.
template <storable T>
class stored_rows {
 public:
  template <class Loops>
  static constexpr bool has_pairs = false;
  template <class Loops>
  static constexpr std::size_t most_few = Loops::template lanes<float> / 2;

  explicit stored_rows(matrix_view<const T> weight) : weight_(weight) {}

  tamp::detail::dense_row<T> operator()(std::size_t i) const { return {weight_.row(i).data()}; }

  template <std::size_t Vectors, class Loops>
  void add(Loops loops, std::size_t i, std::size_t first, std::size_t last, std::size_t&,
           const float* columns, float* sums) const {
    constexpr std::size_t pitch = Vectors * Loops::template lanes<float>;
    const std::span<const T> row = weight_.row(i);
    alignas(64) float room[mask::word_bits];
    for (std::size_t j = first; j < last; j += mask::word_bits) {
      const std::size_t count = (std::min)(mask::word_bits, last - j);
      const float* weights = room;
      if constexpr (std::is_same_v<T, float>)
        weights = row.data() + j;
      else
        for (std::size_t k = 0; k < count; ++k) room[k] = element_traits<T>::load(row[j + k]);
      loops.template add_all<Vectors>(count, weights, columns + j * pitch, sums);
    }
  }

 private:
  matrix_view<const T> weight_;
};

/// The rows of any other dense tensor, as floats. A row is valid until the next call.
class read_rows {
 public:
  template <class Loops>
  static constexpr bool has_pairs = false;
  template <class Loops>
  static constexpr std::size_t most_few = Loops::template lanes<float> / 2;

  explicit read_rows(const tamp::detail::erased_rows<float>& weight) : read_(weight) {}

  tamp::detail::dense_row<float> operator()(std::size_t i) {
    if (i != at_) row_ = read_(i);
    at_ = i;
    return {row_.data()};
  }

  template <std::size_t Vectors, class Loops>
  void add(Loops loops, std::size_t i, std::size_t first, std::size_t last, std::size_t&,
           const float* columns, float* sums) {
    constexpr std::size_t pitch = Vectors * Loops::template lanes<float>;
    loops.template add_all<Vectors>(last - first, (*this)(i).values + first,
                                    columns + first * pitch, sums);
  }

 private:
  tamp::detail::row_reader<tamp::detail::erased_rows<float>> read_;
  std::span<const float> row_;
  std::size_t at_ = static_cast<std::size_t>(-1);
};

}  // namespace tamp::inline TAMP_FLAGS::sparse
