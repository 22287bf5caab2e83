#pragma once

/// @file
/// JSON in which nothing is said twice. Needs nlohmann-json.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "../error.hpp"

namespace tamp::detail {

/// An object in JSON, of bounded depth and without duplicate keys. `file` and `what`, such as "the
/// header", are for the error.
/// @throws file_error if the text is anything else
inline nlohmann::json parse_object(std::string_view text, int deepest, std::string_view file,
                                   std::string_view what) {
  using nlohmann::json;
  std::vector<std::set<std::string>> keys;
  std::string duplicate;
  bool too_deep = false;
  json result = json::parse(
      text.begin(), text.end(),
      [&](int depth, json::parse_event_t event, json& value) {
        too_deep = too_deep || depth > deepest;
        if (too_deep) return false;
        if (event == json::parse_event_t::object_start) keys.emplace_back();
        if (event == json::parse_event_t::object_end) keys.pop_back();
        if (event == json::parse_event_t::key &&
            !keys.back().insert(value.get<std::string>()).second)
          duplicate = value.get<std::string>();
        return true;
      },
      /*allow_exceptions=*/false);
  if (too_deep)
    raise<file_error>(file, ": ", what, "'s JSON is nested more than ", deepest, " levels deep");
  // The parser takes a zero byte for the end of the text.
  if (result.is_discarded() || text.find('\0') != std::string_view::npos)
    raise<file_error>(file, ": ", what, " is not valid JSON");
  if (!result.is_object()) raise<file_error>(file, ": ", what, " is not a JSON object");
  if (!duplicate.empty())
    raise<file_error>(file, ": ", what, " has the key '", duplicate, "' twice");
  return result;
}

}  // namespace tamp::detail
