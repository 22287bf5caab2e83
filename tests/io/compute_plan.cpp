#include <tamp/io/compute_plan.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "../support/errors.hpp"
#include "files.hpp"

BOOST_AUTO_TEST_SUITE(io_compute_plan)

using support::check_error;
using support::read_bytes;
using support::temporary_folder;
using tamp::file_error;
using tamp::compute::compute_plan;
using tamp::io::load;
using tamp::io::save;

namespace {

compute_plan two_layers() {
  compute_plan plan;
  plan.budget = 1.0 / 3;
  plan.selector = "fitprune";
  plan.tokens.drops = {0, 12};
  plan.reduced_layers = {1};
  plan.ffn = {.keep_ratio = 0.2, .probe_every = 10};
  plan.attention = {.window = 64};
  plan.weights.recipe = "wanda, per_row";
  plan.weights.layers = {{"0.up", 0, 6, 4, 0.1}, {"1.up", 1, 6, 4, 0.7, true}};
  plan.weights.notes = {"a note"};
  plan.dense = 300;
  plan.after_tokens = 200;
  plan.after_visual = 150;
  plan.after_weights = 100;
  return plan;
}

const std::string_view two_layers_as_text = R"({
  "tamp_compute_plan": 1,
  "budget": 0.3333333333333333,
  "selector": "fitprune",
  "drops": [
    0,
    12
  ],
  "leave": "after_attention",
  "reduced_layers": [
    1
  ],
  "dynamic_ffn": {
    "keep_ratio": 0.2,
    "probe_every": 10,
    "whole_probe": true
  },
  "hollow_attention": {
    "window": 64
  },
  "multiply_adds": {
    "dense": 300,
    "after_tokens": 200,
    "after_visual": 150,
    "after_weights": 100
  },
  "weights": {
    "tamp_plan": 1,
    "recipe": "wanda, per_row",
    "fewest_tokens": 1,
    "layers": [
      {
        "name": "0.up",
        "block": 0,
        "rows": 6,
        "cols": 4,
        "sparsity": 0.1
      },
      {
        "name": "1.up",
        "block": 1,
        "rows": 6,
        "cols": 4,
        "sparsity": 0.7,
        "excluded": true
      }
    ],
    "notes": [
      "a note"
    ]
  }
}
)";

