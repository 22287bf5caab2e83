#pragma once

/// @file
/// JSON without duplicate keys. Needs nlohmann-json.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../../error.hpp"
#include "json_events.hpp"
#include "shown.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Builds a document from the events of detail::read_object.
class document_builder {
 public:
  void begin_object() { open_.push_back(add(nlohmann::json::object())); }
  void end_object() { open_.pop_back(); }
  void begin_list() { open_.push_back(add(nlohmann::json::array())); }
  void end_list() { open_.pop_back(); }
  void key(const std::string& given) { key_ = given; }
  template <class Value>
  void value(const Value& given) {
    add(given);
  }

  nlohmann::json document;

 private:
  nlohmann::json* add(nlohmann::json value) {
    if (open_.empty()) return &(document = std::move(value));
    nlohmann::json& parent = *open_.back();
    if (parent.is_object()) return &(parent[key_] = std::move(value));
    parent.push_back(std::move(value));
    return &parent.back();
  }

  std::vector<nlohmann::json*> open_;
  std::string key_;
};

/// An object in JSON as a document, of bounded depth and without duplicate keys. `file` and `what`,
/// such as "the header", are for the error.
/// @throws file_error if the text is anything else
inline nlohmann::json parse_object(std::string_view text, int deepest, std::string_view file,
                                   std::string_view what) {
  document_builder builder;
  read_object(text, deepest, file, what, builder);
  return std::move(builder.document);
}

/// Reads members of JSON that may hold anything. For errors, `source` names the origin of the JSON
/// and `what` the value that it should hold, such as "plan".
template <class Json>
class strict_reader {
 public:
  strict_reader(std::string_view source, std::string_view what) : source_(source), what_(what) {}

 protected:
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    raise<file_error>(source_, ": ", parts...);
  }

  /// Refuses anything but an object that has `key`, with the version that tamp reads.
  void check_version(const Json& json, const char* key, std::uint64_t version) const {
    if (!json.is_object()) refuse("the ", what_, " is not a JSON object");
    if (!json.contains(key)) refuse("is no ", what_, ": it has no '", key, "'");
    if (const std::uint64_t found = count(json, "", key); found != version)
      refuse("is a ", what_, " of version ", found, ", and tamp reads version ", version);
  }

  // A misspelt key in a file edited by hand must not go unnoticed.
  void check_keys(const Json& json, std::string_view place,
                  const std::vector<std::string_view>& known) const {
    for (const auto& [key, value] : json.items()) {
      bool found = false;
      for (const std::string_view name : known) found |= key == name;
      if (!found) refuse(named(place, shown(key)), " is no part of a ", what_);
    }
  }

  const Json& member(const Json& json, std::string_view place, const char* key) const {
    const auto found = json.find(key);
    if (found == json.end()) refuse(named(place, key), " is missing");
    return *found;
  }
  const Json& object(const Json& json, std::string_view place, const char* key) const {
    const Json& value = member(json, place, key);
    if (!value.is_object()) refuse(named(place, key), " is not a JSON object");
    return value;
  }
  const Json& list(const Json& json, const char* key) const {
    const Json& value = member(json, "", key);
    if (!value.is_array()) refuse(key, " is not a list");
    return value;
  }
  std::string text(const Json& json, std::string_view place, const char* key) const {
    const Json& value = member(json, place, key);
    if (!value.is_string()) refuse(named(place, key), " is not a text");
    return value.template get<std::string>();
  }
  std::vector<std::string> texts(const Json& json, const char* key) const {
    std::vector<std::string> all;
    for (const Json& value : list(json, key)) {
      if (!value.is_string()) refuse(key, '[', all.size(), "] is not a text");
      all.push_back(value.template get<std::string>());
    }
    return all;
  }
  bool truth(const Json& json, std::string_view place, const char* key) const {
    const Json& value = member(json, place, key);
    if (!value.is_boolean()) refuse(named(place, key), " is neither true nor false");
    return value.template get<bool>();
  }
  double number(const Json& json, std::string_view place, const char* key) const {
    const Json& value = member(json, place, key);
    if (!value.is_number()) refuse(named(place, key), " is not a number");
    return value.template get<double>();
  }
  std::size_t count(const Json& json, std::string_view place, const char* key) const {
    return as_count(member(json, place, key), named(place, key));
  }
  std::vector<std::size_t> counts(const Json& json, const char* key) const {
    std::vector<std::size_t> numbers;
    for (const Json& value : list(json, key))
      numbers.push_back(as_count(value, sentence(key, '[', numbers.size(), ']')));
    return numbers;
  }

  std::vector<double> numbers(const Json& json, const char* key) const {
    std::vector<double> all;
    for (const Json& value : list(json, key)) {
      if (!value.is_number()) refuse(key, '[', all.size(), "] is not a number");
      all.push_back(value.template get<double>());
    }
    return all;
  }
  /// The value whose name (name_of) the text is, or `usual` if the member is missing.
  template <class Value>
  Value one_of(const Json& json, const char* key, std::initializer_list<Value> values,
               Value usual) const {
    if (!json.contains(key)) return usual;
    const std::string found = text(json, "", key);
    std::string names;
    for (const Value value : values) {
      if (found == name_of(value)) return value;
      names += sentence(names.empty() ? "" : ", ", name_of(value));
    }
    refuse(key, " is '", shown(found), "', and none of ", names);
  }

  static std::string named(std::string_view place, std::string_view key) {
    return sentence(place, place.empty() ? "" : ".", key);
  }

  std::string_view source_, what_;

 private:
  std::size_t as_count(const Json& value, const std::string& name) const {
    // A count of more than 64 bits is read as a floating-point number.
    if (!value.is_number_unsigned()) refuse(name, " is not a count");
    return value.template get<std::size_t>();
  }
};

}  // namespace tamp::inline TAMP_FLAGS::detail
