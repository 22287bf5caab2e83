#pragma once

/// @file
/// The form of a tensor that algorithms hold.

#include <type_traits>

#include "../../detail/checked.hpp"
#include "../../element.hpp"
#include "../traits.hpp"
#include "../view.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns the form of a tensor that algorithms hold: a view by value, or a row_tensor by
/// reference.
/// @throws shape_error if a view has no memory behind it, or a row_tensor states extents that no
///         tensor can have
template <viewable T>
auto source(T&& tensor) {
  auto m = detail::cpu_view(tensor);
  static_assert(element<typename decltype(m)::value_type>,
                "tamp does not know this type of number: specialise tamp::element_traits for it");
  return m;
}
template <row_tensor T>
T& source(T&& tensor) {
  check_shape("tensor", checked_extent("tensor", "rows", tensor.rows()),
              checked_extent("tensor", "columns", tensor.cols()));
  return tensor;
}

template <class Source>
inline constexpr bool is_view = false;
template <class T, class Space>
inline constexpr bool is_view<matrix_view<T, Space>> = true;

}  // namespace tamp::inline TAMP_FLAGS::detail
