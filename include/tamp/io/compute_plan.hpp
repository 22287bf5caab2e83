#pragma once

/// @file
/// Plans of everything that an engine computes less of, as JSON. Needs nlohmann-json (CMake:
/// tamp::json).

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "../compute/compute_plan.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "detail/mapped_file.hpp"
#include "detail/replaced_file.hpp"
#include "detail/strict_json.hpp"
#include "json.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

inline constexpr std::uint64_t compute_plan_version = 1;

template <class Json>
class compute_plan_reader : strict_reader<Json> {
 public:
  explicit compute_plan_reader(std::string_view source)
      : strict_reader<Json>(source, "compute plan") {}

  compute::compute_plan operator()(const Json& json) const {
    this->check_version(json, "tamp_compute_plan", compute_plan_version);
    this->check_keys(json, "",
                     {"tamp_compute_plan", "budget", "selector", "drops", "reduced_layers",
                      "dynamic_ffn", "hollow_attention", "multiply_adds", "weights"});
    compute::compute_plan plan;
    plan.budget = fraction(json, "", "budget");
    plan.selector = this->text(json, "", "selector");
    plan.tokens.drops = this->counts(json, "drops");
    plan.reduced_layers = this->counts(json, "reduced_layers");
    const auto& layers = plan.reduced_layers;
    if (std::adjacent_find(layers.begin(), layers.end(), std::greater_equal<>()) != layers.end())
      this->refuse("reduced_layers is not ascending");
    const Json& ffn = this->object(json, "", "dynamic_ffn");
    this->check_keys(ffn, "dynamic_ffn", {"keep_ratio", "probe_every"});
    plan.ffn.keep_ratio = fraction(ffn, "dynamic_ffn", "keep_ratio");
    plan.ffn.probe_every = this->count(ffn, "dynamic_ffn", "probe_every");
    if (plan.ffn.probe_every == 0) this->refuse("dynamic_ffn.probe_every is 0");
    const Json& attention = this->object(json, "", "hollow_attention");
    this->check_keys(attention, "hollow_attention", {"window"});
    plan.attention.window = this->count(attention, "hollow_attention", "window");
    const Json& sums = this->object(json, "", "multiply_adds");
    this->check_keys(sums, "multiply_adds",
                     {"dense", "after_tokens", "after_visual", "after_weights"});
    plan.dense = this->count(sums, "multiply_adds", "dense");
    plan.after_tokens = this->count(sums, "multiply_adds", "after_tokens");
    plan.after_visual = this->count(sums, "multiply_adds", "after_visual");
    plan.after_weights = this->count(sums, "multiply_adds", "after_weights");
    if (plan.after_tokens > plan.dense || plan.after_visual > plan.after_tokens ||
        plan.after_weights > plan.after_visual)
      this->refuse("multiply_adds grow from part to part");
    plan.weights =
        plan_reader<Json>(sentence(this->source_, ": weights"))(this->object(json, "", "weights"));
    return plan;
  }

 private:
  double fraction(const Json& json, std::string_view place, const char* key) const {
    const double value = this->number(json, place, key);
    if (!is_fraction(value))
      this->refuse(this->named(place, key), " is ", value, ", which is not in [0, 1]");
    return value;
  }
};

}  // namespace detail

namespace compute {

/// A compute plan as JSON; its weights are a plan as tamp/io/json.hpp writes it.
template <class Json>
void to_json(Json& json, const compute_plan& plan) {
  json = Json::object();
  json["tamp_compute_plan"] = detail::compute_plan_version;
  json["budget"] = plan.budget;
  json["selector"] = plan.selector;
  json["drops"] = plan.tokens.drops;
  json["reduced_layers"] = plan.reduced_layers;
  json["dynamic_ffn"]["keep_ratio"] = plan.ffn.keep_ratio;
  json["dynamic_ffn"]["probe_every"] = plan.ffn.probe_every;
  json["hollow_attention"]["window"] = plan.attention.window;
  Json& sums = json["multiply_adds"] = Json::object();
  sums["dense"] = plan.dense;
  sums["after_tokens"] = plan.after_tokens;
  sums["after_visual"] = plan.after_visual;
  sums["after_weights"] = plan.after_weights;
  json["weights"] = plan.weights;
}

/// @throws file_error if the JSON holds anything else, naming the place; `plan` is as it was then
template <class Json>
void from_json(const Json& json, compute_plan& plan) {
  plan = detail::compute_plan_reader<Json>("JSON")(json);
}

}  // namespace compute

namespace io {

/// Saves a compute plan, for people to read and edit. The file is put in place of an older one in
/// one step.
/// @throws file_error if the file cannot be written, or load_compute_plan would refuse it
inline void save_compute_plan(const std::filesystem::path& path,
                              const compute::compute_plan& plan) {
  tamp::detail::replaced_file file(path);
  const nlohmann::ordered_json json = plan;
  tamp::detail::compute_plan_reader<nlohmann::ordered_json>{file.name()}(json);
  constexpr auto replace = nlohmann::ordered_json::error_handler_t::replace;
  const std::string text = json.dump(2, ' ', false, replace) + '\n';
  if (nlohmann::ordered_json::parse(text, nullptr, false) != json)
    tamp::detail::raise<file_error>(file.name(),
                                    ": the selector or a text of the weights is not valid UTF-8");
  file.open(text);
  file.commit();
}

/// Reads a compute plan that save_compute_plan has written, or a person.
/// @throws file_error if the file cannot be read or is no compute plan, naming the place
inline compute::compute_plan load_compute_plan(const std::filesystem::path& path) {
  const tamp::detail::mapped_file file(path);
  constexpr int deepest = 4;  // a member of a layer of the weights
  return tamp::detail::compute_plan_reader<nlohmann::json>(file.name())(
      tamp::detail::parse_object(file.text(), deepest, file.name(), "the compute plan"));
}

}  // namespace io
}  // namespace tamp::inline TAMP_FLAGS
