#pragma once

/// @file
/// A sparse weight as a value.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/large_array.hpp"
#include "../error.hpp"
#include "../mask/bitmask.hpp"
#include "../tensor/rows.hpp"
#include "../tensor/traits.hpp"
#include "view.hpp"

namespace tamp::inline TAMP_FLAGS::sparse {

/// A pruned weight of (rows, cols) that stores one bit for each weight and the kept weights,
/// packed.
///
///     const auto S = tamp::sparse::pack(W, keep);    // from a weight and its mask
///     tamp::sparse::multiply(S, x, y);               // y = S x
///
/// A weight takes b (1 - s) + 1 bits, b bits for a number of type T and a fraction s dropped;
/// weights of std::int8_t take half a bit more, for scales. Half of a weight of bf16 is 9 bits.
///
/// Kept weights are stored as they are, to the bit: a kept zero, -0 or NaN stays one. Every matrix
/// is a row_tensor (see view), which the rest of tamp can read.
template <storable T>
class [[nodiscard]] matrix {
 public:
  using value_type = T;

  matrix() = default;

  /// Makes a matrix from its parts: the kept weights of all rows, in order, and for std::int8_t the
  /// scales, scales_of_row(cols) for each row.
  /// @throws shape_error if `values` are not as many as the mask keeps, or the scales do not fit
  matrix(mask::bitmask keep, std::span<const T> values, std::span<const f16> scales = {})
      : matrix(std::move(keep)) {
    tamp::detail::check_list("sparse::matrix", "kept weights", values);
    tamp::detail::check_list("sparse::matrix", "scales", scales);
    if (values.size() != kept())
      tamp::detail::raise<shape_error>("sparse::matrix: ", values.size(),
                                       " kept weights for a mask that keeps ", kept());
    if (scales.size() != scales_.size())
      tamp::detail::raise<shape_error>("sparse::matrix: ", scales.size(),
                                       " scales for a weight of ", rows(), " x ", cols(),
                                       ", which has ", scales_.size());
    if (!values.empty()) std::memcpy(values_.data(), values.data(), values.size_bytes());
    std::copy(scales.begin(), scales.end(), scales_.begin());
  }

  matrix(const matrix& other) : matrix(other.keep_, other.all_values(), other.scales_) {}
  matrix(matrix&& other) noexcept { swap(other); }
  matrix& operator=(matrix other) noexcept {
    swap(other);
    return *this;
  }

  std::size_t rows() const noexcept { return keep_.rows(); }
  std::size_t cols() const noexcept { return keep_.cols(); }
  std::size_t size() const noexcept { return keep_.size(); }
  std::size_t kept() const noexcept { return kept_; }
  std::size_t kept(std::size_t i) const noexcept { return view().kept(i); }
  double sparsity() const noexcept { return view().sparsity(); }
  std::size_t bytes() const noexcept { return view().bytes(); }
  double bits_per_weight() const noexcept { return view().bits_per_weight(); }

  /// The mask of the kept weights.
  const mask::bitmask& mask() const noexcept { return keep_; }

  /// The kept weights and scales of row i. Requires i < rows(). The weights may be changed.
  std::span<const T> values(std::size_t i) const noexcept { return view().values(i); }
  std::span<T> values(std::size_t i) noexcept {
    return {values_.data() + offsets_[i], view().kept(i)};
  }
  std::span<const f16> scales(std::size_t i) const noexcept { return view().scales(i); }
  std::span<f16> scales(std::size_t i) noexcept {
    const std::size_t count = scales_.empty() ? 0 : scales_of_row(cols());
    return {scales_.data() + i * count, count};
  }

  /// A view of this matrix, which must outlive it.
  sparse::view<T> view() const noexcept {
    const auto words = keep_.rows() == 0 ? std::span<const mask::word>() : all_words();
    return {typename sparse::view<T>::is_checked{}, rows(), cols(),
            arrays<T>{std::as_bytes(words), keep_.rows() == 0 ? 0 : words.size_bytes() / rows(),
                      all_values(), offsets_, scales_},
            kept_ + room};
  }
  operator sparse::view<T>() const noexcept { return view(); }

  /// Writes row i as floats, zeros where weights were dropped. `out` has cols() entries.
  void read_row(std::size_t i, std::span<float> out) const { view().read_row(i, out); }

  /// Returns true for the same shape, mask, values and scales, bit by bit.
  friend bool operator==(const matrix& a, const matrix& b) noexcept { return a.view() == b.view(); }

 private:
  friend struct packer;

  // Makes a matrix whose values and scales are not set.
  explicit matrix(mask::bitmask keep) : keep_(std::move(keep)) {
    constexpr std::string_view who = "sparse::matrix";
    offsets_ = tamp::detail::checked_array<std::int64_t>(who, rows());
    for (std::size_t i = 0; i < rows(); ++i) {
      offsets_[i] = static_cast<std::int64_t>(kept_);
      kept_ += keep_.count(i);
    }
    values_ = tamp::detail::large_array<T>(kept_ + room);
    std::fill_n(values_.data() + kept_, room, T{});
    if constexpr (std::same_as<T, std::int8_t>)
      scales_ = tamp::detail::checked_array<f16>(who, rows() * scales_of_row(cols()));
  }

  std::span<const mask::word> all_words() const noexcept {
    return {keep_.row(0).data(), rows() * keep_.row(0).size()};
  }
  std::span<const T> all_values() const noexcept { return {values_.data(), kept_}; }

  void swap(matrix& other) noexcept {
    std::swap(keep_, other.keep_);
    std::swap(kept_, other.kept_);
    std::swap(offsets_, other.offsets_);
    std::swap(values_, other.values_);
    std::swap(scales_, other.scales_);
  }

  // Products read this far past the last weight.
  static constexpr std::size_t room = tamp::detail::room_past_values / sizeof(T);

  mask::bitmask keep_;
  std::size_t kept_ = 0;
  std::vector<std::int64_t> offsets_;
  tamp::detail::large_array<T> values_;
  std::vector<f16> scales_;
};

/// Returns the view of a sparse weight, which is a matrix or a view.
template <storable T>
const view<T>& view_of(const view<T>& s) noexcept {
  return s;
}
template <storable T>
view<T> view_of(const matrix<T>& s) noexcept {
  return s.view();
}

/// A sparse weight: a matrix, or a view of one.
template <class S>
concept sparse_weight = requires(const std::remove_cvref_t<S>& s) { sparse::view_of(s); };

}  // namespace tamp::inline TAMP_FLAGS::sparse
