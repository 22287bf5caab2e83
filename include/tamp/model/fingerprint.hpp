#pragma once

/// @file
/// Fingerprints of models and calibration sets.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../execute/adds_anywhere.hpp"
#include "../tensor/rows.hpp"
#include "host.hpp"

namespace tamp::inline TAMP_FLAGS {

/// A running 64-bit hash of words, text and tensors, in the order in which they are added. It
/// detects accidental differences and does not protect against forgery.
///
/// Tensors are hashed as the numbers that they hold, row by row. The hash depends on the shape, but
/// not on layout, element type or number of threads.
class fingerprint : public tamp::detail::adds_anywhere<fingerprint> {
 public:
  using tamp::detail::adds_anywhere<fingerprint>::add;

  fingerprint& add(std::uint64_t word) noexcept {
    state_ = mix(state_ ^ word);
    return *this;
  }
  fingerprint& add(std::string_view text) noexcept {
    add(std::uint64_t{text.size()});
    for (const char c : text) add(static_cast<std::uint64_t>(static_cast<unsigned char>(c)));
    return *this;
  }
  template <executor E, tensor_argument T>
  fingerprint& add(const E& exec, const T& tensor) {
    detail::with_source(tensor, [&](const auto& source) { add_numbers(exec, source); });
    return *this;
  }

  [[nodiscard]] std::uint64_t value() const noexcept { return state_; }

 private:
  template <executor E, class Source>
  void add_numbers(const E& exec, const Source& source) {
    const auto rows = static_cast<std::size_t>(source.rows());
    if (rows == 0 || static_cast<std::size_t>(source.cols()) == 0)
      return void(add(std::uint64_t{rows}).add(static_cast<std::uint64_t>(source.cols())));
    auto of_row = detail::checked_array<std::uint64_t>("fingerprint", rows);
    detail::for_each_range(exec, rows, [&](std::size_t begin, std::size_t end) {
      detail::row_reader read(source);
      for (std::size_t i = begin; i < end; ++i) of_row[i] = hash_row(read(i));
    });
    add(std::uint64_t{rows}).add(static_cast<std::uint64_t>(source.cols()));
    for (const std::uint64_t row : of_row) add(row);
  }

  // Makes every bit of the word affect every bit of the result (the finalizer of MurmurHash3, by A.
  // Appleby).
  static std::uint64_t mix(std::uint64_t word) noexcept {
    word = (word ^ (word >> 33)) * 0xff51afd7ed558ccdu;
    word = (word ^ (word >> 33)) * 0xc4ceb9fe1a85ec53u;
    return word ^ (word >> 33);
  }

  // Four sums are independent of each other; the steps of a single one would wait for each other.
  template <class Real>
  static std::uint64_t hash_row(std::span<const Real> row) noexcept {
    std::uint64_t sums[4] = {1, 2, 3, 4};
    for (std::size_t j = 0; j < row.size(); ++j) {
      std::uint64_t& sum = sums[j % 4];
      sum = (std::rotl(sum, 23) ^ std::bit_cast<std::uint64_t>(static_cast<double>(row[j]))) *
            0x9e3779b97f4a7c15u;
    }
    return mix(sums[0] ^ mix(sums[1] ^ mix(sums[2] ^ mix(sums[3]))));
  }

  std::uint64_t state_ = 0x74616d70;
};

namespace detail {

/// Returns the fingerprint of the names, shapes and weights of all layers.
template <executor E, model Model>
std::uint64_t model_fingerprint(const E& exec, Model& host) {
  fingerprint print;
  const auto blocks = detail::block_count(host);
  for (std::size_t block = 0; block < blocks; ++block)
    host.visit_layers(block, [&](std::string_view name, auto&& weight) {
      if constexpr (check_visited<decltype(weight)>())
        print.add(std::uint64_t{block}).add(name).add(exec, weight);
    });
  return print.value();
}

/// Returns the fingerprint that the host gives its calibration set, or 0 if it gives none.
template <model Model>
std::uint64_t samples_fingerprint(const Model& host) {
  if constexpr (requires { host.fingerprint(); })
    return host.fingerprint();
  else
    return 0;
}

/// Returns a number in the form that files and sentences show: "00f3a1...".
inline std::string hexadecimal(std::uint64_t number) {
  std::string text(16, '0');
  for (std::size_t k = 16; k-- != 0; number >>= 4) text[k] = "0123456789abcdef"[number & 15u];
  return text;
}

}  // namespace detail
}  // namespace tamp::inline TAMP_FLAGS
