#pragma once

/// @file
/// Sets of layers that a ranking has evaluated, as JSON. Needs nlohmann-json (CMake: tamp::json).

#include <cstddef>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "../compute/layer_ranking.hpp"
#include "../element.hpp"
#include "../error.hpp"
#include "detail/json_format.hpp"
#include "save_load.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

template <class Json>
class evaluated_sets_reader;

template <>
struct json_form<compute::evaluated_sets> {
  static constexpr std::string_view name = "list of evaluated sets", subject = "the list";
  static constexpr const char* version_key = "tamp_evaluated_sets";
  static constexpr std::uint64_t version = 1;
  static constexpr int deepest = 4;  // a layer's number
  template <class Json>
  using reader = evaluated_sets_reader<Json>;
  static std::string text(const nlohmann::ordered_json& json) { return text_in_lines(json); }
};

template <class Json>
class evaluated_sets_reader : value_reader<compute::evaluated_sets, Json> {
 public:
  using value_reader<compute::evaluated_sets, Json>::value_reader;

  compute::evaluated_sets operator()(const Json& json) const {
    this->check_object(json, {"sets"});
    compute::evaluated_sets known;
    const Json& sets = this->list(json, "sets");
    for (std::size_t k = 0; k < sets.size(); ++k) add(sets[k], sentence("sets[", k, ']'), known);
    return known;
  }

 private:
  void add(const Json& json, const std::string& place, compute::evaluated_sets& known) const {
    if (!json.is_object()) this->refuse(place, " is not a JSON object");
    this->check_keys(json, place, {"layers", "divergence"});
    const Json& list = this->member(json, place, "layers");
    if (!list.is_array()) this->refuse(place, ".layers is not a list");
    compute::evaluated_sets::set layers;
    for (const Json& layer : list) {
      if (!layer.is_number_unsigned())
        this->refuse(place, ".layers[", layers.size(), "] is not a count");
      layers.push_back(layer.template get<std::size_t>());
    }
    const double divergence = number_or_infinity(json, place);
    if (const std::string problem = problem_of(layers, divergence); !problem.empty())
      this->refuse(place, ": ", problem);
    if (known.find(layers))
      this->refuse(place, ": the layers ", set_text(layers), " are there twice");
    known.insert(layers, divergence);
  }

  double number_or_infinity(const Json& json, const std::string& place) const {
    const Json& value = this->member(json, place, "divergence");
    if (value == "inf") return std::numeric_limits<double>::infinity();
    if (value == "-inf") return -std::numeric_limits<double>::infinity();
    return this->number(json, place, "divergence");
  }
};

}  // namespace detail

namespace compute {

/// Evaluated sets as JSON. Infinity, for which JSON has no number, is the text "inf" or "-inf". In
/// files there is a line for each set, and every divergence is read back to the bit. Call io::save
/// from the ranking's callback, and an interrupted ranking loses nothing.
template <class Json>
void to_json(Json& json, const evaluated_sets& known) {
  json = detail::versioned_object<evaluated_sets, Json>();
  Json& sets = json["sets"] = Json::array();
  for (const auto& [layers, divergence] : known) {
    Json entry = Json::object();
    entry["layers"] = layers;
    if (is_finite(divergence))
      entry["divergence"] = divergence;
    else
      entry["divergence"] = divergence > 0 ? "inf" : "-inf";
    sets.push_back(std::move(entry));
  }
}

/// The evaluated sets that some JSON holds.
/// @throws file_error if the JSON holds anything else, naming the place; `known` is as it was then
template <class Json>
void from_json(const Json& json, evaluated_sets& known) {
  known = detail::evaluated_sets_reader<Json>("JSON")(json);
}

}  // namespace compute
}  // namespace tamp::inline TAMP_FLAGS
