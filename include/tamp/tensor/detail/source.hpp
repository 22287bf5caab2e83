#pragma once

/// @file
/// The form of a tensor that algorithms hold.

#include <cstddef>
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

/// Returns use(source), with the form of a tensor that is only read. Of a tensor that is known only
/// at run time, the form is that of what it shows; `use` is compiled for each.
/// @throws shape_error as source, and the exceptions of the tensor's own `visit`
template <tensor_argument T, class Use>
decltype(auto) with_source(T&& tensor, Use&& use) {
  if constexpr (any_tensor<T>) {
    return tensor_traits<std::remove_cvref_t<T>>::visit(
        tensor, [&](auto&& shown) -> decltype(auto) { return use(detail::source(shown)); });
  } else {
    auto&& form = detail::source(tensor);
    return use(form);
  }
}

/// Returns use(source), with the form of a tensor that is written to.
/// @throws shape_error as source, and the exceptions of the tensor's own `visit_writable`
template <tensor_argument T, class Use>
decltype(auto) with_target(T&& tensor, Use&& use) {
  if constexpr (any_tensor<T>) {
    return tensor_traits<std::remove_cvref_t<T>>::visit_writable(
        tensor, [&](auto&& shown) -> decltype(auto) {
          auto&& form = detail::source(shown);
          return use(form);
        });
  } else {
    auto&& form = detail::source(tensor);
    return use(form);
  }
}

/// Returns the number of rows of a tensor.
template <tensor_argument T>
std::size_t row_count(T&& tensor) {
  return with_source(tensor,
                     [](const auto& form) { return static_cast<std::size_t>(form.rows()); });
}

template <class Source>
inline constexpr bool is_view = false;
template <class T, class Space>
inline constexpr bool is_view<matrix_view<T, Space>> = true;

}  // namespace tamp::inline TAMP_FLAGS::detail
