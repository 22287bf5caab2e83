#pragma once

/// @file
/// The blocks of 256 weights in which ggml stores quantised weights: groups of 16 or 32 with scales
/// that are quantised themselves. See ggml_blocks.hpp.

#include <array>
#include <cstddef>
#include <cstdint>

#include "../element.hpp"
#include "ggml_blocks.hpp"

namespace tamp::inline TAMP_FLAGS::io::ggml {

/// 32 codes of `bits` each, from 32 bytes that have them at `place`.
inline codes<32> codes_at(const std::byte* from, std::size_t place, unsigned bits) noexcept {
  auto q = load<codes<32>>(from);
  const unsigned mask = (1u << bits) - 1;
  for (std::uint8_t& code : q) code = static_cast<std::uint8_t>(code >> place & mask);
  return q;
}
/// Puts 32 more codes above the lower bits of others.
inline void add_codes(std::uint8_t* lower, const codes<32>& upper, unsigned bits) noexcept {
  for (std::size_t j = 0; j < 32; ++j)
    lower[j] = static_cast<std::uint8_t>(lower[j] | upper[j] << bits);
}
/// Makes the `bits` at `place` those of `code` in each of 32 bytes whose weight is dropped.
inline void zero_codes(std::byte* block, const std::uint8_t* keep, std::size_t place, unsigned bits,
                       unsigned code) noexcept {
  auto q = load<codes<32>>(block);
  const unsigned mask = ((1u << bits) - 1) << place, zero = code << place;
  for (std::size_t j = 0; j < 32; ++j) {
    const unsigned dropped = ~unsigned{keep[j]} & mask;
    q[j] = static_cast<std::uint8_t>((q[j] & ~dropped) | (zero & dropped));
  }
  store(block, q);
}

/// 256 values in 16 groups of 16: 16 bytes of a 4-bit scale s and, above it, a 4-bit minimum m, 64
/// bytes of 2-bit codes q, d, dmin. Each half of 128 values has its codes in 32 bytes, a quarter at
/// each place.
///     x = d * s * q - dmin * m
struct q2_k {
  static constexpr std::size_t values = 256, bytes = 84;
  static void decode(const std::byte* block, float* out) noexcept {
    const float d{load<f16>(block + 80)}, dmin{load<f16>(block + 82)};
    const auto packed = load<codes<16>>(block);
    for (std::size_t run = 0; run < 8; ++run, out += 32) {
      const auto q = codes_at(block + 16 + run / 4 * 32, run % 4 * 2, 2);
      for (std::size_t k = 0; k < 2; ++k) {
        const unsigned both = packed[2 * run + k];
        scale_and_add<16>(&q[16 * k], d * static_cast<float>(both & 15u),
                          -(dmin * static_cast<float>(both >> 4)), out + 16 * k);
      }
    }
  }
};

/// 256 values in 16 groups of 16: 32 bytes with the upper bit of codes q, 64 with the two lower
/// ones as in q2_k, 12 bytes of 6-bit scales s (packed), then d. Bit k of an upper byte belongs to
/// the k-th run of 32 values.
///     x = d * (s - 32) * (q - 4)
struct q3_k {
  static constexpr std::size_t values = 256, bytes = 110;
  static void decode(const std::byte* block, float* out) noexcept {
    const float d{load<f16>(block + 108)};
    for (std::size_t run = 0; run < 8; ++run, out += 32) {
      auto q = codes_at(block + 32 + run / 4 * 32, run % 4 * 2, 2);
      add_codes(q.data(), codes_at(block, run, 1), 2);
      for (std::size_t k = 0; k < 2; ++k)
        scale<16>(&q[16 * k], 4, d * scale_of(block + 96, 2 * run + k), out + 16 * k);
    }
  }
  static void zero(std::byte* block, const std::uint8_t* keep) noexcept {
    for (std::size_t run = 0; run < 8; ++run, keep += 32) {
      zero_codes(block + 32 + run / 4 * 32, keep, run % 4 * 2, 2, 0);
      zero_codes(block, keep, run, 1, 1);
    }
  }

