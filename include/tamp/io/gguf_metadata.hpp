#pragma once

/// @file
/// The values that a GGUF file's metadata hold, and the cursor that walks over them.

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "../element.hpp"
#include "../error.hpp"

namespace tamp::inline TAMP_FLAGS::io {
namespace detail {

class gguf_cursor;

/// GGUF's types of value, by their numbers.
enum class gguf_type : std::uint32_t {
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  f32,
  boolean,
  string,
  array,
  u64,
  i64,
  f64
};
inline constexpr std::array<std::string_view, 13> gguf_type_names = {"an unsigned 8-bit integer",
                                                                     "a signed 8-bit integer",
                                                                     "an unsigned 16-bit integer",
                                                                     "a signed 16-bit integer",
                                                                     "an unsigned 32-bit integer",
                                                                     "a signed 32-bit integer",
                                                                     "a float",
                                                                     "a bool",
                                                                     "a string",
                                                                     "an array",
                                                                     "an unsigned 64-bit integer",
                                                                     "a signed 64-bit integer",
                                                                     "a double"};
/// Bytes of one value; 0 where that varies.
inline constexpr std::array<std::size_t, 13> gguf_type_sizes = {1, 1, 2, 2, 4, 4, 4,
                                                                1, 0, 0, 8, 8, 8};

}  // namespace detail

/// One value of the metadata: where it lies, and what it is.
struct gguf_value {
  detail::gguf_type type{};  ///< of the value, or of an array's elements
  bool is_array = false;
  std::size_t count = 1;
  std::span<const std::byte> bytes;

  /// "a float", "a signed 8-bit integer (-3)", "an array of 3 of: a string".
  std::string describe() const {
    using tamp::detail::sentence;
    const auto name = detail::gguf_type_names[static_cast<std::size_t>(type)];
    if (is_array) return sentence("an array of ", count, " of: ", name);
    if (type == detail::gguf_type::boolean && bytes[0] > std::byte{1})
      return sentence("a bool of ", std::to_integer<unsigned>(bytes[0]));
    if (std::int64_t number = 0; read(number)) return sentence(name, " (", number, ")");
    if (std::uint64_t number = 0; read(number)) return sentence(name, " (", number, ")");
    return std::string(name);
  }
  /// The name of T in errors, with the range of an integer.
  template <class T>
  static std::string name_of() {
    using limits = std::numeric_limits<T>;
    if constexpr (std::same_as<T, bool>)
      return "a bool";
    else if constexpr (std::integral<T>)
      return tamp::detail::sentence("an integer from ", (limits::min)(), " to ", (limits::max)());
    else if constexpr (std::floating_point<T>)
      return std::same_as<T, float> ? "a float" : "a double";
    else
      return "a string";
  }

  /// True if the (first) value is a T; then it is stored.
  template <class T>
  bool read(T& result) const {
    std::vector<T> one;
    if (count != 1 || !read_all(one)) return false;
    result = std::move(one.front());
    return true;
  }
  template <class T>
  bool read_all(std::vector<T>& result) const;
};

namespace detail {

/// Reads the parts of a GGUF file one after another and never past its end.
class gguf_cursor {
 public:
  gguf_cursor(std::span<const std::byte> all, std::string_view file) : all_(all), file_(file) {}

  std::size_t position() const noexcept { return at_; }

  std::string_view bytes(std::uint64_t size, std::string_view what) {
    if (size > all_.size() - at_)
      tamp::detail::raise<file_error>(file_, ": ", what, " has ", size, " bytes at byte ", at_,
                                      ", but only ", all_.size() - at_, " are left");
    const auto begin = reinterpret_cast<const char*>(all_.data() + at_);
    at_ += static_cast<std::size_t>(size);
    return {begin, static_cast<std::size_t>(size)};
  }
  template <class T>
  T number(std::string_view what) {
    T value;
    std::memcpy(&value, bytes(sizeof value, what).data(), sizeof value);
    return value;
  }
  std::string_view string(std::string_view what) {
    return bytes(number<std::uint64_t>(what), what);
  }

  /// The value of a key, of the type of that number.
  gguf_value value(std::uint32_t type) {
    gguf_value result;
    result.type = checked(type);
    if (result.type == gguf_type::array) {
      result.is_array = true;
      std::tie(result.type, result.count) = array_head();
    }
    const std::size_t begin = at_;
    skip(result.type, result.count, 1);
    result.bytes = all_.subspan(begin, at_ - begin);
    return result;
  }

