#pragma once

/// @file
/// Checks of repaired weights against a tensor's type of number, and their writing.

#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>

#include "../../detail/ieee_arithmetic.hpp"
#include "../../element.hpp"
#include "../../error.hpp"
#include "../../execute/executor.hpp"
#include "../../mask/bitmask.hpp"
#include "../../tensor/detail/finite.hpp"
#include "../../tensor/traits.hpp"
#include "../../tensor/view.hpp"
#include "written_rows.hpp"
#include "zeros.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Checks that a tensor can hold repaired weights.
/// @throws value_error if the tensor's type of number is too small for a repaired weight, or if a
///         dropped weight is not 0
template <class Tensor, executor E, class Repaired>
void check_repaired(const E& exec, std::string_view operation, std::string_view layer,
                    const Repaired& repaired) {
  const ieee_arithmetic as_usual;
  const matrix_view<const double> weights = repaired.weights();
  const mask::bitmask& keep = repaired.keep;
  const auto held = [&](std::size_t i, std::size_t j) {
    const auto stored = stored_number<Tensor>(weights(i, j));
    return element_traits<std::remove_const_t<decltype(stored)>>::load(stored);
  };
  const auto is_right = [&](std::size_t i, std::size_t j) {
    const auto number = held(i, j);
    return is_finite(number) && (keep(i, j) || number == 0);
  };
  if (weights.empty()) return;
  first_row broken;
  for_each_range(exec, weights.rows(), weights.cols(), [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      unsigned any = 0;
      for (std::size_t j = 0; j < weights.cols(); ++j) any |= unsigned{!is_right(i, j)};
      if (any != 0) broken.note(i);
    }
  });
  if (broken.any())
    for (std::size_t i = broken.row(), j = 0; j < weights.cols(); ++j)
      if (!is_right(i, j))
        raise<value_error>(operation, ": the repaired weight in row ", i, ", column ", j,
                           of_layer(layer), " is ", weights(i, j),
                           is_finite(held(i, j)) ? ", and its mask drops it"
                                                 : ", too large for the tensor's type of number");
}

/// Writes repaired weights, (rows, cols), into the host's tensor, in its own type of number.
/// @throws value_error if a row tensor does not hold its zeros, as in apply
template <executor E, class Repaired, class Target>
void write_repaired(const E& exec, std::string_view operation, std::string_view layer,
                    const Repaired& repaired, Target&& target) {
  using tensor = std::remove_cvref_t<Target>;
  static_assert(
      viewable<tensor> || writable_row_tensor<tensor>,
      "this score changes the weights that stay, and this tensor can only drop some: give "
      "it a write_row");
  const matrix_view<const double> weights = repaired.weights();
  if (weights.empty()) return;
  if constexpr (viewable<tensor>) {
    for_each_range(exec, weights.rows(), weights.cols(), [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i)
        for (std::size_t j = 0; j < weights.cols(); ++j)
          target(i, j) = stored_number<tensor>(weights(i, j));
    });
  } else {
    write_rows(exec, operation, layer, repaired.keep, target,
               [&](std::size_t i, std::span<float> row) {
                 for (std::size_t j = 0; j < row.size(); ++j)
                   row[j] = stored_number<tensor>(weights(i, j));
                 return true;
               });
  }
}

}  // namespace tamp::inline TAMP_FLAGS::detail