 private:
  // Eight bytes have the four lower bits, of two scales each; four bytes the upper bits, of four.
  static float scale_of(const std::byte* packed, std::size_t group) noexcept {
    const auto at = [&](std::size_t k) { return std::to_integer<int>(packed[k]); };
    const int lower = at(group % 8) >> group / 8 * 4 & 15;
    const int upper = at(8 + group % 4) >> group / 4 * 2 & 3;
    return static_cast<float>((lower | upper << 4) - 32);
  }
};

/// The scale and the minimum of a group, six bits each, of q4_k and q5_k. Groups 0 to 3 have six
/// bits of a byte each; groups 4 to 7 four bits of a byte and, above them, the two bits that those
/// bytes have left.
inline std::array<float, 2> scale_and_minimum(const std::byte* packed, std::size_t group) noexcept {
  const auto at = [&](std::size_t k) { return std::to_integer<unsigned>(packed[k]); };
  unsigned scale = at(group % 4) & 63u, minimum = at(group % 4 + 4) & 63u;
  if (group >= 4) {
    scale = (at(group + 4) & 15u) | at(group - 4) >> 6 << 4;
    minimum = at(group + 4) >> 4 | at(group) >> 6 << 4;
  }
  return {static_cast<float>(scale), static_cast<float>(minimum)};
}

/// 256 values in 8 groups of 32: d, dmin, 12 bytes of 6-bit scales s and minima m (packed), then
/// 128 bytes of 4-bit codes q, of which each run of 32 holds a group in its low halves and the next
/// group in its high ones.
///     x = d * s * q - dmin * m
struct q4_k {
  static constexpr std::size_t values = 256, bytes = 144;
  static void decode(const std::byte* block, float* out) noexcept {
    const float d{load<f16>(block)}, dmin{load<f16>(block + 2)};
    for (std::size_t group = 0; group < 8; group += 2) {
      const auto q = nibbles<64>(block + 16 + group * 16);
      for (std::size_t k = 0; k < 2; ++k, out += 32) {
        const auto [s, m] = scale_and_minimum(block + 4, group + k);
        scale_and_add<32>(&q[32 * k], d * s, -(dmin * m), out);
      }
    }
  }
};

/// 256 values as in q4_k, with 32 bytes of upper bits before the codes. Bit k of them belongs to
/// group k.
///     x = d * s * q - dmin * m
struct q5_k {
  static constexpr std::size_t values = 256, bytes = 176;
  static void decode(const std::byte* block, float* out) noexcept {
    const float d{load<f16>(block)}, dmin{load<f16>(block + 2)};
    for (std::size_t group = 0; group < 8; group += 2) {
      auto q = nibbles<64>(block + 48 + group * 16);
      for (std::size_t k = 0; k < 2; ++k, out += 32) {
        add_codes(&q[32 * k], codes_at(block + 16, group + k, 1), 4);
        const auto [s, m] = scale_and_minimum(block + 4, group + k);
        scale_and_add<32>(&q[32 * k], d * s, -(dmin * m), out);
      }
    }
  }
};

/// 256 values in 16 groups of 16: 128 bytes with the low four bits of codes q, 64 with the upper
/// two, 16 signed bytes of scales s, then d. Each half of 128 values takes its low bits from 64
/// bytes (two quarters in the low halves, two in the high ones) and its upper bits from 32.
///     x = d * s * (q - 32)
struct q6_k {
  static constexpr std::size_t values = 256, bytes = 210;
  static void decode(const std::byte* block, float* out) noexcept {
    const float d{load<f16>(block + 208)};
    for (std::size_t run = 0; run < 8; ++run, out += 32) {
      auto q = codes_at(block + run / 4 * 64 + run % 2 * 32, run % 4 / 2 * 4, 4);
      add_codes(q.data(), codes_at(block + 128 + run / 4 * 32, run % 4 * 2, 2), 4);
      for (std::size_t k = 0; k < 2; ++k) {
        const auto s = static_cast<float>(load<std::int8_t>(block + 192 + 2 * run + k));
        scale<16>(&q[16 * k], 32, d * s, out + 16 * k);
      }
    }
  }
  static void zero(std::byte* block, const std::uint8_t* keep) noexcept {
    for (std::size_t run = 0; run < 8; ++run, keep += 32) {
      zero_codes(block + run / 4 * 64 + run % 2 * 32, keep, run % 4 / 2 * 4, 4, 0);
      zero_codes(block + 128 + run / 4 * 32, keep, run % 4 * 2, 2, 2);
    }
  }
};

/// 256 values in 8 groups of 32: d, a word with the upper two bits of 6-bit scales s, 4 bytes with
/// their lower four, then 16 bytes for each group as in iq4_nl.
///     x = d * (s - 32) * iq4_numbers[q]
struct iq4_xs {
  static constexpr std::size_t values = 256, bytes = 136;
  static void decode(const std::byte* block, float* out) noexcept {
    const float d{load<f16>(block)};
    const unsigned upper = load<std::uint16_t>(block + 2);
    for (std::size_t group = 0; group < 8; ++group, out += 32) {
      const unsigned lower = std::to_integer<unsigned>(block[4 + group / 2]) >> group % 2 * 4 & 15u;
      const int s = static_cast<int>(lower | (upper >> 2 * group & 3u) << 4) - 32;
      scale_listed<32>(nibbles<32>(block + 8 + group * 16).data(), iq4_numbers,
                       d * static_cast<float>(s), out);
    }
  }
};

}  // namespace tamp::inline TAMP_FLAGS::io::ggml
