// Any values saved as JSON: loaded again as they were, or refused, and then the old file stays.

#include <tamp/io/compute_plan.hpp>
#include <tamp/io/layer_ranking.hpp>
#include <tamp/io/pruning_plan.hpp>
#include <tamp/io/relative_schedule.hpp>
#include <tamp/io/schedule.hpp>
#include <tamp/io/unit_plan.hpp>

#include "files.hpp"

namespace fuzz::json_values {

template <class Value>
void round_trip(const Value& value) {
  static const folder place;
  const auto path = place / "saved";
  if (replaces(place, path, [&](const auto& to) { tamp::io::save(to, value); }))
    check(tamp::io::load<Value>(path) == value, "what was saved is loaded as it was");
}

tamp::pruning_plan plan_of(source& in) {
  tamp::pruning_plan plan;
  plan.recipe = in.text(12);
  plan.fewest_tokens = in.size(9);
  for (std::size_t k = in.count(0, 5); k != 0; --k) {
    tamp::planned_layer layer;
    layer.name = in.flag() ? std::to_string(k) : in.text(6);
    layer.block = in.size(5);
    layer.rows = in.size(64);
    layer.cols = in.size(64);
    layer.sparsity = in.fraction();
    const double drop = static_cast<double>(layer.size()) * layer.sparsity;
    if (in.flag()) layer.drop = drop >= 0 && drop < 1e15 ? static_cast<std::size_t>(drop) : 9;
    layer.excluded = in.flag();
    if (in.once_in(4) && !plan.layers.empty()) layer.tied_to = in.of(plan.layers).name;
    plan.layers.push_back(layer);
  }
  plan.notes = in.list(in.count(0, 3), [&] { return in.text(9); });
  return plan;
}
std::vector<std::size_t> sizes_of(source& in) {
  return in.list(in.count(0, 6), [&] { return in.size(40); });
}
std::vector<std::size_t> ascending(source& in) {
  auto layers = sizes_of(in);
  if (!in.once_in(4)) std::sort(layers.begin(), layers.end());
  return layers;
}
tamp::compute::compute_plan compute_plan_of(source& in) {
  tamp::compute::compute_plan plan;
  plan.budget = in.fraction();
  plan.selector = in.text(8);
  plan.tokens = {sizes_of(in), tamp::token::departure(in.count(0, 2))};
  plan.reduced_layers = ascending(in);
  plan.ffn.keep_ratio = in.fraction();
  plan.ffn.probe_every = in.size(9);
  plan.ffn.whole_probe = in.flag();
  plan.attention.window = in.size(9);
  if (in.flag()) {
    plan.alone.heads = in.size(9);
    plan.alone.blind_heads =
        in.list(in.count(0, 4), [&] { return tamp::compute::layer_head{in.size(5), in.size(5)}; });
    plan.alone.skipped_layers = ascending(in);
  }
  plan.after_weights = in.size(100);
  plan.after_visual = plan.after_weights + in.count(0, 1);
  plan.after_tokens = plan.after_visual + in.count(0, 1);
  plan.dense = plan.after_tokens + in.count(0, 1);
  plan.weights = plan_of(in);
  return plan;
}

tamp::structure::unit_plan unit_plan_of(source& in) {
  tamp::structure::unit_plan plan{in.text(8), {}, {}};
  for (std::size_t k = in.count(0, 4); k != 0; --k)
    plan.choices.push_back(
        {in.flag() ? std::to_string(k) : in.text(6), in.text(6), in.size(40), ascending(in)});
  plan.notes = in.list(in.count(0, 3), [&] { return in.text(9); });
  return plan;
}

void run(source& in) {
  switch (in.count(0, 5)) {
    case 0:
      return round_trip(plan_of(in));
    case 1:
      return round_trip(
          tamp::token::schedule{sizes_of(in), tamp::token::departure(in.count(0, 2))});
    case 2: {
      tamp::compute::evaluated_sets known;
      for (std::size_t k = in.count(0, 4); k != 0; --k)
        refusal([&] { known.insert(ascending(in), in.number<double>()); });
      return round_trip(known);
    }
    case 4:
      return round_trip(unit_plan_of(in));
    case 3: {
      tamp::token::relative_schedule s{in.list(in.count(0, 4), [&] { return in.fraction(); }),
                                       tamp::token::departure(in.count(0, 2)),
                                       tamp::token::rounding(in.count(0, 1))};
      return round_trip(s);
    }
    default:
      return round_trip(compute_plan_of(in));
  }
}

const registered here("round_trips", run);

}  // namespace fuzz::json_values
