#pragma once

/// @file
/// Sparse weights made from dense ones.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../element.hpp"
#include "../error.hpp"
#include "../execute/operation.hpp"
#include "../mask/bitmask.hpp"
#include "../prune/apply.hpp"
#include "../prune/detail/arguments.hpp"
#include "../prune/detail/repaired_weight.hpp"
#include "../prune/select.hpp"
#include "../simd/kept_elements.hpp"
#include "../tensor/detail/finite.hpp"
#include "../tensor/detail/source.hpp"
#include "../tensor/rows.hpp"
#include "matrix.hpp"

namespace tamp::inline TAMP_FLAGS::sparse {

/// Fills matrices.
struct packer {
  /// Makes the matrix of a weight and its mask. Elements of type T are copied to the bit, others
  /// are converted.
  template <storable T, executor E, class Source>
  static matrix<T> pack(const E& exec, std::string_view who, const Source& weight,
                        mask::bitmask keep) {
    using namespace tamp::detail;
    const auto rows = static_cast<std::size_t>(weight.rows());
    const auto cols = static_cast<std::size_t>(weight.cols());
    if (rows != keep.rows() || cols != keep.cols())
      raise<shape_error>(who, ": the mask is ", keep.rows(), " x ", keep.cols(), ", the weight ",
                         rows, " x ", cols);
    matrix<T> packed(std::move(keep));
    if (packed.kept() == 0) return packed;
    first_row broken;
    detail::for_each_range(exec, rows, cols, [&](std::size_t begin, std::size_t end) {
      if (begin == end) return;
      row_elements<T, Source> read(weight);
      // Whole vectors are written. What goes past a row is overwritten by the rows that follow it,
      // except near the end of the range: what comes next may belong to another thread. Rows there
      // are written apart.
      constexpr std::size_t room = room_past_values / sizeof(T);
      const std::span<T> last = packed.values(end - 1);
      const T* const stop = last.data() + last.size();
      std::vector<T> apart;
      for (std::size_t i = begin; i < end; ++i) {
        const std::span<T> values = packed.values(i);
        const auto following = static_cast<std::size_t>(stop - values.data()) - values.size();
        if (following < room) apart.resize(values.size() + room);
        T* const out = following < room ? apart.data() : values.data();
        const std::span<const T> row = [&] {
          if constexpr (is_scaled<T>)
            return read(i, packed.mask().row(i), packed.scales(i), broken);
          else
            return read(i);
        }();
        with_kept_elements([&](auto loops) {
          loops.template pack_row<sizeof(T)>(std::as_bytes(row).data(), packed.mask().row(i).data(),
                                             cols, reinterpret_cast<std::byte*>(out));
        });
        if (following < room) std::copy_n(apart.data(), values.size(), values.data());
      }
    });
    if (broken.any()) refuse_scale(who, weight, packed.mask(), broken.row());
    return packed;
  }

  /// Returns the mask of the weights that are not zero.
  template <executor E, class Source>
  static mask::bitmask nonzero(const E& exec, const Source& weight) {
    const auto rows = static_cast<std::size_t>(weight.rows());
    const auto cols = static_cast<std::size_t>(weight.cols());
    mask::bitmask keep(rows, cols, false);
    if (keep.size() == 0) return keep;
    tamp::detail::for_each_range(exec, rows, cols, [&](std::size_t begin, std::size_t end) {
      tamp::detail::row_reader<Source> read(weight);
      tamp::detail::with_mask_words([&](auto loops) {
        for (std::size_t i = begin; i < end; ++i) {
          const auto row = read(i);
          loops.keep_nonzero(row.data(), row.size(), keep.row(i).data());
        }
      });
    });
    return keep;
  }

 private:
  /// A reader of rows as contiguous elements of type T.
  template <class T, class Source>
  class row_elements {
   public:
    explicit row_elements(const Source& weight)
        : weight_(weight), read_(weight), room_(static_cast<std::size_t>(weight.cols())) {}

    std::span<const T> operator()(std::size_t i) {
      if constexpr (tamp::detail::is_view<Source>) {
        using element = typename Source::value_type;
        if constexpr (std::is_same_v<element, T>) {
          if (weight_.contiguous_rows()) return weight_.row(i);
          for (std::size_t j = 0; j < room_.size(); ++j) room_[j] = weight_(i, j);
          return room_;
        }
      }
      const auto row = read_(i);
      for (std::size_t j = 0; j < room_.size(); ++j)
        room_[j] = element_traits<T>::store(static_cast<compute_type<T>>(row[j]));
      return room_;
    }

    /// Rounds the kept weights of each block of columns to multiples of a scale, the largest of
    /// their absolute values / 127.
    std::span<const T> operator()(std::size_t i, std::span<const mask::word> keep,
                                  std::span<f16> scales, tamp::detail::first_row& broken)
      requires std::same_as<T, std::int8_t>
    {
      const auto row = read_(i);
      for (std::size_t block = 0; block < scales.size(); ++block) {
        const std::size_t begin = block * scaled_columns;
        const std::size_t end = (std::min)(begin + scaled_columns, row.size());
        const auto is_kept = [&](std::size_t j) {
          return (keep[j / mask::word_bits] >> (j % mask::word_bits) & 1u) != 0;
        };
        double largest = 0;
        bool is_usable = true;
        for (std::size_t j = begin; j < end; ++j) {
          if (!is_kept(j)) continue;
          is_usable = is_usable && is_finite(row[j]);
          largest = (std::max)(largest, std::fabs(static_cast<double>(row[j])));
        }
        const f16 scale(static_cast<float>(largest / 127));
        if (!is_usable || !is_finite(static_cast<float>(scale))) {
          broken.note(i);
          continue;
        }
        scales[block] = scale;
        const auto step = static_cast<double>(static_cast<float>(scale));
        for (std::size_t j = begin; j < end; ++j)
          room_[j] = is_kept(j) && step != 0
                         ? static_cast<T>(std::clamp(std::round(static_cast<double>(row[j]) / step),
                                                     -127.0, 127.0))
                         : T{0};
      }
      return room_;
    }

