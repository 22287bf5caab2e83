#pragma once

/// @file
/// The blocks in which ggml stores quantised weights, and how they become numbers.
///
/// Each format is a struct with the number of `values` in a block, its size in `bytes`, and
/// `decode`. Layouts: ggml's own definitions (https://github.com/ggml-org/ggml, ggml-common.h).
/// Every product and sum below is exact in float or rounded once, so that compilers which fuse
/// multiply and add give the same bits.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "../element.hpp"

namespace tamp::inline TAMP_FLAGS::io::ggml {

/// Reads a number that may lie at any address.
template <class T>
T load(const std::byte* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
inline int nibble_low(std::byte b) noexcept { return std::to_integer<int>(b) & 15; }
inline int nibble_high(std::byte b) noexcept { return std::to_integer<int>(b) >> 4; }

/// Plain numbers are blocks of one.
template <class T>
struct plain {
  static constexpr std::size_t values = 1, bytes = sizeof(T);
  static void decode(const std::byte* block, float* out) noexcept {
    *out = element_traits<T>::load(load<T>(block));
  }
};

/// 32 values: d, then 16 bytes of two 4-bit numbers q each; the low ones come first.
///     x = d * (q - 8)
struct q4_0 {
  static constexpr std::size_t values = 32, bytes = 18;
  static void decode(const std::byte* block, float* out) noexcept {
    const float d{load<f16>(block)};
    for (std::size_t j = 0; j < 16; ++j) {
      out[j] = static_cast<float>(nibble_low(block[2 + j]) - 8) * d;
      out[j + 16] = static_cast<float>(nibble_high(block[2 + j]) - 8) * d;
    }
  }
};

/// 32 values: d, m, then 16 bytes as in q4_0.
///     x = d * q + m
struct q4_1 {
  static constexpr std::size_t values = 32, bytes = 20;
  static void decode(const std::byte* block, float* out) noexcept {
    const float d{load<f16>(block)}, m{load<f16>(block + 2)};
    for (std::size_t j = 0; j < 16; ++j) {
      out[j] = static_cast<float>(nibble_low(block[4 + j])) * d + m;
      out[j + 16] = static_cast<float>(nibble_high(block[4 + j])) * d + m;
    }
  }
};

/// 32 values: d, then 32 signed bytes q.
///     x = d * q
struct q8_0 {
  static constexpr std::size_t values = 32, bytes = 34;
  static void decode(const std::byte* block, float* out) noexcept {
    const float d{load<f16>(block)};
    for (std::size_t j = 0; j < 32; ++j)
      out[j] = static_cast<float>(load<std::int8_t>(block + 2 + j)) * d;
  }
};

/// 256 values in 8 groups of 32: d, dmin, 12 bytes of 6-bit scales s and minima m (packed), then
/// 128 bytes of 4-bit q, of which each run of 32 holds a group in its low halves and the next group
/// in its high ones.
///     x = d * s * q - dmin * m
struct q4_k {
  static constexpr std::size_t values = 256, bytes = 144;
  static void decode(const std::byte* block, float* out) noexcept {
    const float d{load<f16>(block)}, dmin{load<f16>(block + 2)};
    const std::byte *packed = block + 4, *q = block + 16;
    for (std::size_t group = 0; group < 8; ++group, out += 32) {
      const auto [s, m] = scale_and_minimum(packed, group);
      const float scale = d * s, minimum = dmin * m;
      const std::byte* run = q + group / 2 * 32;
      for (std::size_t j = 0; j < 32; ++j) {
        const int value = group % 2 == 0 ? nibble_low(run[j]) : nibble_high(run[j]);
        out[j] = scale * static_cast<float>(value) - minimum;
      }
    }
  }

 private:
  // Groups 0 to 3 have six bits of a byte each; groups 4 to 7 four bits of a byte and, above them,
  // the two bits that those bytes have left.
  static std::array<float, 2> scale_and_minimum(const std::byte* packed,
                                                std::size_t group) noexcept {
    const auto at = [&](std::size_t k) { return std::to_integer<unsigned>(packed[k]); };
    unsigned scale = at(group % 4) & 63u, minimum = at(group % 4 + 4) & 63u;
    if (group >= 4) {
      scale = (at(group + 4) & 15u) | at(group - 4) >> 6 << 4;
      minimum = at(group + 4) >> 4 | at(group) >> 6 << 4;
    }
    return {static_cast<float>(scale), static_cast<float>(minimum)};
  }
};

/// 256 values in 16 groups of 16: 128 bytes with the low four bits of q, 64 with the upper two, 16
/// signed bytes of scales s, then d. Each half of 128 values takes its low bits from 64 bytes (two
/// quarters in the low halves, two in the high ones) and its upper bits from 32.
///     x = d * s * (q - 32)
struct q6_k {
  static constexpr std::size_t values = 256, bytes = 210;
  static void decode(const std::byte* block, float* out) noexcept {
    const float d{load<f16>(block + 208)};
    for (std::size_t k = 0; k < values; ++k) {
      const std::size_t half = k / 128, quarter = k % 128 / 32, j = k % 32;
      const std::byte low = block[half * 64 + quarter % 2 * 32 + j];
      const unsigned high = std::to_integer<unsigned>(block[128 + half * 32 + j]);
      const int q = (quarter < 2 ? nibble_low(low) : nibble_high(low)) |
                    static_cast<int>((high >> 2 * quarter & 3u) << 4);
      const auto s = static_cast<float>(load<std::int8_t>(block + 192 + k / 16));
      out[k] = d * s * static_cast<float>(q - 32);
    }
  }
};

/// Whole blocks, one after another, until `out` is full.
template <class Format>
void decode_row(const std::byte* blocks, std::span<float> out) noexcept {
  for (std::size_t j = 0; j < out.size(); j += Format::values, blocks += Format::bytes)
    Format::decode(blocks, out.data() + j);
}

/// One of ggml's types. `decode_row` is null for those that tamp does not read.
struct type_info {
  std::uint32_t id;
  std::string_view name;
  std::size_t values, bytes;
  void (*decode_row)(const std::byte*, std::span<float>) noexcept;
};

template <class Format>
constexpr type_info readable(std::uint32_t id, std::string_view name) {
  return {id, name, Format::values, Format::bytes, &ggml::decode_row<Format>};
}

/// The types that GGUF files use, by their numbers.
inline constexpr std::array types = {readable<plain<float>>(0, "F32"),
                                     readable<plain<f16>>(1, "F16"),
                                     readable<q4_0>(2, "Q4_0"),
                                     readable<q4_1>(3, "Q4_1"),
                                     type_info{6, "Q5_0", 32, 22, nullptr},
                                     type_info{7, "Q5_1", 32, 24, nullptr},
                                     readable<q8_0>(8, "Q8_0"),
                                     type_info{9, "Q8_1", 32, 36, nullptr},
                                     type_info{10, "Q2_K", 256, 84, nullptr},
                                     type_info{11, "Q3_K", 256, 110, nullptr},
                                     readable<q4_k>(12, "Q4_K"),
                                     type_info{13, "Q5_K", 256, 176, nullptr},
                                     readable<q6_k>(14, "Q6_K"),
                                     type_info{15, "Q8_K", 256, 292, nullptr},
                                     type_info{16, "IQ2_XXS", 256, 66, nullptr},
                                     type_info{17, "IQ2_XS", 256, 74, nullptr},
                                     type_info{18, "IQ3_XXS", 256, 98, nullptr},
                                     type_info{19, "IQ1_S", 256, 50, nullptr},
                                     type_info{20, "IQ4_NL", 32, 18, nullptr},
                                     type_info{21, "IQ3_S", 256, 110, nullptr},
                                     type_info{22, "IQ2_S", 256, 82, nullptr},
                                     type_info{23, "IQ4_XS", 256, 136, nullptr},
                                     type_info{24, "I8", 1, 1, nullptr},
                                     type_info{25, "I16", 1, 2, nullptr},
                                     type_info{26, "I32", 1, 4, nullptr},
                                     type_info{27, "I64", 1, 8, nullptr},
                                     type_info{28, "F64", 1, 8, nullptr},
                                     type_info{29, "IQ1_M", 256, 56, nullptr},
                                     readable<plain<bf16>>(30, "BF16"),
                                     type_info{34, "TQ1_0", 256, 54, nullptr},
                                     type_info{35, "TQ2_0", 256, 66, nullptr},
                                     type_info{39, "MXFP4", 32, 17, nullptr}};

}  // namespace tamp::inline TAMP_FLAGS::io::ggml
