#pragma once

/// @file
/// Compute plans as JSON. Needs nlohmann-json (CMake: tamp::json).

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "../compute/compute_plan.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "detail/json_format.hpp"
#include "pruning_plan.hpp"
#include "save_load.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

template <class Json>
class compute_plan_reader;

template <>
struct json_form<compute::compute_plan> {
  static constexpr std::string_view name = "compute plan", subject = "the compute plan";
  static constexpr const char* version_key = "tamp_compute_plan";
  static constexpr std::uint64_t version = 1;
  static constexpr int deepest = 4;  // a member of a layer of the weights
  static constexpr std::string_view texts = "the selector or a text of the weights";
  template <class Json>
  using reader = compute_plan_reader<Json>;
  static std::string text(const nlohmann::ordered_json& json) { return dumped(json, 2); }
};

template <class Json>
class compute_plan_reader : value_reader<compute::compute_plan, Json> {
 public:
  using value_reader<compute::compute_plan, Json>::value_reader;

  compute::compute_plan operator()(const Json& json) const {
    this->check_object(json,
                       {"budget", "selector", "drops", "leave", "reduced_layers", "dynamic_ffn",
                        "hollow_attention", "text_alone", "multiply_adds", "weights"});
    compute::compute_plan plan;
    plan.budget = fraction(json, "", "budget");
    plan.selector = this->text(json, "", "selector");
    plan.tokens.drops = this->counts(json, "drops");
    using token::departure;
    plan.tokens.leave =
        this->one_of(json, "leave",
                     {departure::after_attention, departure::after_layer, departure::before_layer},
                     departure::after_attention);
    plan.reduced_layers = this->counts(json, "reduced_layers");
    const auto& layers = plan.reduced_layers;
    if (std::adjacent_find(layers.begin(), layers.end(), std::greater_equal<>()) != layers.end())
      this->refuse("reduced_layers is not ascending");
    const Json& ffn = this->object(json, "", "dynamic_ffn");
    this->check_keys(ffn, "dynamic_ffn", {"keep_ratio", "probe_every", "whole_probe"});
    plan.ffn.keep_ratio = fraction(ffn, "dynamic_ffn", "keep_ratio");
    plan.ffn.probe_every = this->count(ffn, "dynamic_ffn", "probe_every");
    if (plan.ffn.probe_every == 0) this->refuse("dynamic_ffn.probe_every is 0");
    if (ffn.contains("whole_probe"))  // older files do not have it
      plan.ffn.whole_probe = this->truth(ffn, "dynamic_ffn", "whole_probe");
    const Json& attention = this->object(json, "", "hollow_attention");
    this->check_keys(attention, "hollow_attention", {"window"});
    plan.attention.window = this->count(attention, "hollow_attention", "window");
    if (json.contains("text_alone")) plan.alone = alone(this->object(json, "", "text_alone"));
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
  // Pairs of a layer and a head, and layers.
  compute::text_alone alone(const Json& json) const {
    this->check_keys(json, "text_alone", {"heads", "blind_heads", "skipped_layers"});
    compute::text_alone alone;
    alone.heads = this->count(json, "text_alone", "heads");
    std::size_t layers = 0;
    for (const Json& pair : this->list(json, "blind_heads")) {
      const bool is_pair = pair.is_array() && pair.size() == 2;
      if (!is_pair || !is_index(pair[0]) || !is_index(pair[1]))
        this->refuse("text_alone.blind_heads has ", shown(dumped(pair)),
                     ", which is no pair of a layer and a head");
      alone.blind_heads.push_back(
          {pair[0].template get<std::size_t>(), pair[1].template get<std::size_t>()});
      layers = (std::max)(layers, alone.blind_heads.back().layer);
    }
    alone.skipped_layers = this->counts(json, "skipped_layers");
    for (const std::size_t layer : alone.skipped_layers) layers = (std::max)(layers, layer);
    constexpr auto most = (std::numeric_limits<std::size_t>::max)();
    const auto refuse_contradictions = [&] {
      validate(alone, layers == most ? layers : layers + 1);
    };
#if TAMP_EXCEPTIONS
    try {
      refuse_contradictions();
    } catch (const value_error& problem) {
      this->refuse(problem.what());
    }
#else
    refuse_contradictions();
#endif
    return alone;
  }
  static bool is_index(const Json& json) {
    return json.is_number_unsigned() || (json.is_number_integer() && json >= 0);
  }

  double fraction(const Json& json, std::string_view place, const char* key) const {
    const double value = this->number(json, place, key);
    if (!is_fraction(value))
      this->refuse(this->named(place, key), " is ", value, ", which is not in [0, 1]");
    return value;
  }
};

}  // namespace detail

namespace compute {

/// A compute plan as JSON; its weights are a plan as tamp/io/pruning_plan.hpp writes it. In files
/// it is indented text, for people to read and edit.
template <class Json>
void to_json(Json& json, const compute_plan& plan) {
  tamp::detail::check_departure("compute_plan", plan.tokens.leave);
  json = detail::versioned_object<compute_plan, Json>();
  json["budget"] = plan.budget;
  json["selector"] = plan.selector;
  json["drops"] = plan.tokens.drops;
  json["leave"] = name_of(plan.tokens.leave);
  json["reduced_layers"] = plan.reduced_layers;
  json["dynamic_ffn"]["keep_ratio"] = plan.ffn.keep_ratio;
  json["dynamic_ffn"]["probe_every"] = plan.ffn.probe_every;
  json["dynamic_ffn"]["whole_probe"] = plan.ffn.whole_probe;
  json["hollow_attention"]["window"] = plan.attention.window;
  if (plan.alone != text_alone{}) {  // older readers do not know it
    Json& alone = json["text_alone"] = Json::object();
    alone["heads"] = plan.alone.heads;
    Json& blind = alone["blind_heads"] = Json::array();
    for (const layer_head& h : plan.alone.blind_heads)
      blind.push_back(Json::array({h.layer, h.head}));
    alone["skipped_layers"] = plan.alone.skipped_layers;
  }
  Json& sums = json["multiply_adds"] = Json::object();
  sums["dense"] = plan.dense;
  sums["after_tokens"] = plan.after_tokens;
  sums["after_visual"] = plan.after_visual;
  sums["after_weights"] = plan.after_weights;
  json["weights"] = plan.weights;
}

/// The compute plan that some JSON holds.
/// @throws file_error if the JSON holds anything else, naming the place; `plan` is as it was then
template <class Json>
void from_json(const Json& json, compute_plan& plan) {
  plan = detail::compute_plan_reader<Json>("JSON")(json);
}

}  // namespace compute
}  // namespace tamp::inline TAMP_FLAGS
