#pragma once

/// @file
/// The library's errors: sentences with names and numbers, thrown before anything is written.

#include <charconv>
#include <concepts>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

#include "config.hpp"

namespace tamp {

/// The base class of all errors that tamp throws.
class error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Extents that do not fit together: "select: weight has 12 columns, the statistics cover 16".
class shape_error : public error {
 public:
  using error::error;
};

/// A number that cannot be used: not finite, or outside its range.
class value_error : public error {
 public:
  using error::error;
};

/// A file that cannot be read or written, or whose contents contradict themselves.
class file_error : public error {
 public:
  using error::error;
};

}  // namespace tamp

namespace tamp::inline TAMP_FLAGS::detail {

inline void append(std::string& text, std::string_view part) { text += part; }
inline void append(std::string& text, char part) { text += part; }

template <class Number>
  requires std::integral<Number> || std::floating_point<Number>
void append(std::string& text, Number part) {
  char digits[64];
  const auto end = std::to_chars(digits, digits + sizeof digits, part).ptr;
  text.append(digits, end);
}

/// Joins words and numbers: sentence("row ", 3) is "row 3".
template <class... Parts>
std::string sentence(const Parts&... parts) {
  std::string text;
  (append(text, parts), ...);
  return text;
}

/// Throws `Error` with the joined parts. Without exceptions it prints the same text and aborts.
template <class Error, class... Parts>
[[noreturn]] void raise(const Parts&... parts) {
  const std::string text = sentence(parts...);
#if TAMP_EXCEPTIONS
  throw Error(text);
#else
  std::fprintf(stderr, "tamp: %s\n", text.c_str());
  std::abort();
#endif
}

/// Prints the joined parts and aborts. TAMP_EXPECTS calls it.
template <class... Parts>
[[noreturn]] void broken_precondition(const Parts&... parts) noexcept {
  std::fprintf(stderr, "tamp: %s\n", sentence(parts...).c_str());
  std::abort();
}

}  // namespace tamp::inline TAMP_FLAGS::detail
