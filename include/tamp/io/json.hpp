#pragma once

/// @file
/// Plans as JSON. Needs nlohmann-json (CMake: tamp::json).

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../prune/pruning_plan.hpp"
#include "detail/mapped_file.hpp"
#include "detail/replaced_file.hpp"
#include "detail/strict_json.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

inline constexpr std::uint64_t plan_version = 1;

/// What keeps a plan from being one, in a sentence; nothing if it is fine.
inline std::string problem_of(const pruning_plan& plan) {
  std::set<std::string_view> names;
  for (std::size_t k = 0; k < plan.layers.size(); ++k) {
    const planned_layer& layer = plan.layers[k];
    if (!is_fraction(layer.sparsity))
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

template <class Json>
class plan_reader : strict_reader<Json> {
 public:
  explicit plan_reader(std::string_view source) : strict_reader<Json>(source, "plan") {}

  pruning_plan operator()(const Json& json) const {
    this->check_version(json, "tamp_plan", plan_version);
    this->check_keys(json, "", {"tamp_plan", "recipe", "fewest_tokens", "layers", "notes"});
    pruning_plan plan;
    plan.recipe = this->text(json, "", "recipe");
    plan.fewest_tokens = this->count(json, "", "fewest_tokens");
    const Json& layers = this->list(json, "layers");
    for (std::size_t k = 0; k < layers.size(); ++k)
      plan.layers.push_back(layer(layers[k], sentence("layers[", k, ']')));
    const Json& notes = this->list(json, "notes");
    for (std::size_t k = 0; k < notes.size(); ++k) {
      if (!notes[k].is_string()) this->refuse("notes[", k, "] is not a text");
      plan.notes.push_back(notes[k].template get<std::string>());
    }
    if (const std::string problem = problem_of(plan); !problem.empty()) this->refuse(problem);
    for (std::size_t k = 0; k < plan.layers.size(); ++k)
      if (const planned_layer& l = plan.layers[k]; l.drop && !l.counted())
        this->refuse("layers[", k, "] (", l.name, ") drops ", *l.drop, " of ", l.size(),
                     " weights, and has a sparsity of ", l.sparsity, ", which drops ",
                     drop_count(l.size(), l.sparsity), "; the sparsity alone would do");
    return plan;
  }

 private:
  planned_layer layer(const Json& json, const std::string& place) const {
    if (!json.is_object()) this->refuse(place, " is not a JSON object");
    this->check_keys(json, place,
                     {"name", "block", "rows", "cols", "sparsity", "drop", "excluded", "tied_to"});
    planned_layer layer;
    layer.name = this->text(json, place, "name");
    layer.block = this->count(json, place, "block");
    layer.rows = this->count(json, place, "rows");
    layer.cols = this->count(json, place, "cols");
    layer.sparsity = this->number(json, place, "sparsity");
    if (json.contains("drop")) layer.drop = this->count(json, place, "drop");
    if (json.contains("excluded")) {
      const Json& excluded = this->member(json, place, "excluded");
      if (!excluded.is_boolean())
        this->refuse(this->named(place, "excluded"), " is neither true nor false");
      layer.excluded = excluded.template get<bool>();
    }
    if (json.contains("tied_to")) layer.tied_to = this->text(json, place, "tied_to");
    return layer;
  }
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
    if (const auto count = layer.counted()) entry["drop"] = *count;
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
/// read back to the bit, and a number of weights that was decided on stands beside it ("drop"). The
/// file is put in place of an older one in one step.
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
  constexpr int deepest = 3;  // a layer's members lie three levels deep
  const auto json = tamp::detail::parse_object(file.text(), deepest, file.name(), "the plan");
  return tamp::detail::plan_reader<nlohmann::json>(file.name())(json);
}

}  // namespace io
}  // namespace tamp::inline TAMP_FLAGS
