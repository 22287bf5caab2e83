#pragma once

/// @file
/// The weights that are zero in a host's tensor.

#include <atomic>
#include <cstddef>
#include <type_traits>

#include "../../element.hpp"
#include "../../execute/executor.hpp"
#include "../../mask/bitmask.hpp"
#include "../../simd/selection.hpp"
#include "../../tensor/rows.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Converts a number to the form in which the host's tensor holds it: the element type of a strided
/// tensor, else float.
template <class Source>
auto stored_number(double number) {
  if constexpr (is_view<Source>) {
    using element = std::remove_const_t<typename Source::value_type>;
    return element_traits<element>::store(static_cast<compute_type<element>>(number));
  } else {
    return static_cast<float>(number);
  }
}

/// Returns the number of weights that are zero, of either sign.
template <executor E, class Source>
std::size_t count_zeros(const E& exec, const Source& weight) {
  std::atomic<std::size_t> zeros = 0;
  for_each_range(exec, static_cast<std::size_t>(weight.rows()),
                 static_cast<std::size_t>(weight.cols()), [&](std::size_t begin, std::size_t end) {
                   row_reader<Source> read(weight);
                   std::size_t mine = 0;
                   with_selection([&](auto loops) {
                     for (std::size_t i = begin; i < end; ++i) {
                       const auto row = read(i);
                       using value = std::remove_cvref_t<decltype(row[0])>;
                       mine += loops.count_equal(row.data(), row.size(), value{0});
                     }
                   });
                   zeros += mine;
                 });
  return zeros;
}

/// Drops from a mask the numbers, (rows, cols), that become zero when stored in a tensor like
/// `Source`.
template <class Source, executor E>
void drop_zeros(const E& exec, matrix_view<const double> numbers, mask::bitmask& keep) {
  for_each_range(exec, numbers.rows(), numbers.cols(), [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      for (std::size_t j = 0; j < numbers.cols(); ++j) {
        const auto stored = stored_number<Source>(numbers(i, j));
        using element = std::remove_const_t<decltype(stored)>;
        if (element_traits<element>::load(stored) == 0) keep.set(i, j, false);
      }
  });
}

}  // namespace tamp::inline TAMP_FLAGS::detail
