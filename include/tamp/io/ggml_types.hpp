#pragma once

/// @file
/// ggml's types of tensor by their numbers, and what tamp can do with a row of each.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "../element.hpp"
#include "ggml_blocks.hpp"
#include "ggml_superblocks.hpp"

namespace tamp::inline TAMP_FLAGS::io::ggml {

/// Decodes whole blocks, one after another, until `out` is full.
template <class Format>
void decode_row(const std::byte* blocks, std::span<float> out) noexcept {
  for (std::size_t j = 0; j < out.size(); j += Format::values, blocks += Format::bytes)
    Format::decode(blocks, out.data() + j);
}

/// Encodes whole blocks, one after another.
template <class Format>
void encode_row(std::span<const float> numbers, std::byte* blocks) noexcept {
  for (std::size_t j = 0; j < numbers.size(); j += Format::values, blocks += Format::bytes)
    Format::encode(numbers.data() + j, blocks);
}

/// Gives the code of zero to the weights of a row of whole blocks whose bit is 0: weight j stays if
/// bit j % 64 of keep[j / 64] is 1.
template <class Format>
void zero_row(std::byte* blocks, std::size_t cols, const std::uint64_t* keep) noexcept {
  constexpr std::size_t most = 256;  // a multiple of the values of every block, and of 64
  for (std::size_t j = 0; j < cols; j += most) {
    const std::size_t count = (std::min)(most, cols - j);
    codes<most> kept;
    for (std::size_t k = 0; k < count; k += 8) {
      const std::uint64_t eight = spread(keep[(j + k) / 64] >> k % 64 & 0xffu);
      std::memcpy(&kept[k], &eight, 8);
    }
    for (std::size_t k = 0; k < count; k += Format::values, blocks += Format::bytes)
      Format::zero(blocks, &kept[k]);
  }
}

/// One of ggml's types. `decode_row` is null for those that tamp does not read, `zero_row` for
/// those that have no code for zero, and `encode_row` for those that tamp does not write.
struct type_info {
  std::uint32_t id;
  std::string_view name;
  std::size_t values, bytes;
  void (*decode_row)(const std::byte*, std::span<float>) noexcept = nullptr;
  void (*zero_row)(std::byte*, std::size_t, const std::uint64_t*) noexcept = nullptr;
  void (*encode_row)(std::span<const float>, std::byte*) noexcept = nullptr;
  float largest = 0;  ///< number that can be encoded
};

template <class Format>
constexpr type_info readable(std::uint32_t id, std::string_view name) {
  type_info type{id, name, Format::values, Format::bytes, &ggml::decode_row<Format>};
  if constexpr (requires { &Format::zero; }) type.zero_row = &ggml::zero_row<Format>;
  if constexpr (requires { &Format::encode; }) {
    type.encode_row = &ggml::encode_row<Format>;
    type.largest = Format::largest;
  }
  return type;
}

/// The types that GGUF files use, by their numbers.
inline constexpr std::array types = {
    readable<plain<float>>(0, "F32"),   readable<plain<f16>>(1, "F16"),
    readable<q4_0>(2, "Q4_0"),          readable<q4_1>(3, "Q4_1"),
    readable<q5_0>(6, "Q5_0"),          readable<q5_1>(7, "Q5_1"),
    readable<q8_0>(8, "Q8_0"),          type_info{9, "Q8_1", 32, 36},
    readable<q2_k>(10, "Q2_K"),         readable<q3_k>(11, "Q3_K"),
    readable<q4_k>(12, "Q4_K"),         readable<q5_k>(13, "Q5_K"),
    readable<q6_k>(14, "Q6_K"),         type_info{15, "Q8_K", 256, 292},
    type_info{16, "IQ2_XXS", 256, 66},  type_info{17, "IQ2_XS", 256, 74},
    type_info{18, "IQ3_XXS", 256, 98},  type_info{19, "IQ1_S", 256, 50},
    readable<iq4_nl>(20, "IQ4_NL"),     type_info{21, "IQ3_S", 256, 110},
    type_info{22, "IQ2_S", 256, 82},    readable<iq4_xs>(23, "IQ4_XS"),
    type_info{24, "I8", 1, 1},          type_info{25, "I16", 1, 2},
    type_info{26, "I32", 1, 4},         type_info{27, "I64", 1, 8},
    readable<plain<double>>(28, "F64"), type_info{29, "IQ1_M", 256, 56},
    readable<plain<bf16>>(30, "BF16"),  type_info{34, "TQ1_0", 256, 54},
    type_info{35, "TQ2_0", 256, 66},    readable<mxfp4>(39, "MXFP4")};

/// Returns the type of that name, such as "Q8_0", or null if there is none that tamp knows.
inline const type_info* find_type(std::string_view name) noexcept {
  for (const type_info& type : types)
    if (type.name == name) return &type;
  return nullptr;
}

/// Returns the type of a number, or null if there is none that tamp knows.
inline const type_info* find_type(std::uint32_t id) noexcept {
  for (const type_info& type : types)
    if (type.id == id) return &type;
  return nullptr;
}

}  // namespace tamp::inline TAMP_FLAGS::io::ggml
