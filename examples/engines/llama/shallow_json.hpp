#pragma once

/// @file
/// JSON of bounded depth. Very deep nesting can overflow the stack where a document is copied or printed.

#include <nlohmann/json.hpp>
#include <string_view>

namespace llama {

inline constexpr int deepest_json = 64;

/// A text as JSON. A discarded value if it is no JSON, or nested deeper than deepest_json.
template <class Json = nlohmann::json>
Json shallow_json(std::string_view text) {
  bool is_deep = false;
  const auto is_read = [&](int depth, typename Json::parse_event_t, Json&) {
    is_deep = is_deep || depth > deepest_json;
    return !is_deep;
  };
  Json document = Json::parse(text, is_read, false);
  return is_deep ? Json(nlohmann::detail::value_t::discarded) : document;
}

}  // namespace llama