   private:
    const Source& weight_;
    tamp::detail::row_reader<Source> read_;
    std::vector<T> room_;
  };

  template <class Source>
  [[noreturn]] static void refuse_scale(std::string_view who, const Source& weight,
                                        const mask::bitmask& keep, std::size_t i) {
    tamp::detail::row_reader<Source> read(weight);
    const auto row = read(i);
    for (std::size_t j = 0; j < row.size(); ++j)
      if (const auto number = static_cast<double>(row[j]);
          keep(i, j) && !(std::fabs(number) < 127 * 65520.0))
        tamp::detail::raise<value_error>(who, ": the weight in row ", i, ", column ", j, " is ",
                                         row[j],
                                         ", which 8 bits with a scale of 16 bits cannot hold");
    tamp::detail::raise<value_error>(who, ": row ", i, " cannot be held in 8 bits");
  }
};

}  // namespace tamp::inline TAMP_FLAGS::sparse

namespace tamp::inline TAMP_FLAGS::detail {

/// The type in which a weight is stored: Target or, if that is void, the weight's own type of
/// element, float for a row_tensor.
template <class Target, class Weight>
struct packed_type {
  using type = Target;
};
template <viewable Weight>
struct packed_type<void, Weight> {
  using type = std::remove_const_t<typename view_of<const Weight>::value_type>;
};
template <row_tensor Weight>
struct packed_type<void, Weight> {
  using type = float;
};
template <any_tensor Weight>
struct packed_type<void, Weight> {
  using type = void;
};

template <class Target, class Weight>
consteval bool check_packed_type() {
  // Whole numbers get a scale, which must be asked for.
  constexpr bool is_storable =
      sparse::storable<typename packed_type<Target, Weight>::type> &&
      !(std::is_void_v<Target> && is_scaled<typename packed_type<Target, Weight>::type>);
  static_assert(is_storable || !any_tensor<Weight>,
                "the weight's type of number is known only at run time, and that of the sparse "
                "weight must be known at compile time: name it, as in sparse::pack_as<float>(W, "
                "keep)");
  static_assert(
      is_storable || any_tensor<Weight>,
      "sparse weights are stored as float, tamp::f16, tamp::bf16 or std::int8_t: name the "
      "one to convert to, as in sparse::pack_as<float>(W, keep)");
  return is_storable;
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::sparse {

/// The type of sparse::pack and sparse::pack_as.
template <class Target = void>
struct pack_operation : tamp::detail::operation<pack_operation<Target>> {
  using tamp::detail::operation<pack_operation<Target>>::operator();

  template <executor E, class Weight, class Mask>
  [[nodiscard]] auto operator()(const E& exec, const Weight& weight, const Mask& keep) const {
    constexpr bool is_mask = std::is_same_v<Mask, mask::bitmask>;
    static_assert(is_mask,
                  "pack(W, keep): the weight comes first, then its mask, a tamp::mask::bitmask");
    if constexpr (is_mask)
      return packed(exec, weight, [&](const auto&, const auto&) { return keep; });
  }
  template <executor E, class Weight>
  [[nodiscard]] auto operator()(const E& exec, const Weight& weight) const {
    return packed(exec, weight,
                  [](const auto& on, const auto& source) { return packer::nonzero(on, source); });
  }

 private:
  template <executor E, class Weight, class Mask>
  static auto packed(const E& exec, const Weight& weight, const Mask& mask_of) {
    if constexpr (tamp::detail::check_weight_argument<Weight>()) {
      if constexpr (tamp::detail::check_packed_type<Target, Weight>()) {
        using value = typename tamp::detail::packed_type<Target, Weight>::type;
        const tamp::detail::any_executor on(exec);
        return tamp::detail::with_memory("pack", [&] {
          return tamp::detail::with_source(weight, [&](const auto& source) {
            return packer::pack<value>(on, "pack", source, mask_of(on, source));
          });
        });
      }
    }
  }
};

/// Makes the sparse matrix of a weight and its mask: pack(where, W, keep), or of the weights that
/// are not zero: pack(where, W).
///
///     const auto S = tamp::sparse::pack(W, keep);
///
/// W is (rows, cols), any tensor; it is only read. Kept weights are stored in the tensor's own type
/// of element, to the bit; those of a row_tensor as float. Without a mask NaN is kept, and zeros of
/// both signs are dropped.
/// @throws shape_error if W and the mask differ in shape, or memory cannot hold the matrix
inline constexpr pack_operation<> pack{};

/// The same, with the kept weights converted to T: pack_as<tamp::bf16>(where, W, keep).
///
/// With std::int8_t the kept weights of each block of 32 columns become multiples of a scale, as in
/// GGUF's Q8_0:
///
///     scale = f16(max |kept weight| / 127),  value = round(weight / scale)
///
/// @throws value_error if a kept weight is not finite, or too large, and T is std::int8_t
template <class T>
inline constexpr pack_operation<T> pack_as{};

}  // namespace tamp::inline TAMP_FLAGS::sparse