 private:
  static constexpr int deepest = 8;

  std::pair<gguf_type, std::size_t> array_head() {
    const gguf_type type = checked(number<std::uint32_t>("an array's type"));
    const auto count = number<std::uint64_t>("an array's length");
    if (count > all_.size() - at_)  // every element has a byte at least
      tamp::detail::raise<file_error>(file_, ": an array at byte ", at_, " claims ", count,
                                      " elements, but only ", all_.size() - at_, " bytes are left");
    return {type, static_cast<std::size_t>(count)};
  }

  /// Passes over so many values, which may be arrays themselves.
  void skip(gguf_type type, std::size_t count, int depth) {
    if (type == gguf_type::string) {
      for (std::size_t k = 0; k < count; ++k) string("a string");
    } else if (type == gguf_type::array) {
      if (depth == deepest)
        tamp::detail::raise<file_error>(file_, ": the metadata at byte ", at_,
                                        " are arrays nested more than ", deepest, " deep");
      for (std::size_t k = 0; k < count; ++k) {
        const auto [inner, size] = array_head();
        skip(inner, size, depth + 1);
      }
    } else {
      bytes(std::uint64_t{gguf_type_sizes[static_cast<std::size_t>(type)]} * count, "a value");
    }
  }

  gguf_type checked(std::uint32_t type) const {
    if (type >= gguf_type_names.size())
      tamp::detail::raise<file_error>(file_, ": the metadata at byte ", at_, " are of type ", type,
                                      ", which does not exist");
    return static_cast<gguf_type>(type);
  }

  std::span<const std::byte> all_;
  std::string_view file_;
  std::size_t at_ = 0;
};

}  // namespace detail

/// True if all values can be held by T without loss of range; then they are stored. Any integer
/// may be asked for as any other that holds it, float and double as each other.
template <class T>
bool gguf_value::read_all(std::vector<T>& result) const {
  static_assert(std::integral<T> || std::same_as<T, float> || std::same_as<T, double> ||
                    std::same_as<T, std::string>,
                "gguf_file: metadata are integers, float, double, bool or std::string");
  detail::gguf_cursor cursor(bytes, {});
  const auto each = [&]<class Stored>(Stored, const auto& convert) {
    result.reserve(count);
    for (std::size_t k = 0; k < count; ++k)
      if (!convert(cursor.number<Stored>({}))) return false;
    return true;
  };
  const auto as_integer = [&](auto stored) {
    if constexpr (std::integral<T> && !std::same_as<T, bool>)
      return each(stored, [&](auto number) {
        if (std::in_range<T>(number)) result.push_back(static_cast<T>(number));
        return std::in_range<T>(number);
      });
    else
      return false;
  };
  const auto as_floating = [&](auto stored) {
    if constexpr (std::floating_point<T>)
      return each(stored, [&](auto number) {
        result.push_back(static_cast<T>(number));
        return is_finite(result.back()) || !is_finite(number);
      });
    else
      return false;
  };
  using detail::gguf_type;
  switch (type) {
    case gguf_type::u8:
      return as_integer(std::uint8_t{});
    case gguf_type::i8:
      return as_integer(std::int8_t{});
    case gguf_type::u16:
      return as_integer(std::uint16_t{});
    case gguf_type::i16:
      return as_integer(std::int16_t{});
    case gguf_type::u32:
      return as_integer(std::uint32_t{});
    case gguf_type::i32:
      return as_integer(std::int32_t{});
    case gguf_type::u64:
      return as_integer(std::uint64_t{});
    case gguf_type::i64:
      return as_integer(std::int64_t{});
    case gguf_type::f32:
      return as_floating(float{});
    case gguf_type::f64:
      return as_floating(double{});
    case gguf_type::boolean:
      if constexpr (std::same_as<T, bool>)
        return each(std::uint8_t{}, [&](std::uint8_t number) {
          result.push_back(number != 0);
          return number <= 1;
        });
      else
        return false;
    case gguf_type::string:
      if constexpr (std::same_as<T, std::string>) {
        for (std::size_t k = 0; k < count; ++k) result.emplace_back(cursor.string({}));
        return true;
      } else {
        return false;
      }
    case gguf_type::array:
      break;
  }
  return false;
}

}  // namespace tamp::inline TAMP_FLAGS::io
