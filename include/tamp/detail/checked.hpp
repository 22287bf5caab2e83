#pragma once

/// @file
/// Arithmetic with sizes that come from outside: none wraps, and none is allocated unseen.

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

/// The largest number of elements that a tensor can have: distances between them fit into a
/// std::ptrdiff_t.
inline constexpr std::size_t most_elements =
    static_cast<std::size_t>((std::numeric_limits<std::ptrdiff_t>::max)());

/// The largest array that is asked of memory, in bytes: 1 TiB, which no layer needs. A larger one
/// means that a size is wrong.
inline constexpr std::uint64_t largest_array =
    sizeof(std::size_t) < 8 ? std::uint64_t{most_elements} : std::uint64_t{1} << 40;

/// True if a * b fits into their type.
template <std::unsigned_integral Word>
constexpr bool product_fits(Word a, Word b) noexcept {
  return b == 0 || a <= (std::numeric_limits<Word>::max)() / b;
}

/// a * b.
/// @throws Error "WHO: A times B is too large to be counted"
template <class Error = shape_error, std::unsigned_integral Word>
constexpr Word checked_product(std::string_view who, Word a, std::type_identity_t<Word> b) {
  if (!product_fits<Word>(a, b))
    raise<Error>(who, ": ", a, " times ", b, " is too large to be counted");
  return a * b;
}

/// a + b.
/// @throws Error "WHO: A and B together are too large to be counted"
template <class Error = shape_error, std::unsigned_integral Word>
constexpr Word checked_sum(std::string_view who, Word a, std::type_identity_t<Word> b) {
  if (b > (std::numeric_limits<Word>::max)() - a)
    raise<Error>(who, ": ", a, " and ", b, " together are too large to be counted");
  return a + b;
}

/// A size that a host states in a type of number of its own.
/// @throws shape_error "WHO: there are -1 WHAT" if it is negative or too large for memory
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

/// @throws shape_error if no memory can hold the elements of such a tensor. One without elements
///         may be as long as can be counted with a sign: -1 as a size without one is not.
constexpr void check_shape(std::string_view who, std::size_t rows, std::size_t cols) {
  if (rows > most_elements || cols > most_elements)
    raise<shape_error>(who, ": a shape of ", rows, " x ", cols,
                       " is too large; was one of the numbers negative?");
  if (cols != 0 && rows > most_elements / cols)
    raise<shape_error>(who, ": ", rows, " x ", cols, " elements are more than memory can hold");
}

/// @throws shape_error if `count` numbers of `size` bytes are more than memory can hold
constexpr void check_array(std::string_view who, std::uint64_t count, std::size_t size) {
  if (count >= largest_array / size)
    raise<shape_error>(who, ": ", count, " numbers of ", size,
                       " bytes are more than memory can hold");
}

/// @throws shape_error if a list has entries but no memory
template <class List>
constexpr void check_list(std::string_view who, std::string_view what, const List& list) {
  if (list.size() != 0 && list.data() == nullptr)
    raise<shape_error>(who, ": ", list.size(), ' ', what, " lie at a null pointer");
}

/// @throws shape_error if a matrix of numbers of `size` bytes is more than memory can hold
/// @returns how many numbers it has
constexpr std::size_t checked_matrix(std::string_view who, std::size_t rows, std::size_t cols,
                                     std::size_t size) {
  if (rows != 0 && cols != 0 && rows >= largest_array / size / cols)
    raise<shape_error>(who, ": ", rows, " x ", cols, " numbers of ", size,
                       " bytes are more than memory can hold");
  return rows * cols;
}

/// body(), where memory that the system refuses is an error of the library like all others.
/// @throws shape_error "WHO: there is not enough memory"
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

/// `count` numbers of one value.
/// @throws shape_error if memory cannot hold them
template <class Number>
std::vector<Number> checked_array(std::string_view who, std::uint64_t count, Number value = {}) {
  check_array(who, count, sizeof(Number));
  return with_memory(who,
                     [&] { return std::vector<Number>(static_cast<std::size_t>(count), value); });
}

}  // namespace tamp::inline TAMP_FLAGS::detail
