#pragma once

/// @file
/// What a ranking of layers has evaluated, as JSON. Needs nlohmann-json (CMake: tamp::json).

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "../compute/layer_ranking.hpp"
#include "../element.hpp"
#include "../error.hpp"
#include "detail/mapped_file.hpp"
#include "detail/replaced_file.hpp"
#include "detail/strict_json.hpp"
#include "json.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

inline constexpr std::uint64_t evaluated_sets_version = 1;

template <class Json>
class evaluated_sets_reader : strict_reader<Json> {
 public:
  explicit evaluated_sets_reader(std::string_view source)
      : strict_reader<Json>(source, "list of evaluated sets") {}

  compute::evaluated_sets operator()(const Json& json) const {
    this->check_version(json, "tamp_evaluated_sets", evaluated_sets_version);
    this->check_keys(json, "", {"tamp_evaluated_sets", "sets"});
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

/// Evaluated sets as JSON. Infinity, for which JSON has no number, is the text "inf" or "-inf".
template <class Json>
void to_json(Json& json, const evaluated_sets& known) {
  json = Json::object();
  json["tamp_evaluated_sets"] = detail::evaluated_sets_version;
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

/// @throws file_error if the JSON holds anything else, naming the place; `known` is as it was then
template <class Json>
void from_json(const Json& json, evaluated_sets& known) {
  known = detail::evaluated_sets_reader<Json>("JSON")(json);
}

}  // namespace compute

namespace io {

/// Saves what a ranking has evaluated, a line a set; every divergence is read back to the bit. The
/// file is put in place of an older one in one step: call it from the ranking's callback, and an
/// interrupted ranking loses nothing.
/// @throws file_error if the file cannot be written
inline void save_evaluated_sets(const std::filesystem::path& path,
                                const compute::evaluated_sets& known) {
  tamp::detail::replaced_file file(path);
  const nlohmann::ordered_json json = known;
  file.open(tamp::detail::text_of(json));
  file.commit();
}

/// Reads what save_evaluated_sets has written.
/// @throws file_error if the file cannot be read or holds anything else, naming the place
inline compute::evaluated_sets load_evaluated_sets(const std::filesystem::path& path) {
  const tamp::detail::mapped_file file(path);
  constexpr int deepest = 4;  // a layer's number lies four levels deep
  return tamp::detail::evaluated_sets_reader<nlohmann::json>(file.name())(
      tamp::detail::parse_object(file.text(), deepest, file.name(), "the list"));
}

}  // namespace io
}  // namespace tamp::inline TAMP_FLAGS
