#pragma once

/// @file
/// Products of sparse and dense rows with activations (sparse_rows.inl), for each set of
/// instructions. Vectors and their multiply-add, one instruction where the processor has it, are
/// those of products.hpp.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "../detail/mask_word.hpp"
#include "../element.hpp"
#include "../execute/instructions.hpp"
#include "intrinsics.hpp"
#include "products.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The number of columns that share a scale, in weights of 8 bits.
inline constexpr std::size_t scaled_columns = 32;
template <class Value>
inline constexpr bool is_scaled = std::is_same_v<Value, std::int8_t>;

/// The number of bytes that the loops may read past the end of a row's kept weights.
inline constexpr std::size_t room_past_values = 64;

/// A row of which only the kept weights are stored. Bit j % 8 of bits[j / 8] is 1 where column j is
/// kept. A weight of 8 bits is a multiple of the scale of its 32 columns; others have no scales.
template <class Value>
struct sparse_row {
  const std::byte* bits;
  const Value* values;
  const f16* scales;
};

/// A row whose weights are all stored.
template <class Value>
struct dense_row {
  const Value* values;
};

/// An order of columns: each group of columns is cut into as many parts as there are ways, and
/// column k of a group goes to part k % ways.
struct interleaving {
  std::size_t group, ways;
};

/// An entry for each byte of a mask: where the bytes of its eight columns come from, `Each` of a
/// column. byte(place, k) must give it for byte k of the kept weight number `place`. Bytes of
/// dropped columns are negative: instructions that permute bytes give zero there.
template <std::size_t Each, class Byte>
consteval auto expansion_table(Byte byte) {
  std::array<std::uint8_t, 256 * 8 * Each> table{};
  for (std::size_t kept = 0; kept < 256; ++kept)
    for (std::size_t column = 0, place = 0; column < 8; ++column) {
      const bool is_kept = (kept >> column & 1u) != 0;
      for (std::size_t k = 0; k < Each; ++k)
        table[(kept * 8 + column) * Each + k] =
            static_cast<std::uint8_t>(is_kept ? byte(place, k) : 128);
      place += is_kept ? 1 : 0;
    }
  return table;
}

/// Lanes of two bytes from lanes of two bytes.
alignas(64) inline constexpr auto expanded_pairs =
    expansion_table<2>([](std::size_t place, std::size_t k) { return 2 * place + k; });

/// Lanes of four bytes, whose upper halves are lanes of two bytes and whose lower halves are zero:
/// a bf16 becomes a float. For instructions that permute lanes of four bytes, the lowest bits of a
/// lane are its place, and the highest one is set if the column is dropped.
alignas(64) inline constexpr auto expanded_lanes =
    expansion_table<4>([](std::size_t place, std::size_t k) -> std::size_t {
      if (k >= 2) return 2 * place + k - 2;
      return k == 0 ? 128 | place : 128;
    });

// Two rows are multiplied together if their kept weights take at most most_paired_bytes for 64
// columns, on average. The number is measured.

namespace portable {
struct sparse_rows : products {
  // Sums of one row and its weights fit into 16 registers.
  static constexpr std::size_t most_tokens = 2, most_vectors = 4, most_paired_bytes = 0;
#include "expand_portable.inl"
#include "sparse_rows.inl"
};
}  // namespace portable

#if TAMP_SIMD_X86
TAMP_SIMD_BEGIN("avx2,fma,f16c,bmi,bmi2,popcnt")
namespace avx2 {
struct sparse_rows : products {
  static constexpr std::size_t most_tokens = 2, most_vectors = 6, most_paired_bytes = 160;
#  include "expand_avx2.inl"
#  include "sparse_rows.inl"
};
}  // namespace avx2
TAMP_SIMD_END

TAMP_SIMD_BEGIN("avx512f,avx512bw,avx512dq,avx512vl,fma,f16c,bmi,bmi2,popcnt")
namespace avx512 {
struct sparse_rows : products {
  // Sums of one row and its weights fit into 32 registers.
  static constexpr std::size_t most_tokens = 4, most_vectors = 4, most_paired_bytes = 80;
  static constexpr bool has_vbmi2 = false;
#  include "expand_avx512.inl"
#  include "sparse_rows.inl"
};
}  // namespace avx512
TAMP_SIMD_END

TAMP_SIMD_BEGIN("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi2,fma,f16c,bmi,bmi2,popcnt")
namespace avx512_vbmi2 {
struct sparse_rows : avx512::products {
  static constexpr std::size_t most_tokens = 4, most_vectors = 4, most_paired_bytes = 80;
  static constexpr bool has_vbmi2 = true;
#  include "expand_avx512.inl"
#  include "sparse_rows.inl"
};
}  // namespace avx512_vbmi2
TAMP_SIMD_END
#endif

/// Calls use(sparse_rows) with the loops for the current instructions. Those for AVX-512 come in
/// two forms, of which the processor may have only the first.
template <class Use>
decltype(auto) with_sparse_rows(Use&& use) {
  const execute::instructions set = execute::current_instructions();
#if TAMP_SIMD_X86
  if (set == execute::instructions::avx512 && __builtin_cpu_supports("avx512vbmi2"))
    return use(avx512_vbmi2::sparse_rows{});
#endif
  return with_loops<portable::sparse_rows, avx2::sparse_rows, avx512::sparse_rows>(
      set, std::forward<Use>(use));
}

}  // namespace tamp::inline TAMP_FLAGS::detail
