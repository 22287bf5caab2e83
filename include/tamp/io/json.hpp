#pragma once

/// @file
/// Plans as JSON. Needs nlohmann-json (CMake: tamp::json).

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "../detail/mapped_file.hpp"
#include "../detail/replaced_file.hpp"
#include "../detail/strict_json.hpp"
#include "../error.hpp"
#include "../prune/pruning_plan.hpp"

namespace tamp {
namespace detail {

inline constexpr std::uint64_t plan_version = 1;

/// What keeps a plan from being one, in a sentence; nothing if it is fine.
inline std::string problem_of(const pruning_plan& plan) {
  std::set<std::string_view> names;
  for (std::size_t k = 0; k < plan.layers.size(); ++k) {
    const planned_layer& layer = plan.layers[k];
    if (!(layer.sparsity >= 0 && layer.sparsity <= 1))
      return sentence("layers[", k, "] (", layer.name, ") has a sparsity of ", layer.sparsity,
                      ", which is not in [0, 1]");
    if (layer.rows != 0 && layer.cols > (std::numeric_limits<std::size_t>::max)() / layer.rows)
      return sentence("layers[", k, "] (", layer.name, ") is ", layer.rows, " x ", layer.cols,
                      ", which is too large for a weight");
    if (!layer.tied_to.empty() && !names.contains(layer.tied_to))
      return sentence("layers[", k, "] (", layer.name, ") is tied to ", layer.tied_to,
                      ", which is no layer before it");
    if (!names.insert(layer.name).second)
      return sentence("layers[", k, "] has the name of an earlier one, ", layer.name);
  }
  return {};
}

/// Reads a plan out of JSON that may hold anything. `source` is where it comes from, for errors.
template <class Json>
class plan_reader {
 public:
  explicit plan_reader(std::string_view source) : source_(source) {}

  pruning_plan operator()(const Json& json) const {
    if (!json.is_object()) refuse("the plan is not a JSON object");
    if (!json.contains("tamp_plan")) refuse("is no plan: it has no 'tamp_plan'");
    const std::uint64_t version = count(json, "", "tamp_plan");
    if (version != plan_version)
      refuse("is a plan of version ", version, ", and tamp reads version ", plan_version);
    check_keys(json, "", {"tamp_plan", "recipe", "fewest_tokens", "layers", "notes"});
    pruning_plan plan;
    plan.recipe = text(json, "", "recipe");
    plan.fewest_tokens = count(json, "", "fewest_tokens");
    const Json& layers = list(json, "layers");
    for (std::size_t k = 0; k < layers.size(); ++k)
      plan.layers.push_back(layer(layers[k], sentence("layers[", k, ']')));
    const Json& notes = list(json, "notes");
    for (std::size_t k = 0; k < notes.size(); ++k) {
      if (!notes[k].is_string()) refuse("notes[", k, "] is not a text");
      plan.notes.push_back(notes[k].template get<std::string>());
    }
    if (const std::string problem = problem_of(plan); !problem.empty()) refuse(problem);
    return plan;
  }

 private:
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    raise<file_error>(source_, ": ", parts...);
  }

  planned_layer layer(const Json& json, const std::string& place) const {
    if (!json.is_object()) refuse(place, " is not a JSON object");
    check_keys(json, place, {"name", "block", "rows", "cols", "sparsity", "excluded", "tied_to"});
    planned_layer layer;
    layer.name = text(json, place, "name");
    layer.block = count(json, place, "block");
    layer.rows = count(json, place, "rows");
    layer.cols = count(json, place, "cols");
    const Json& sparsity = member(json, place, "sparsity");
    if (!sparsity.is_number()) refuse(named(place, "sparsity"), " is not a number");
    layer.sparsity = sparsity.template get<double>();
    if (json.contains("excluded")) {
      const Json& excluded = member(json, place, "excluded");
      if (!excluded.is_boolean()) refuse(named(place, "excluded"), " is neither true nor false");
      layer.excluded = excluded.template get<bool>();
    }
    if (json.contains("tied_to")) layer.tied_to = text(json, place, "tied_to");
    return layer;
  }

  // So that a misspelt key in a plan edited by hand does not go unnoticed.
  void check_keys(const Json& json, std::string_view place,
                  std::initializer_list<std::string_view> known) const {
    for (const auto& [key, value] : json.items()) {
      bool found = false;
      for (const std::string_view name : known) found |= key == name;
      if (!found) refuse(named(place, key), " is no part of a plan");
    }
  }

