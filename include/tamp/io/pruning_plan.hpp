#pragma once

/// @file
/// Pruning plans as JSON. Needs nlohmann-json (CMake: tamp::json).

#include <cstddef>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../prune/pruning_plan.hpp"
#include "detail/json_format.hpp"
#include "detail/shown.hpp"
#include "save_load.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

/// The reason why these layers make no plan, in a sentence; empty if they make one.
inline std::string problem_of(const pruning_plan& plan) {
  std::set<std::string_view> names;
  for (std::size_t k = 0; k < plan.layers.size(); ++k) {
    const planned_layer& layer = plan.layers[k];
    if (!is_fraction(layer.sparsity))
      return sentence("layers[", k, "] (", shown(layer.name), ") has a sparsity of ",
                      layer.sparsity, ", which is not in [0, 1]");
    if (layer.rows != 0 && layer.cols > (std::numeric_limits<std::size_t>::max)() / layer.rows)
      return sentence("layers[", k, "] (", shown(layer.name), ") is ", layer.rows, " x ",
                      layer.cols, ", which is too large for a weight");
    if (!layer.tied_to.empty() && !names.contains(layer.tied_to))
      return sentence("layers[", k, "] (", shown(layer.name), ") is tied to ", shown(layer.tied_to),
                      ", which is no layer before it");
    if (!names.insert(layer.name).second)
      return sentence("layers[", k, "] has the name of an earlier one, ", shown(layer.name));
  }
  return {};
}

template <class Json>
class plan_reader;

template <>
struct json_form<pruning_plan> {
  static constexpr std::string_view name = "plan", subject = "the plan";
  static constexpr const char* version_key = "tamp_plan";
  static constexpr std::uint64_t version = 1;
  static constexpr int deepest = 3;  // a member of a layer
  static constexpr std::string_view texts = "the recipe, a name or a note";
  template <class Json>
  using reader = plan_reader<Json>;
  static std::string text(const nlohmann::ordered_json& json) { return text_in_lines(json); }
};

template <class Json>
class plan_reader : value_reader<pruning_plan, Json> {
 public:
  using value_reader<pruning_plan, Json>::value_reader;

  pruning_plan operator()(const Json& json) const {
    this->check_object(json, {"recipe", "fewest_tokens", "layers", "notes"});
    pruning_plan plan;
    plan.recipe = this->text(json, "", "recipe");
    plan.fewest_tokens = this->count(json, "", "fewest_tokens");
    const Json& layers = this->list(json, "layers");
    for (std::size_t k = 0; k < layers.size(); ++k)
      plan.layers.push_back(layer(layers[k], sentence("layers[", k, ']')));
    plan.notes = this->texts(json, "notes");
    if (const std::string problem = problem_of(plan); !problem.empty()) this->refuse(problem);
    for (std::size_t k = 0; k < plan.layers.size(); ++k)
      if (const planned_layer& l = plan.layers[k]; l.drop && !l.counted())
        this->refuse("layers[", k, "] (", shown(l.name), ") drops ", *l.drop, " of ", l.size(),
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
    if (json.contains("excluded")) layer.excluded = this->truth(json, place, "excluded");
    if (json.contains("tied_to")) layer.tied_to = this->text(json, place, "tied_to");
    return layer;
  }
};

}  // namespace detail

/// A plan as JSON: `nlohmann::ordered_json json = plan`, which keeps the order, or nlohmann::json.
///
/// In files, which io::save and io::load write and read, a plan is text for people to read and
/// edit, one line a layer. Every sparsity is read back to the bit, and a number of weights that was
/// decided on stands beside it ("drop").
template <class Json>
void to_json(Json& json, const pruning_plan& plan) {
  json = detail::versioned_object<pruning_plan, Json>();
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

}  // namespace tamp::inline TAMP_FLAGS
