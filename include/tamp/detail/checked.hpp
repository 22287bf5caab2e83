#pragma once

/// @file
/// Checked arithmetic with sizes from outside. No size wraps, and none is allocated unchecked.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../error.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The largest number of elements of a tensor. Distances between elements fit into a
/// std::ptrdiff_t.
inline constexpr std::size_t most_elements =
    static_cast<std::size_t>((std::numeric_limits<std::ptrdiff_t>::max)());

/// The limit of the size of an array, in bytes: 1 TiB, more than any layer needs. A larger size is
/// taken for an error.
inline constexpr std::uint64_t largest_array =
    sizeof(std::size_t) < 8 ? std::uint64_t{most_elements} : std::uint64_t{1} << 40;

/// Returns true if a * b fits into their type.
template <std::unsigned_integral Word>
constexpr bool product_fits(Word a, Word b) noexcept {
  return b == 0 || a <= (std::numeric_limits<Word>::max)() / b;
}

/// Returns a * b.
/// @throws Error "WHO: A times B is too large to be counted"
template <class Error = shape_error, std::unsigned_integral Word>
constexpr Word checked_product(std::string_view who, Word a, std::type_identity_t<Word> b) {
  if (!product_fits<Word>(a, b))
    raise<Error>(who, ": ", a, " times ", b, " is too large to be counted");
  return a * b;
}

/// Returns a + b.
/// @throws Error "WHO: A and B together are too large to be counted"
template <class Error = shape_error, std::unsigned_integral Word>
constexpr Word checked_sum(std::string_view who, Word a, std::type_identity_t<Word> b) {
  if (b > (std::numeric_limits<Word>::max)() - a)
    raise<Error>(who, ": ", a, " and ", b, " together are too large to be counted");
  return a + b;
}

/// Converts a size that a host states in a number type of its own.
/// @throws shape_error "WHO: there cannot be -1 WHAT" if it is negative or too large for memory
template <class Number>
constexpr std::size_t checked_extent(std::string_view who, std::string_view what,
                                     const Number& number) {
  if constexpr (std::is_arithmetic_v<Number>) {
    bool fits = true;
    if constexpr (std::is_signed_v<Number>) fits = number >= 0;
    if constexpr (std::is_floating_point_v<Number>)
      fits = fits && number < static_cast<Number>(most_elements);
    else
      fits = fits && static_cast<std::uintmax_t>(number) <= most_elements;
    if (!fits) raise<shape_error>(who, ": there cannot be ", number, ' ', what);
    return static_cast<std::size_t>(number);
  } else {
    return checked_extent(who, what, static_cast<std::size_t>(number));
  }
}

/// Checks the extents of a tensor. Those of an empty tensor may be as large as most_elements, which
/// excludes a negative size that was converted to std::size_t.
/// @throws shape_error if an extent is larger, or memory cannot hold the elements
constexpr void check_shape(std::string_view who, std::size_t rows, std::size_t cols) {
  if (rows > most_elements || cols > most_elements)
    raise<shape_error>(who, ": a shape of ", rows, " x ", cols,
                       " is too large; was one of the numbers negative?");
  if (cols != 0 && rows > most_elements / cols)
    raise<shape_error>(who, ": ", rows, " x ", cols, " elements are more than memory can hold");
}

/// Checks the size of an array.
/// @throws shape_error if `count` numbers of `size` bytes are more than memory can hold
constexpr void check_array(std::string_view who, std::uint64_t count, std::size_t size) {
  if (count >= largest_array / size)
    raise<shape_error>(who, ": ", count, " numbers of ", size,
                       " bytes are more than memory can hold");
}

/// Checks the memory of a list.
/// @throws shape_error if the list has entries but no memory
template <class List>
constexpr void check_list(std::string_view who, std::string_view what, const List& list) {
  if (list.size() != 0 && list.data() == nullptr)
    raise<shape_error>(who, ": ", list.size(), ' ', what, " lie at a null pointer");
}

/// Returns the number of elements of a matrix of numbers of `size` bytes.
/// @throws shape_error if they are more than memory can hold
constexpr std::size_t checked_matrix(std::string_view who, std::size_t rows, std::size_t cols,
                                     std::size_t size) {
  if (rows != 0 && cols != 0 && rows >= largest_array / size / cols)
    raise<shape_error>(who, ": ", rows, " x ", cols, " numbers of ", size,
                       " bytes are more than memory can hold");
  return rows * cols;
}

/// Calls body() and returns its result. std::bad_alloc becomes an error of the library.
/// @throws shape_error "WHO: there is not enough memory ..."
template <class Body>
decltype(auto) with_memory([[maybe_unused]] std::string_view who, Body&& body) {
#if TAMP_EXCEPTIONS
  try {
    return std::forward<Body>(body)();
  } catch (const std::bad_alloc&) {
    raise<shape_error>(who, ": there is not enough memory for tensors of these shapes");
  }
#else
  return std::forward<Body>(body)();
#endif
}

/// Returns `count` numbers of one value.
/// @throws shape_error if memory cannot hold them
template <class Number>
std::vector<Number> checked_array(std::string_view who, std::uint64_t count, Number value = {}) {
  check_array(who, count, sizeof(Number));
  return with_memory(who,
                     [&] { return std::vector<Number>(static_cast<std::size_t>(count), value); });
}

}  // namespace tamp::inline TAMP_FLAGS::detail