  const Json& member(const Json& json, std::string_view place, const char* key) const {
    const auto found = json.find(key);
    if (found == json.end()) refuse(named(place, key), " is missing");
    return *found;
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
  std::size_t count(const Json& json, std::string_view place, const char* key) const {
    const Json& value = member(json, place, key);
    // A count of more than 64 bits is read as a floating-point number.
    if (!value.is_number_unsigned()) refuse(named(place, key), " is not a count");
    return value.template get<std::size_t>();
  }

  static std::string named(std::string_view place, std::string_view key) {
    return sentence(place, place.empty() ? "" : ".", key);
  }

  std::string_view source_;
};

/// An object as text on one line, with a space after each comma and colon.
inline std::string on_one_line(const nlohmann::ordered_json& json) {
  constexpr auto replace = nlohmann::ordered_json::error_handler_t::replace;
  if (!json.is_object()) return json.dump(-1, ' ', false, replace);
  std::string text;
  for (const auto& [key, value] : json.items())
    text += sentence(text.empty() ? "{" : ", ", '"', key, "\": ", on_one_line(value));
  return text + '}';
}

/// A plan as text: one line for each layer and each note.
inline std::string text_of(const nlohmann::ordered_json& plan) {
  std::string text;
  for (const auto& [key, value] : plan.items()) {
    text += sentence(text.empty() ? "{\n" : ",\n", "  \"", key, "\": ");
    if (!value.is_array() || value.empty()) {
      text += on_one_line(value);
      continue;
    }
    for (std::size_t k = 0; k < value.size(); ++k)
      text += sentence(k == 0 ? "[\n    " : ",\n    ", on_one_line(value[k]));
    text += "\n  ]";
  }
  return text + "\n}\n";
}

}  // namespace detail

/// A plan as JSON: `nlohmann::ordered_json json = plan`, which keeps the order, or nlohmann::json.
template <class Json>
void to_json(Json& json, const pruning_plan& plan) {
  json = Json::object();
  json["tamp_plan"] = detail::plan_version;
  json["recipe"] = plan.recipe;
  json["fewest_tokens"] = plan.fewest_tokens;
  Json& layers = json["layers"] = Json::array();
  for (const planned_layer& layer : plan.layers) {
    Json entry = Json::object();
    entry["name"] = layer.name;
    entry["block"] = layer.block;
    entry["rows"] = layer.rows;
    entry["cols"] = layer.cols;
    entry["sparsity"] = layer.sparsity;
    if (layer.excluded) entry["excluded"] = true;
    if (!layer.tied_to.empty()) entry["tied_to"] = layer.tied_to;
    layers.push_back(std::move(entry));
  }
  json["notes"] = plan.notes;
}

/// The plan that some JSON holds.
/// @throws file_error if something is missing, of a wrong type, out of range or no part of a plan,
///         naming the place; `plan` is as it was then
template <class Json>
void from_json(const Json& json, pruning_plan& plan) {
  plan = detail::plan_reader<Json>("JSON")(json);
}

namespace io {

/// Saves a plan, for people to read and edit: indented text, one line a layer. Every sparsity is
/// read back to the bit. The file is put in place of an older one in one step.
/// @throws file_error if the file cannot be written, or load_plan would refuse it
inline void save_plan(const std::filesystem::path& path, const pruning_plan& plan) {
  tamp::detail::replaced_file file(path);
  if (const std::string problem = tamp::detail::problem_of(plan); !problem.empty())
    tamp::detail::raise<file_error>(file.name(), ": ", problem);
  const nlohmann::ordered_json json = plan;
  const std::string text = tamp::detail::text_of(json);
  if (nlohmann::ordered_json::parse(text, nullptr, false) != json)
    tamp::detail::raise<file_error>(file.name(),
                                    ": the recipe, a name or a note is not valid UTF-8");
  file.open(text);
  file.commit();
}

/// Reads a plan that save_plan has written, or a person.
/// @throws file_error if the file cannot be read, is no plan, is of another version, or says what
///         no plan can say, naming the place: "plan.json: layers[3].sparsity is missing"
inline pruning_plan load_plan(const std::filesystem::path& path) {
  const tamp::detail::mapped_file file(path);
  const auto bytes = file.bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  constexpr int deepest = 3;  // a layer's members lie three levels deep
  const auto json = tamp::detail::parse_object(text, deepest, file.name(), "the plan");
  return tamp::detail::plan_reader<nlohmann::json>(file.name())(json);
}

}  // namespace io
}  // namespace tamp
