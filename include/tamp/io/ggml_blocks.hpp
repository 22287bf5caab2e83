#pragma once

/// @file
/// The blocks in which ggml stores quantised weights: how they become numbers, and how weights are
/// dropped by their codes alone.
///
/// Each format is a struct with the number of `values` in a block, its size in `bytes`, and
/// `decode`. A format with a code whose number is exactly zero has `zero`, too, which gives this
/// code to weight j where keep[j] is 0, and leaves it where keep[j] is 0xff. The codes of kept
/// weights and all scales stay as they are, to the bit. Formats that tamp writes have `encode`, for
/// numbers up to `largest`.
///
/// A scale d that is infinite or NaN makes all numbers of its block infinite or NaN, and no code is
/// zero then: whoever prunes refuses weights that are not finite.
///
/// Layouts: ggml's own definitions (https://github.com/ggml-org/ggml, ggml-common.h). Every product
/// and sum below is exact in float or rounded once, so that compilers which fuse multiply and add
/// give the same bits.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "../element.hpp"

namespace tamp::inline TAMP_FLAGS::io::ggml {

/// Reads a number, or an array of them, that may lie at any address.
template <class T>
T load(const std::byte* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <class T>
void store(std::byte* to, const T& value) noexcept {
  std::memcpy(to, &value, sizeof value);
}

/// Bytes of a block, copied out of it: no `out` overlaps them, so that compilers use vectors.
template <std::size_t Count>
using codes = std::array<std::uint8_t, Count>;

/// 1 in each byte.
inline constexpr std::uint64_t ones = 0x0101010101010101u;

/// 8 bits as 8 bytes: byte k is 0xff where bit k is 1, else 0.
inline std::uint64_t spread(std::uint64_t eight) noexcept {
  constexpr std::uint64_t places = 0x8040201008040201u;
  const std::uint64_t alone = eight * ones & places;  // byte k has bit k, at its place
  return ((alone + 0x7f * ones) >> 7 & ones) * 0xff;
}

/// The low halves of Count / 2 bytes, then their high halves.
template <std::size_t Count>
codes<Count> nibbles(const std::byte* from) noexcept {
  const auto pairs = load<codes<Count / 2>>(from);
  codes<Count> q;
  for (std::size_t j = 0; j < Count / 2; ++j) q[j] = pairs[j] & 15;
  for (std::size_t j = 0; j < Count / 2; ++j) q[j + Count / 2] = pairs[j] >> 4;
  return q;
}
/// Makes all dropped nibbles `code`.
template <std::size_t Count>
void zero_nibbles(std::byte* block, const std::uint8_t* keep, unsigned code) noexcept {
  auto pairs = load<codes<Count / 2>>(block);
  for (std::size_t j = 0; j < Count / 2; ++j) {
    const unsigned kept = (keep[j] & 0x0fu) | (keep[j + Count / 2] & 0xf0u);
    pairs[j] = static_cast<std::uint8_t>((pairs[j] & kept) | (code * 0x11u & ~kept));
  }
  store(block, pairs);
}

/// out = d * (q - zero)
template <std::size_t Count>
void scale(const std::uint8_t* q, int zero, float d, float* out) noexcept {
  for (std::size_t j = 0; j < Count; ++j) out[j] = static_cast<float>(q[j] - zero) * d;
}
/// out = d * q + m
template <std::size_t Count>
void scale_and_add(const std::uint8_t* q, float d, float m, float* out) noexcept {
  for (std::size_t j = 0; j < Count; ++j) out[j] = static_cast<float>(q[j]) * d + m;
}
/// out = d * numbers[q]
template <std::size_t Count>
void scale_listed(const std::uint8_t* q, const std::array<float, 16>& numbers, float d,
                  float* out) noexcept {
  for (std::size_t j = 0; j < Count; ++j) out[j] = numbers[q[j]] * d;
}

/// The largest number of a type as a float, which may be the largest float.
template <class T>
constexpr double largest_of() noexcept {
  if constexpr (std::same_as<T, f16>)
    return 65504;
  else if constexpr (std::same_as<T, bf16>)
    return 0x1.fep127;
  else
    return static_cast<double>((std::numeric_limits<float>::max)());
}

/// Plain numbers are blocks of one. A double is rounded to float. Zero has no bit set.
template <class T>
struct plain {
  static constexpr std::size_t values = 1, bytes = sizeof(T);
  static void decode(const std::byte* block, float* out) noexcept {
    *out = static_cast<float>(element_traits<T>::load(load<T>(block)));
  }
  static constexpr float largest = static_cast<float>(largest_of<T>());
  static void encode(const float* numbers, std::byte* block) noexcept {
    store(block, element_traits<T>::store(static_cast<compute_type<T>>(*numbers)));
  }
  static void zero(std::byte* block, const std::uint8_t* keep) noexcept {
    using word = std::conditional_t<bytes == 2, std::uint16_t,
                                    std::conditional_t<bytes == 4, std::uint32_t, std::uint64_t>>;
    const auto kept = static_cast<word>(static_cast<std::int8_t>(*keep));  // 0xff is -1
    store(block, static_cast<word>(load<word>(block) & kept));
  }
};

/// 32 values: d, then 16 bytes of two 4-bit codes q each; the low halves come first.
///     x = d * (q - 8)
struct q4_0 {
  static constexpr std::size_t values = 32, bytes = 18;
  static void decode(const std::byte* block, float* out) noexcept {
    scale<32>(nibbles<32>(block + 2).data(), 8, float{load<f16>(block)}, out);
  }
  static void zero(std::byte* block, const std::uint8_t* keep) noexcept {
    zero_nibbles<32>(block + 2, keep, 8);
  }
};

/// 32 values: d, m, then 16 bytes as in q4_0.
///     x = d * q + m
struct q4_1 {
  static constexpr std::size_t values = 32, bytes = 20;
  static void decode(const std::byte* block, float* out) noexcept {
    scale_and_add<32>(nibbles<32>(block + 4).data(), float{load<f16>(block)},
                      float{load<f16>(block + 2)}, out);
  }
};

/// 32 codes of five bits: a word with the upper bit of each, then 16 bytes as in q4_0 with the four
/// lower ones.
inline codes<32> fives(const std::byte* from) noexcept {
  const auto upper = load<std::uint32_t>(from);
  auto q = nibbles<32>(from + 4);
  for (std::size_t k = 0; k < 4; ++k) {
    const auto sixteens = std::bit_cast<codes<8>>(spread(upper >> 8 * k & 0xffu) & 0x10 * ones);
    for (std::size_t j = 0; j < 8; ++j)
      q[8 * k + j] = static_cast<std::uint8_t>(q[8 * k + j] | sixteens[j]);
  }
  return q;
}

/// 32 values: d, then codes q of five bits.
///     x = d * (q - 16)
struct q5_0 {
  static constexpr std::size_t values = 32, bytes = 22;
  static void decode(const std::byte* block, float* out) noexcept {
    scale<32>(fives(block + 2).data(), 16, float{load<f16>(block)}, out);
  }
  static void zero(std::byte* block, const std::uint8_t* keep) noexcept {
    auto upper = load<std::uint32_t>(block + 2);
    for (std::uint32_t j = 0; j < 32; ++j) upper |= (~keep[j] & 1u) << j;
    store(block + 2, upper);
    zero_nibbles<32>(block + 6, keep, 0);
  }
};

/// 32 values: d, m, then codes q of five bits.
///     x = d * q + m
struct q5_1 {
  static constexpr std::size_t values = 32, bytes = 24;
  static void decode(const std::byte* block, float* out) noexcept {
    scale_and_add<32>(fives(block + 4).data(), float{load<f16>(block)}, float{load<f16>(block + 2)},
                      out);
  }
};

/// 32 values: d, then 32 signed bytes q.
///     x = d * q
/// To encode, d = max |x| / 127 and q = x / d, rounded to the nearest; d is then rounded to f16.
struct q8_0 {
  static constexpr std::size_t values = 32, bytes = 34;
  static constexpr float largest = 127.0f * 65504.0f;
  static void encode(const float* numbers, std::byte* block) noexcept {
    float most = 0;
    for (std::size_t j = 0; j < 32; ++j) most = (std::max)(most, std::fabs(numbers[j]));
    const float d = most / 127.0f;
    // The inverse of a subnormal number may be infinite. As f16, d is zero then.
    const float steps = d < (std::numeric_limits<float>::min)() ? 0.0f : 1.0f / d;
    std::array<std::int8_t, 32> q;
    for (std::size_t j = 0; j < 32; ++j)
      q[j] = static_cast<std::int8_t>(std::round(numbers[j] * steps));
    store(block, f16(d));
    store(block + 2, q);
  }
  static void decode(const std::byte* block, float* out) noexcept {
    const float d{load<f16>(block)};
    const auto q = load<std::array<std::int8_t, 32>>(block + 2);
    for (std::size_t j = 0; j < 32; ++j) out[j] = static_cast<float>(q[j]) * d;
  }
  static void zero(std::byte* block, const std::uint8_t* keep) noexcept {
    auto q = load<codes<32>>(block + 2);
    for (std::size_t j = 0; j < 32; ++j) q[j] &= keep[j];
    store(block + 2, q);
  }
};

/// The numbers of the codes of IQ4_NL and IQ4_XS. None is zero.
inline constexpr std::array<float, 16> iq4_numbers = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                      1,    13,   25,  38,  53,  69,  89,  113};

/// 32 values: d, then 16 bytes as in q4_0.
///     x = d * iq4_numbers[q]
struct iq4_nl {
  static constexpr std::size_t values = 32, bytes = 18;
  static void decode(const std::byte* block, float* out) noexcept {
    scale_listed<32>(nibbles<32>(block + 2).data(), iq4_numbers, float{load<f16>(block)}, out);
  }
};

/// 32 values of the OCP format MXFP4: an exponent e of 8 bits, then 16 bytes as in q4_0 of 4-bit
/// floats q, of which 0 is zero.
///     x = 2^(e - 128) * 2 q
///
/// The two together make every scale a finite number: ggml has no NaN for e = 255. Products are
/// exact, or too large for a float.
struct mxfp4 {
  static constexpr std::size_t values = 32, bytes = 17;
  static void decode(const std::byte* block, float* out) noexcept {
    constexpr std::array<float, 16> twice = {0, 1,  2,  3,  4,  6,  8,  12,
                                             0, -1, -2, -3, -4, -6, -8, -12};
    scale_listed<32>(nibbles<32>(block + 1).data(), twice, power(load<std::uint8_t>(block)), out);
  }
  static void zero(std::byte* block, const std::uint8_t* keep) noexcept {
    zero_nibbles<32>(block + 1, keep, 0);
  }

 private:
  // 2^(e - 128), of which the two smallest are subnormal.
  static float power(std::uint32_t e) noexcept {
    return std::bit_cast<float>(e < 2 ? 0x200000u << e : (e - 1) << 23);
  }
};

}  // namespace tamp::inline TAMP_FLAGS::io::ggml
