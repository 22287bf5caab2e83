#pragma once

/// @file
/// The members of a JSON object in a file, each of a known type.

#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "config.hpp"

namespace llama {

/// The members of an object. One that is missing or of another type is refused by name. An object of this
/// class must not outlive the JSON.
class json_fields {
 public:
  /// `place` begins the sentences: the path of a file, and of the object in it.
  json_fields(const nlohmann::json& object, std::string place)
      : object_(object), place_(std::move(place)) {
    if (!object.is_object()) fail(place_, " is ", shown(object), ", not an object");
  }

  const std::string& place() const { return place_; }
  bool has(const char* key) const {
    const auto found = object_.find(key);
    return found != object_.end() && !found->is_null();
  }
  /// The member itself, of any type.
  const nlohmann::json& at(const char* key) const {
    if (!has(key)) fail(place_, " has no '", key, "'");
    return object_.at(key);
  }
  json_fields object(const char* key) const { return {at(key), place_ + ": '" + key + "'"}; }

  /// A number, a truth value or a text.
  template <class T>
  T get(const char* key) const {
    const nlohmann::json& value = at(key);
    if constexpr (std::is_same_v<T, bool>) {
      if (!value.is_boolean()) refuse(key, value, "neither true nor false");
    } else if constexpr (std::is_integral_v<T>) {
      const bool fits = value.is_number_unsigned()
                            ? value.get<std::uint64_t>() <=
                                  static_cast<std::uint64_t>(std::numeric_limits<T>::max())
                            : value.is_number_integer() &&
                                  value.get<std::int64_t>() >= std::numeric_limits<T>::min();
      if (!fits) refuse(key, value, "not a whole number that fits");
    } else if constexpr (std::is_floating_point_v<T>) {
      if (!value.is_number() || !std::isfinite(value.get<T>())) refuse(key, value, "not a number");
    } else {
      static_assert(std::is_same_v<T, std::string>);
      if (!value.is_string()) refuse(key, value, "not a text");
    }
    return value.get<T>();
  }
  /// The same, of a member that may be missing or null.
  template <class T>
  T get(const char* key, T otherwise) const {
    return has(key) ? get<T>(key) : otherwise;
  }

 private:
  [[noreturn]] void refuse(const char* key, const nlohmann::json& value,
                           std::string_view what) const {
    fail(place_, " has '", key, "' of ", shown(value), ", which is ", what);
  }
  static std::string shown(const nlohmann::json& value) {
    constexpr std::size_t most = 60;
    std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    if (text.size() > most) text.replace(most, text.npos, "...");
    return text;
  }

  const nlohmann::json& object_;
  std::string place_;
};

}  // namespace llama
