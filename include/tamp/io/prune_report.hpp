#pragma once

/// @file
/// Reports of pruned models as JSON. Needs nlohmann-json (CMake: tamp::json).

#include <cstddef>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../prune/report.hpp"
#include "detail/json_format.hpp"
#include "detail/shown.hpp"
#include "save_load.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

template <class Json>
class report_reader;

template <>
struct json_form<prune_report> {
  static constexpr std::string_view name = "report", subject = "the report";
  static constexpr const char* version_key = "tamp_report";
  static constexpr std::uint64_t version = 1;
  static constexpr int deepest = 4;  // a time of a layer
  static constexpr std::string_view texts = "the recipe, a name or a note";
  template <class Json>
  using reader = report_reader<Json>;
  static std::string text(const nlohmann::ordered_json& json) { return text_in_lines(json); }
};

template <class Json>
class report_reader : value_reader<prune_report, Json> {
 public:
  using value_reader<prune_report, Json>::value_reader;

  prune_report operator()(const Json& json) const {
    this->check_object(json, {"recipe", "achieved", "cancelled", "next", "unfinished",
                              "calibrate_seconds", "layers", "notes"});
    prune_report report;
    report.recipe = this->text(json, "", "recipe");
    report.cancelled = this->truth(json, "", "cancelled");
    report.next = this->text(json, "", "next");
    report.unfinished = this->text(json, "", "unfinished");
    report.calibrate = nonnegative(json, "", "calibrate_seconds");
    const Json& layers = this->list(json, "layers");
    for (std::size_t k = 0; k < layers.size(); ++k)
      report.layers.push_back(layer(layers[k], sentence("layers[", k, ']')));
    report.notes = this->texts(json, "notes");
    return report;
  }

  layer_report layer(const Json& json, const std::string& place) const {
    if (!json.is_object()) this->refuse(place, " is not a JSON object");
    this->check_keys(json, place,
                     {"name", "block", "rows", "cols", "asked", "drop", "achieved", "kept",
                      "kept_zeros", "score", "fell_back", "tokens", "dead_inputs", "excluded",
                      "tied_to", "note", "error", "seconds"});
    layer_report layer;
    layer.name = this->text(json, place, "name");
    layer.block = this->count(json, place, "block");
    layer.rows = this->count(json, place, "rows");
    layer.cols = this->count(json, place, "cols");
    layer.asked = this->number(json, place, "asked");
    if (json.contains("drop")) layer.drop = this->count(json, place, "drop");
    layer.kept = this->count(json, place, "kept");
    layer.kept_zeros = this->count(json, place, "kept_zeros");
    layer.score = this->text(json, place, "score");
    layer.fell_back = this->truth(json, place, "fell_back");
    layer.tokens = this->count(json, place, "tokens");
    layer.dead_inputs = this->count(json, place, "dead_inputs");
    layer.excluded = this->truth(json, place, "excluded");
    layer.tied_to = this->text(json, place, "tied_to");
    layer.note = this->text(json, place, "note");
    if (json.contains("error")) layer.error = errors(json, place);
    const Json& times = this->object(json, place, "seconds");
    const std::string of_times = this->named(place, "seconds");
    this->check_keys(times, of_times, {"observe", "select", "apply"});
    layer.observe = nonnegative(times, of_times, "observe");
    layer.select = nonnegative(times, of_times, "select");
    layer.apply = nonnegative(times, of_times, "apply");
    check_counts(layer, place);
    return layer;
  }

 private:
  refine::layer_errors errors(const Json& json, const std::string& place) const {
    const Json& error = this->object(json, place, "error");
    const std::string of_error = this->named(place, "error");
    this->check_keys(error, of_error, {"before", "after", "swaps"});
    return {nonnegative(error, of_error, "before"), nonnegative(error, of_error, "after"),
            this->count(error, of_error, "swaps")};
  }
  double nonnegative(const Json& json, const std::string& place, const char* key) const {
    const double value = this->number(json, place, key);
    if (!is_nonnegative(value)) this->refuse(this->named(place, key), " is ", value);
    return value;
  }
  void check_counts(const layer_report& layer, const std::string& place) const {
    const std::string name = sentence(place, " (", shown(layer.name), ')');
    if (layer.rows != 0 && layer.cols > (std::numeric_limits<std::size_t>::max)() / layer.rows)
      this->refuse(name, " is ", layer.rows, " x ", layer.cols,
                   ", which is too large for a weight");
    if (!is_fraction(layer.asked))
      this->refuse(name, " was to have a sparsity of ", layer.asked, ", which is not in [0, 1]");
    if (layer.drop && *layer.drop > layer.size())
      this->refuse(name, " was to lose ", *layer.drop, " of ", layer.size(), " weights");
    if (layer.kept > layer.size() || layer.kept_zeros > layer.kept)
      this->refuse(name, " kept ", layer.kept, " of ", layer.size(), " weights, of which ",
                   layer.kept_zeros, " are zero");
  }
};

}  // namespace detail

/// The report of one layer as JSON. "achieved" is for readers; from_json counts again.
template <class Json>
void to_json(Json& json, const layer_report& layer) {
  json = Json::object();
  json["name"] = layer.name;
  json["block"] = layer.block;
  json["rows"] = layer.rows;
  json["cols"] = layer.cols;
  json["asked"] = layer.asked;
  if (layer.drop) json["drop"] = *layer.drop;
  json["achieved"] = layer.achieved();
  json["kept"] = layer.kept;
  json["kept_zeros"] = layer.kept_zeros;
  json["score"] = layer.score;
  json["fell_back"] = layer.fell_back;
  json["tokens"] = layer.tokens;
  json["dead_inputs"] = layer.dead_inputs;
  json["excluded"] = layer.excluded;
  json["tied_to"] = layer.tied_to;
  json["note"] = layer.note;
  if (layer.error) {
    Json& error = json["error"] = Json::object();
    error["before"] = layer.error->before;
    error["after"] = layer.error->after;
    error["swaps"] = layer.error->swaps;
  }
  Json& seconds = json["seconds"] = Json::object();
  seconds["observe"] = layer.observe;
  seconds["select"] = layer.select;
  seconds["apply"] = layer.apply;
}
/// @throws file_error as for a whole report
template <class Json>
void from_json(const Json& json, layer_report& layer) {
  layer = detail::report_reader<Json>("JSON").layer(json, "the layer");
}

/// A report as JSON, for files that io::save and io::load write and read: one line a layer, so that
/// pruning can go on from it in another process (see prune_model).
template <class Json>
void to_json(Json& json, const prune_report& report) {
  json = detail::versioned_object<prune_report, Json>();
  json["recipe"] = report.recipe;
  json["achieved"] = report.achieved();
  json["cancelled"] = report.cancelled;
  json["next"] = report.next;
  json["unfinished"] = report.unfinished;
  json["calibrate_seconds"] = report.calibrate;
  Json& layers = json["layers"] = Json::array();
  for (const layer_report& layer : report.layers) {
    Json entry;
    to_json(entry, layer);
    layers.push_back(std::move(entry));
  }
  json["notes"] = report.notes;
}
/// @throws file_error if something is missing, of a wrong type, out of range or no part of a
///         report, naming the place; `report` is as it was then
template <class Json>
void from_json(const Json& json, prune_report& report) {
  report = detail::report_reader<Json>("JSON")(json);
}

}  // namespace tamp::inline TAMP_FLAGS