std::string replaced(std::string_view what, std::string_view by) {
  std::string text(two_layers_as_text);
  const auto at = text.find(what);
  BOOST_REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

// Loading `text` must be refused with this sentence after the file's name.
void refused(const std::string& text, const std::string& sentence) {
  const temporary_folder folder;
  const std::string path = folder.write("plan.json", text);
  check_error<file_error>(path + ": " + sentence, [&] { load<compute_plan>(path); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const temporary_folder folder;
  save(folder / "plan.json", two_layers());
  BOOST_TEST(read_bytes(folder / "plan.json") == two_layers_as_text);
  BOOST_TEST((load<compute_plan>(folder / "plan.json") == two_layers()));
  BOOST_TEST(folder.count() == 1u);
}

BOOST_AUTO_TEST_CASE(every_number_is_read_back_to_the_bit) {
  const temporary_folder folder;
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> fraction(0, 1);
  for (int round = 0; round < 200; ++round) {
    compute_plan plan = two_layers();
    plan.budget = fraction(random);
    plan.ffn = {fraction(random), 1 + random() % 100};
    plan.attention.window = random();
    plan.tokens.drops.assign(random() % 5, random());
    plan.weights.layers[0].sparsity = fraction(random);
    plan.dense = random();
    plan.after_tokens = plan.dense - random() % (plan.dense / 2);
    plan.after_visual = plan.after_tokens / 2;
    plan.after_weights = plan.after_visual / 3;
    save(folder / "plan.json", plan);
    BOOST_TEST((load<compute_plan>(folder / "plan.json") == plan));
  }
}

BOOST_AUTO_TEST_CASE(plans_at_their_edges_are_read_back) {
  const temporary_folder folder;
  compute_plan plan;
  save(folder / "plan.json", plan);
  BOOST_TEST((load<compute_plan>(folder / "plan.json") == plan));
  plan = two_layers();
  plan.selector = "\"quoted\"\n\xc3\xa4";
  plan.budget = std::numeric_limits<double>::denorm_min();
  plan.ffn.keep_ratio = 0;
  plan.attention.window = std::numeric_limits<std::size_t>::max();
  plan.dense = std::numeric_limits<std::uint64_t>::max();
  plan.reduced_layers = {0, 1, 5};
  save(folder / "plan.json", plan);
  BOOST_TEST((load<compute_plan>(folder / "plan.json") == plan));
}

BOOST_AUTO_TEST_CASE(a_plan_is_json_as_others_are) {
  const nlohmann::json json = two_layers();
  BOOST_TEST(json["hollow_attention"]["window"].get<int>() == 64);
  BOOST_TEST((json.get<compute_plan>() == two_layers()));
  const nlohmann::ordered_json ordered = two_layers();
  BOOST_TEST((ordered.get<compute_plan>() == two_layers()));
  compute_plan plan = two_layers();
  check_error<file_error>("JSON: the compute plan is not a JSON object",
                          [&] { nlohmann::json(3).get_to(plan); });
  auto broken = json;
  broken["weights"]["layers"][1]["sparsity"] = 2;
  check_error<file_error>(
      "JSON: weights: layers[1] (1.up) has a sparsity of 2, which is not in [0, 1]",
      [&] { broken.get_to(plan); });
  BOOST_TEST((plan == two_layers()));
}

BOOST_AUTO_TEST_CASE(what_is_no_json_is_refused) {
  refused("", "the compute plan is not valid JSON");
  refused(std::string(two_layers_as_text) + "}", "the compute plan is not valid JSON");
  refused(std::string(two_layers_as_text) + '\0', "the compute plan is not valid JSON");
  refused("[1]", "the compute plan is not a JSON object");
  refused(replaced("\"window\": 64", "\"window\": 64, \"window\": 65"),
          "the compute plan has the key 'window' twice");
  refused(replaced("\"rows\": 6", "\"rows\": [6]"),
          "the compute plan's JSON is nested more than 4 levels deep");
  refused(std::string(100'000, '['), "the compute plan's JSON is nested more than 4 levels deep");
}

BOOST_AUTO_TEST_CASE(other_kinds_and_versions_are_refused) {
  refused("{}", "is no compute plan: it has no 'tamp_compute_plan'");
  refused(R"({"tamp_plan": 1})", "is no compute plan: it has no 'tamp_compute_plan'");
  refused(replaced("\"tamp_compute_plan\": 1", "\"tamp_compute_plan\": 3"),
          "is a compute plan of version 3, and tamp reads version 1");
  refused(replaced("\"tamp_compute_plan\": 1", "\"tamp_compute_plan\": 1.0"),
          "tamp_compute_plan is not a count");
  refused(replaced("\"tamp_plan\": 1", "\"tamp_plan\": 2"),
          "weights: is a plan of version 2, and tamp reads version 1");
}

BOOST_AUTO_TEST_CASE(what_is_missing_is_named_with_its_place) {
  const auto without = [](const nlohmann::json::json_pointer& parent, const char* key) {
    auto json = nlohmann::json::parse(two_layers_as_text);
    json[parent].erase(key);
    return json.dump();
  };
  using pointer = nlohmann::json::json_pointer;
  for (const char* key : {"budget", "selector", "drops", "reduced_layers", "dynamic_ffn",
                          "hollow_attention", "multiply_adds", "weights"})
    refused(without(pointer(""), key), std::string(key) + " is missing");
  for (const char* key : {"keep_ratio", "probe_every"})
    refused(without(pointer("/dynamic_ffn"), key),
            std::string("dynamic_ffn.") + key + " is missing");
  refused(without(pointer("/hollow_attention"), "window"), "hollow_attention.window is missing");
  for (const char* key : {"dense", "after_tokens", "after_visual", "after_weights"})
    refused(without(pointer("/multiply_adds"), key),
            std::string("multiply_adds.") + key + " is missing");
  refused(without(pointer("/weights"), "notes"), "weights: notes is missing");
  refused(without(pointer("/weights/layers/1"), "rows"), "weights: layers[1].rows is missing");
}

BOOST_AUTO_TEST_CASE(what_is_of_another_type_is_named_with_its_place) {
  refused(replaced("0.3333333333333333", "\"0.3\""), "budget is not a number");
  refused(replaced("0.3333333333333333", "null"), "budget is not a number");
  refused(replaced("\"fitprune\"", "7"), "selector is not a text");
  refused(replaced("[\n    0,\n    12\n  ]", "12"), "drops is not a list");
  refused(replaced("12", "\"12\""), "drops[1] is not a count");
  refused(replaced("[\n    1\n  ]", "{}"), "reduced_layers is not a list");
  refused(replaced("[\n    1\n  ]", "[1, -2]"), "reduced_layers[1] is not a count");
  refused(replaced("\"keep_ratio\": 0.2", "\"keep_ratio\": true"),
          "dynamic_ffn.keep_ratio is not a number");
  refused(replaced("\"probe_every\": 10", "\"probe_every\": 1e1"),
          "dynamic_ffn.probe_every is not a count");
  refused(replaced("\"whole_probe\": true", "\"whole_probe\": 1"),
          "dynamic_ffn.whole_probe is neither true nor false");
  refused(replaced("{\n    \"window\": 64\n  }", "64"), "hollow_attention is not a JSON object");
  refused(replaced("64", "-64"), "hollow_attention.window is not a count");
  refused(replaced("300", "18446744073709551616"), "multiply_adds.dense is not a count");
  refused(replaced("\"name\": \"0.up\"", "\"name\": 0"), "weights: layers[0].name is not a text");
  refused(R"({"tamp_compute_plan": 1, "budget": 1, "selector": "", "drops": [],
              "reduced_layers": [], "dynamic_ffn": [], "hollow_attention": {"window": 1},
              "multiply_adds": {}, "weights": {}})",
          "dynamic_ffn is not a JSON object");
}

BOOST_AUTO_TEST_CASE(numbers_out_of_range_are_refused) {
  refused(replaced("0.3333333333333333", "1.5"), "budget is 1.5, which is not in [0, 1]");
  refused(replaced("0.3333333333333333", "-0.25"), "budget is -0.25, which is not in [0, 1]");
  refused(replaced("0.3333333333333333", "1e999"), "the compute plan is not valid JSON");
  refused(replaced("\"keep_ratio\": 0.2", "\"keep_ratio\": 2"),
          "dynamic_ffn.keep_ratio is 2, which is not in [0, 1]");
  refused(replaced("\"probe_every\": 10", "\"probe_every\": 0"), "dynamic_ffn.probe_every is 0");
  refused(replaced("[\n    1\n  ]", "[1, 1]"), "reduced_layers is not ascending");
  refused(replaced("[\n    1\n  ]", "[2, 1]"), "reduced_layers is not ascending");
  for (const auto& [was, is] :
       {std::pair<const char*, const char*>{"200", "301"}, {"150", "201"}, {"100", "151"}})
    refused(replaced(was, is), "multiply_adds grow from part to part");
}

BOOST_AUTO_TEST_CASE(heads_and_layers_that_process_the_text_alone_are_saved) {
  const temporary_folder folder;
  compute_plan plan = two_layers();
  plan.alone = {8, {{0, 7}, {1, 2}}, {1}};
  save(folder / "plan.json", plan);
  BOOST_TEST((load<compute_plan>(folder / "plan.json") == plan));
  plan.alone = {8, {}, {}};
  save(folder / "plan.json", plan);
  BOOST_TEST((load<compute_plan>(folder / "plan.json") == plan));
  const auto with = [](const std::string& alone) {
    return replaced("\"multiply_adds\"", "\"text_alone\": " + alone + ", \"multiply_adds\"");
  };
  refused(with("[]"), "text_alone is not a JSON object");
  refused(with(R"({"heads": 4, "blind_heads": [[0]], "skipped_layers": []})"),
          "text_alone.blind_heads has [0], which is no pair of a layer and a head");
  refused(with(R"({"heads": 4, "blind_heads": [[0, -1]], "skipped_layers": []})"),
          "text_alone.blind_heads has [0,-1], which is no pair of a layer and a head");
  refused(with(R"({"heads": 4, "blind_heads": [[0, 4]], "skipped_layers": []})"),
          "text_alone: there is no head 4 in layer 0 of 1 layers with 4 heads");
  refused(
      with(R"({"heads": 0, "blind_heads": [], "skipped_layers": [2, 1]})"),
      "text_alone: layer 1 cannot be skipped in place 1: skipped layers ascend, and are below 3");
  refused(with(R"({"heads": 0, "blind_heads": [], "layers": []})"),
          "text_alone.layers is no part of a compute plan");
}

// A misspelt key would otherwise go unnoticed.
BOOST_AUTO_TEST_CASE(unknown_keys_are_refused) {
  refused(replaced("\"budget\"", "\"x\": 1, \"budget\""), "x is no part of a compute plan");
  refused(replaced("\"keep_ratio\"", "\"ratio\": 1, \"keep_ratio\""),
          "dynamic_ffn.ratio is no part of a compute plan");
  refused(replaced("\"window\"", "\"width\": 1, \"window\""),
          "hollow_attention.width is no part of a compute plan");
  refused(replaced("\"dense\"", "\"sparse\": 1, \"dense\""),
          "multiply_adds.sparse is no part of a compute plan");
  refused(replaced("\"notes\"", "\"note\": [], \"notes\""), "weights: note is no part of a plan");
}

BOOST_AUTO_TEST_CASE(what_could_not_be_loaded_is_not_saved) {
  const temporary_folder folder;
  const std::string path = folder.write("plan.json", "old");
  const auto not_saved = [&](const std::function<void(compute_plan&)>& damage,
                             const std::string& sentence) {
    compute_plan plan = two_layers();
    damage(plan);
    check_error<file_error>(path + ": " + sentence, [&] { save(path, plan); });
    BOOST_TEST(read_bytes(path) == "old");
    BOOST_TEST(folder.count() == 1u);
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  not_saved([&](auto& p) { p.budget = nan; }, "budget is nan, which is not in [0, 1]");
  not_saved([&](auto& p) { p.ffn.keep_ratio = nan; },
            "dynamic_ffn.keep_ratio is nan, which is not in [0, 1]");
  not_saved([](auto& p) { p.ffn.probe_every = 0; }, "dynamic_ffn.probe_every is 0");
  not_saved([](auto& p) { p.reduced_layers = {3, 3}; }, "reduced_layers is not ascending");
  not_saved([](auto& p) { p.after_weights = 1000; }, "multiply_adds grow from part to part");
  not_saved([](auto& p) { p.weights.layers[1].name = "0.up"; },
            "weights: layers[1] has the name of an earlier one, 0.up");
  const std::string no_text = "the selector or a text of the weights is not valid UTF-8";
  not_saved([](auto& p) { p.selector = "\xc3"; }, no_text);
  not_saved([](auto& p) { p.weights.notes = {"\xff"}; }, no_text);
  save(path, two_layers());
  BOOST_TEST((load<compute_plan>(path) == two_layers()));
  BOOST_TEST(folder.count() == 1u);
}

BOOST_AUTO_TEST_CASE(files_that_cannot_be_opened_are_named) {
  const temporary_folder folder;
  check_error<file_error>(
      (folder / "none").string() + ": cannot be opened: No such file or directory",
      [&] { load<compute_plan>(folder / "none"); });
  BOOST_CHECK_EXCEPTION(
      save(folder / "none/plan", compute_plan()), file_error, [&](const file_error& e) {
        return std::string_view(e.what()).starts_with((folder / "none/plan").string() + ": ");
      });
}

BOOST_AUTO_TEST_CASE(damaged_files_are_refused_or_are_plans) {
  const std::string text(two_layers_as_text);
  support::damage(
      text, [](const std::string& path) { load<compute_plan>(path); },
      [&](std::size_t length) { return length + 1 < text.size(); });  // but for the last newline
}

BOOST_AUTO_TEST_SUITE_END()
