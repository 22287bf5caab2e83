#pragma once

/// @file
/// Schedules of token selection as JSON. Needs nlohmann-json (CMake: tamp::json).

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "../error.hpp"
#include "../token/schedule.hpp"
#include "detail/mapped_file.hpp"
#include "detail/replaced_file.hpp"
#include "detail/strict_json.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

inline constexpr std::uint64_t schedule_version = 1;

template <class Json>
class schedule_reader : strict_reader<Json> {
 public:
  explicit schedule_reader(std::string_view source) : strict_reader<Json>(source, "schedule") {}

  token::schedule operator()(const Json& json) const {
    this->check_version(json, "tamp_schedule", schedule_version);
    this->check_keys(json, "", {"tamp_schedule", "drops"});
    return {this->counts(json, "drops")};
  }
};

}  // namespace detail

namespace token {

/// A schedule as JSON: {"tamp_schedule": 1, "drops": [0, 0, 12]}.
template <class Json>
void to_json(Json& json, const schedule& s) {
  json = Json::object();
  json["tamp_schedule"] = detail::schedule_version;
  json["drops"] = s.drops;
}

/// @throws file_error if the JSON holds anything else; `s` is as it was then
template <class Json>
void from_json(const Json& json, schedule& s) {
  s = detail::schedule_reader<Json>("JSON")(json);
}

}  // namespace token

namespace io {

/// Saves a schedule, for people to read and edit. The file is put in place of an older one in one
/// step.
/// @throws file_error if the file cannot be written
inline void save_schedule(const std::filesystem::path& path, const token::schedule& s) {
  tamp::detail::replaced_file file(path);
  const nlohmann::ordered_json json = s;
  file.open(json.dump() + '\n');
  file.commit();
}

/// Reads a schedule that save_schedule has written, or a person.
/// @throws file_error if the file cannot be read or is no schedule, naming the place
inline token::schedule load_schedule(const std::filesystem::path& path) {
  const tamp::detail::mapped_file file(path);
  return tamp::detail::schedule_reader<nlohmann::json>(file.name())(
      tamp::detail::parse_object(file.text(), 2, file.name(), "the schedule"));
}

}  // namespace io
}  // namespace tamp::inline TAMP_FLAGS
