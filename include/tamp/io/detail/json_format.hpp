#pragma once

/// @file
/// Values as JSON files: one writer and one reader for all of them. Needs nlohmann-json.

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "../../error.hpp"
#include "../save_load.hpp"
#include "mapped_file.hpp"
#include "replaced_file.hpp"
#include "strict_json.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The JSON of a value of type T. A specialisation has
///
///     name           the value in sentences: "is no plan"
///     subject        the text in sentences: "the plan is not valid JSON"
///     version_key    the first key, which says what the JSON holds
///     version        the value of that key
///     deepest        the levels of nesting
///     texts          members that hold text, in a sentence; left out where there are none
///     reader<Json>   reader<Json>(source)(json) makes a value, or refuses the JSON
///     text(json)     the layout, without the last newline
template <class T>
struct json_form;

/// An object with the version of T, and no other member yet.
template <class T, class Json>
Json versioned_object() {
  Json json = Json::object();
  json[json_form<T>::version_key] = json_form<T>::version;
  return json;
}

/// Reads a T out of JSON that may hold anything. `source` is where that comes from, for errors.
template <class T, class Json>
class value_reader : protected strict_reader<Json> {
 public:
  explicit value_reader(std::string_view source)
      : strict_reader<Json>(source, json_form<T>::name) {}

 protected:
  /// Refuses anything but an object of T's version with no other keys than these.
  void check_object(const Json& json, std::vector<std::string_view> members) const {
    this->check_version(json, json_form<T>::version_key, json_form<T>::version);
    members.push_back(json_form<T>::version_key);
    this->check_keys(json, "", members);
  }
};

/// JSON as text: in one line, or indented. Bytes that are not valid UTF-8 are replaced.
template <class Json>
std::string dumped(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

/// An object as text in one line, with a space after each comma and colon.
inline std::string on_one_line(const nlohmann::ordered_json& json) {
  if (!json.is_object()) return dumped(json);
  std::string text;
  for (const auto& [key, value] : json.items())
    text += sentence(text.empty() ? "{" : ", ", '"', key, "\": ", on_one_line(value));
  return text + '}';
}

/// An object as text with one line for each member, and one for each entry of a list.
inline std::string text_in_lines(const nlohmann::ordered_json& json) {
  std::string text;
  for (const auto& [key, value] : json.items()) {
    text += sentence(text.empty() ? "{\n" : ",\n", "  \"", key, "\": ");
    if (!value.is_array() || value.empty()) {
      text += on_one_line(value);
      continue;
    }
    for (std::size_t k = 0; k < value.size(); ++k)
      text += sentence(k == 0 ? "[\n    " : ",\n    ", on_one_line(value[k]));
    text += "\n  ]";
  }
  return text + "\n}";
}

/// Values whose json_form is known, as files. The writer asks the reader, and refuses what that
/// would refuse.
template <class T>
  requires requires { json_form<T>::version_key; }
struct file_format<T> {
  using form = json_form<T>;

  static void save(const std::filesystem::path& path, const T& value) {
    replaced_file file(path);
    const std::string name = file.name();
    const nlohmann::ordered_json json = value;
    static_cast<void>(typename form::template reader<nlohmann::ordered_json>(name)(json));
    const std::string text = form::text(json) + '\n';
    if constexpr (requires { form::texts; })
      if (nlohmann::ordered_json::parse(text, nullptr, false) != json)
        raise<file_error>(name, ": ", form::texts, " is not valid UTF-8");
    file.open(text);
    file.commit();
  }

  static T load(const std::filesystem::path& path) {
    const mapped_file file(path);
    const nlohmann::json json =
        parse_object(file.text(), form::deepest, file.name(), form::subject);
    return typename form::template reader<nlohmann::json>(file.name())(json);
  }
};

}  // namespace tamp::inline TAMP_FLAGS::detail
