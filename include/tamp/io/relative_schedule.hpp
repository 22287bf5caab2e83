#pragma once

/// @file
/// Schedules in fractions of the tokens as JSON. Needs nlohmann-json (CMake: tamp::json).

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "../config.hpp"
#include "../detail/number_range.hpp"
#include "../token/relative_schedule.hpp"
#include "detail/json_format.hpp"
#include "save_load.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

template <class Json>
class relative_schedule_reader;

template <>
struct json_form<token::relative_schedule> {
  static constexpr std::string_view name = "relative schedule", subject = "the relative schedule";
  static constexpr const char* version_key = "tamp_relative_schedule";
  static constexpr std::uint64_t version = 1;
  static constexpr int deepest = 2;  // a number of the list
  template <class Json>
  using reader = relative_schedule_reader<Json>;
  static std::string text(const nlohmann::ordered_json& json) { return dumped(json); }
};

template <class Json>
class relative_schedule_reader : value_reader<token::relative_schedule, Json> {
 public:
  using value_reader<token::relative_schedule, Json>::value_reader;

  token::relative_schedule operator()(const Json& json) const {
    using token::departure;
    this->check_object(json, {"drops", "leave", "rounding"});
    token::relative_schedule s;
    s.drops = this->numbers(json, "drops");
    s.leave = this->one_of(
        json, "leave",
        {departure::after_attention, departure::after_layer, departure::before_layer}, s.leave);
    s.rounding =
        this->one_of(json, "rounding", {token::rounding::down, token::rounding::up}, s.rounding);
    double sum = 0;
    for (std::size_t l = 0; l < s.drops.size(); ++l) {
      if (!is_fraction(s.drops[l]))
        this->refuse("drops[", l, "] is ", s.drops[l], ", which is not in [0, 1]");
      sum += s.drops[l];
    }
    if (sum > 1 + 1e-9) this->refuse("drops are ", sum, " together, which is more than 1");
    return s;
  }
};

}  // namespace detail

namespace token {

/// A relative schedule as JSON, in files too:
///
///     {"tamp_relative_schedule":1,"drops":[0.0,0.25],"leave":"after_attention","rounding":"up"}
///
/// Without "leave" the tokens leave after the attention, and without "rounding" it is down.
template <class Json>
void to_json(Json& json, const relative_schedule& s) {
  tamp::detail::check_departure("relative_schedule", s.leave);
  tamp::detail::check_rounding(s.rounding);
  json = detail::versioned_object<relative_schedule, Json>();
  json["drops"] = s.drops;
  json["leave"] = name_of(s.leave);
  json["rounding"] = name_of(s.rounding);
}

/// The relative schedule that some JSON holds.
/// @throws file_error if the JSON holds anything else, naming the place; `s` is as it was then
template <class Json>
void from_json(const Json& json, relative_schedule& s) {
  s = detail::relative_schedule_reader<Json>("JSON")(json);
}

}  // namespace token
}  // namespace tamp::inline TAMP_FLAGS
