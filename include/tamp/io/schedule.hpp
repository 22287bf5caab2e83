#pragma once

/// @file
/// Schedules of token selection as JSON. Needs nlohmann-json (CMake: tamp::json).

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "../config.hpp"
#include "../token/schedule.hpp"
#include "detail/json_format.hpp"
#include "save_load.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

template <class Json>
class schedule_reader;

template <>
struct json_form<token::schedule> {
  static constexpr std::string_view name = "schedule", subject = "the schedule";
  static constexpr const char* version_key = "tamp_schedule";
  static constexpr std::uint64_t version = 1;
  static constexpr int deepest = 2;  // a number of the list
  template <class Json>
  using reader = schedule_reader<Json>;
  static std::string text(const nlohmann::ordered_json& json) { return dumped(json); }
};

template <class Json>
class schedule_reader : value_reader<token::schedule, Json> {
 public:
  using value_reader<token::schedule, Json>::value_reader;

  token::schedule operator()(const Json& json) const {
    this->check_object(json, {"drops", "leave"});
    using token::departure;
    return {
        this->counts(json, "drops"),
        this->one_of(json, "leave",
                     {departure::after_attention, departure::after_layer, departure::before_layer},
                     departure::after_attention)};
  }
};

}  // namespace detail

namespace token {

/// A schedule as JSON, in files too:
///
///     {"tamp_schedule":1,"drops":[0,0,12],"leave":"before_layer"}
///
/// Without "leave" the tokens leave after the attention.
template <class Json>
void to_json(Json& json, const schedule& s) {
  tamp::detail::check_departure("schedule", s.leave);
  json = detail::versioned_object<schedule, Json>();
  json["drops"] = s.drops;
  json["leave"] = name_of(s.leave);
}

/// The schedule that some JSON holds.
/// @throws file_error if the JSON holds anything else, naming the place; `s` is as it was then
template <class Json>
void from_json(const Json& json, schedule& s) {
  s = detail::schedule_reader<Json>("JSON")(json);
}

}  // namespace token
}  // namespace tamp::inline TAMP_FLAGS
