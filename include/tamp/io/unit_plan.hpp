#pragma once

/// @file
/// Plans of structure as JSON. Needs nlohmann-json (CMake: tamp::json).

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "../error.hpp"
#include "../structure/unit_plan.hpp"
#include "detail/json_format.hpp"
#include "detail/shown.hpp"
#include "save_load.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

template <class Json>
class unit_plan_reader;

template <>
struct json_form<structure::unit_plan> {
  static constexpr std::string_view name = "unit plan", subject = "the unit plan";
  static constexpr const char* version_key = "tamp_unit_plan";
  static constexpr std::uint64_t version = 1;
  static constexpr int deepest = 4;  // a unit of a group
  static constexpr std::string_view texts = "the recipe, a name or a note";
  template <class Json>
  using reader = unit_plan_reader<Json>;
  static std::string text(const nlohmann::ordered_json& json) { return text_in_lines(json); }
};

template <class Json>
class unit_plan_reader : value_reader<structure::unit_plan, Json> {
 public:
  using value_reader<structure::unit_plan, Json>::value_reader;

  structure::unit_plan operator()(const Json& json) const {
    this->check_object(json, {"recipe", "groups", "notes"});
    structure::unit_plan plan;
    plan.recipe = this->text(json, "", "recipe");
    const Json& groups = this->list(json, "groups");
    std::set<std::string> names;
    for (std::size_t k = 0; k < groups.size(); ++k) {
      const std::string place = sentence("groups[", k, ']');
      plan.choices.push_back(choice(groups[k], place));
      if (!names.insert(plan.choices.back().group).second)
        this->refuse(place, " has the name of an earlier one, ", shown(plan.choices.back().group));
    }
    plan.notes = this->texts(json, "notes");
    return plan;
  }

 private:
  structure::unit_choice choice(const Json& json, const std::string& place) const {
    if (!json.is_object()) this->refuse(place, " is not a JSON object");
    this->check_keys(json, place, {"group", "kind", "units", "kept"});
    structure::unit_choice c;
    c.group = this->text(json, place, "group");
    c.kind = this->text(json, place, "kind");
    c.units = this->count(json, place, "units");
    if (!json.contains("kept") || !json["kept"].is_array())
      this->refuse(place, " has no list \"kept\"");
    for (const Json& unit : json["kept"]) {
      if (!unit.is_number_unsigned() && !(unit.is_number_integer() && unit >= 0))
        this->refuse(place, ": a unit that stays is ", shown(dumped(unit)), " and no index");
      c.kept.push_back(unit.template get<std::size_t>());
      const std::size_t n = c.kept.size();
      if (c.kept.back() >= c.units || (n > 1 && c.kept[n - 2] >= c.kept.back()))
        this->refuse(place, " (", shown(c.group), ") keeps unit ", c.kept.back(), " in place ",
                     n - 1, ": the units that stay ascend, and are below ", c.units);
    }
    return c;
  }
};

}  // namespace detail

namespace structure {

/// A plan of structure as JSON: one line for each group, with the indices of the units that stay.
template <class Json>
void to_json(Json& json, const unit_plan& plan) {
  json = tamp::detail::versioned_object<unit_plan, Json>();
  json["recipe"] = plan.recipe;
  Json& groups = json["groups"] = Json::array();
  for (const unit_choice& c : plan.choices) {
    Json entry = Json::object();
    entry["group"] = c.group;
    entry["kind"] = c.kind;
    entry["units"] = c.units;
    entry["kept"] = c.kept;
    groups.push_back(std::move(entry));
  }
  json["notes"] = plan.notes;
}

/// The plan that some JSON holds.
/// @throws file_error if something is missing, of a wrong type or no part of a plan, naming the
///         place; `plan` is as it was then
template <class Json>
void from_json(const Json& json, unit_plan& plan) {
  plan = tamp::detail::unit_plan_reader<Json>("JSON")(json);
}

}  // namespace structure
}  // namespace tamp::inline TAMP_FLAGS
