// Any bytes as each of the JSON files: loaded or refused. What was loaded is saved and loaded again
// as the same value.

#include <tamp/io/compute_plan.hpp>
#include <tamp/io/layer_ranking.hpp>
#include <tamp/io/pruning_plan.hpp>
#include <tamp/io/relative_schedule.hpp>
#include <tamp/io/schedule.hpp>
#include <tamp/io/unit_plan.hpp>

#include <sstream>

#include "files.hpp"

namespace fuzz::json_files {

template <class Value>
void run(source& in) {
  const std::string path = file_of(in.rest());
  refusal([&] {
    const auto value = tamp::io::load<Value>(path);
    check(tamp::io::load<Value>(path) == value, "a file is the same when it is loaded again");
    std::ostringstream printed;
    printed << value;
    static const folder place;
    const auto refused = refusal([&] { tamp::io::save(place / "saved", value); });
    check(!refused, "what was loaded can be saved");
    check(tamp::io::load<Value>(place / "saved") == value, "what was saved is loaded as it was");
  });
}

const std::string plan = R"({"tamp_plan": 1, "recipe": "wanda, uniform 0.5, per_row",
  "fewest_tokens": 1, "layers": [
    {"name": "a", "block": 0, "rows": 8, "cols": 4, "sparsity": 0.25},
    {"name": "b", "block": 1, "rows": 8, "cols": 4, "sparsity": 0, "excluded": true},
    {"name": "c", "block": 1, "rows": 8, "cols": 4, "sparsity": 1e-3, "tied_to": "a"}],
  "notes": ["\u00e9"]})";

std::vector<std::string> plans() {
  return {plan, R"({"tamp_plan":1,"recipe":"","fewest_tokens":0,"layers":[],"notes":[]})"};
}
std::vector<std::string> schedules() {
  return {R"({"tamp_schedule":1,"drops":[0,12,3],"leave":"before_layer"})",
          R"({"tamp_schedule":1,"drops":[]})"};
}
std::vector<std::string> relative_schedules() {
  return {R"({"tamp_relative_schedule":1,"drops":[0,0.25,1e-3],"leave":"after_layer",)"
          R"("rounding":"up"})"};
}
std::vector<std::string> evaluated_sets() {
  return {R"({"tamp_evaluated_sets":1,"sets":[{"layers":[],"divergence":0.5},)"
          R"({"layers":[0,3],"divergence":"inf"},{"layers":[1],"divergence":"-inf"}]})"};
}
std::vector<std::string> compute_plans() {
  return {
      R"({"tamp_compute_plan":1,"budget":0.4,"selector":"fitprune","drops":[0,5],"leave":"after_layer",)"
      R"("reduced_layers":[1,2],"dynamic_ffn":{"keep_ratio":0.2,"probe_every":10,"whole_probe":false},)"
      R"("hollow_attention":{"window":16},"text_alone":{"heads":4,"blind_heads":[[0,3]],"skipped_layers":[2]},)"
      R"("multiply_adds":{"dense":9,"after_tokens":8,)"
      R"("after_visual":7,"after_weights":6},"weights":)" +
      plan + '}'};
}
std::vector<std::string> unit_plans() {
  return {R"({"tamp_unit_plan":1,"recipe":"flap","groups":[{"group":"a","kind":"heads","units":3,)"
          R"("kept":[0,2]},{"group":"b","kind":"","units":0,"kept":[]}],"notes":["\u00e9"]})"};
}

const registered here[] = {{"json_files", run<tamp::pruning_plan>, plans},
                           {"json_files", run<tamp::token::schedule>, schedules},
                           {"json_files", run<tamp::token::relative_schedule>, relative_schedules},
                           {"json_files", run<tamp::compute::evaluated_sets>, evaluated_sets},
                           {"json_files", run<tamp::compute::compute_plan>, compute_plans},
                           {"json_files", run<tamp::structure::unit_plan>, unit_plans}};

}  // namespace fuzz::json_files
