#include <tamp/io/pruning_plan.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "../support/errors.hpp"
#include "files.hpp"

BOOST_AUTO_TEST_SUITE(io_pruning_plan)

using support::check_error;
using support::read_bytes;
using support::temporary_folder;
using tamp::file_error;
using tamp::planned_layer;
using tamp::pruning_plan;
using tamp::io::load;
using tamp::io::save;

namespace {

pruning_plan three_layers() {
  pruning_plan plan;
  plan.recipe = "wanda, owl 0.5 5 0.08, per_row";
  plan.fewest_tokens = 16;
  plan.layers = {{"embed", 0, 4, 2, 0.0, true}, {"0.up", 0, 6, 4, 1.0 / 3}, {"head", 1, 6, 4, 0.0}};
  plan.layers[2].tied_to = "0.up";
  plan.notes = {"owl: every block has the same \"ratio\"", ""};
  return plan;
}

const std::string_view three_layers_as_text = R"({
  "tamp_plan": 1,
  "recipe": "wanda, owl 0.5 5 0.08, per_row",
  "fewest_tokens": 16,
  "layers": [
    {"name": "embed", "block": 0, "rows": 4, "cols": 2, "sparsity": 0.0, "excluded": true},
    {"name": "0.up", "block": 0, "rows": 6, "cols": 4, "sparsity": 0.3333333333333333},
    {"name": "head", "block": 1, "rows": 6, "cols": 4, "sparsity": 0.0, "tied_to": "0.up"}
  ],
  "notes": [
    "owl: every block has the same \"ratio\"",
    ""
  ]
}
)";

std::string replaced(std::string_view what, std::string_view by) {
  std::string text(three_layers_as_text);
  const auto at = text.find(what);
  BOOST_REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

// Loading `text` must be refused with this sentence after the file's name.
void refused(const std::string& text, const std::string& sentence) {
  const temporary_folder folder;
  const std::string path = folder.write("plan.json", text);
  check_error<file_error>(path + ": " + sentence, [&] { load<pruning_plan>(path); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const temporary_folder folder;
  save(folder / "plan.json", three_layers());
  BOOST_TEST(read_bytes(folder / "plan.json") == three_layers_as_text);
  BOOST_TEST((load<pruning_plan>(folder / "plan.json") == three_layers()));
  BOOST_TEST(folder.count() == 1u);
}

BOOST_AUTO_TEST_CASE(a_plan_of_nothing_is_a_plan) {
  const temporary_folder folder;
  save(folder / "plan.json", pruning_plan());
  BOOST_TEST((load<pruning_plan>(folder / "plan.json") == pruning_plan()));
}

BOOST_AUTO_TEST_CASE(sparsities_survive_to_the_bit) {
  const temporary_folder folder;
  std::mt19937_64 random(5);
  pruning_plan plan;
  const auto add = [&](double sparsity) {
    plan.layers.push_back({std::to_string(plan.layers.size()), 0, 1, 1, sparsity});
  };
  for (const double special : {0.0, 1.0, 0.1, std::numeric_limits<double>::denorm_min(),
                               std::numeric_limits<double>::min(), std::nextafter(1.0, 0.0),
                               std::nextafter(0.5, 1.0), 1e-5, 1e-300})
    add(special);
  for (int k = 0; k < 2000; ++k) add(static_cast<double>(random() >> 11) * 0x1p-53);
  for (int k = 0; k < 2000; ++k)
    add(std::ldexp(static_cast<double>(random() >> 11), -53 - static_cast<int>(random() % 1000)));
  save(folder / "plan.json", plan);
  BOOST_TEST((load<pruning_plan>(folder / "plan.json") == plan));
}

BOOST_AUTO_TEST_CASE(numbers_of_weights_that_were_decided_on_stand_beside_their_sparsities) {
  const temporary_folder folder;
  pruning_plan plan = three_layers();
  plan.layers[1].sparsity = 7.0 / 24;
  plan.layers[1].drop = 7;
  save(folder / "plan.json", plan);
  BOOST_TEST(
      read_bytes(folder / "plan.json").find("\"sparsity\": 0.2916666666666667, \"drop\": 7}") !=
      std::string::npos);
  BOOST_TEST((load<pruning_plan>(folder / "plan.json") == plan));
  BOOST_TEST(load<pruning_plan>(folder / "plan.json").layers[1].counted().value() == 7u);
  // Without them, as older files are, fractions count.
  BOOST_TEST(load<pruning_plan>(folder.write("old", std::string(three_layers_as_text)))
                 .layers[1]
                 .drop.has_value() == false);
  // A sparsity that was set since is what counts, and is saved alone.
  plan.layers[1].sparsity = 0.5;
  save(folder / "plan.json", plan);
  BOOST_TEST(!load<pruning_plan>(folder / "plan.json").layers[1].drop);
  BOOST_TEST((load<pruning_plan>(folder / "plan.json") == plan));
}

BOOST_AUTO_TEST_CASE(a_number_of_weights_that_is_not_that_of_the_sparsity_is_refused) {
  const auto with_drop = [](std::string_view drop) {
    return replaced("0.3333333333333333", "0.3333333333333333, \"drop\": " + std::string(drop));
  };
  const temporary_folder folder;
  BOOST_TEST(load<pruning_plan>(folder.write("plan.json", with_drop("8"))).layers[1].drop.value() ==
             8u);
  refused(with_drop("7"),
          "layers[1] (0.up) drops 7 of 24 weights, and has a sparsity of 0.3333333333333333, which "
          "drops 8; the sparsity alone would do");
  refused(with_drop("25"),
          "layers[1] (0.up) drops 25 of 24 weights, and has a sparsity of 0.3333333333333333, "
          "which drops 8; the sparsity alone would do");
  refused(with_drop("-1"), "layers[1].drop is not a count");
  refused(with_drop("8.0"), "layers[1].drop is not a count");
}

BOOST_AUTO_TEST_CASE(counts_and_texts_survive) {
  const temporary_folder folder;
  pruning_plan plan = three_layers();
  plan.fewest_tokens = std::numeric_limits<std::size_t>::max();
  plan.recipe = "\"quoted\", \\, \n, \t, \x01, \xc3\xbc, \xe2\x82\xac, \xef\xbf\xbd";
  plan.layers[0].name = plan.recipe;
  plan.layers[1].rows = std::numeric_limits<std::size_t>::max();
  plan.layers[1].cols = 1;
  save(folder / "plan.json", plan);
  BOOST_TEST((load<pruning_plan>(folder / "plan.json") == plan));
}

BOOST_AUTO_TEST_CASE(a_plan_edited_by_hand_may_look_different) {
  const temporary_folder folder;
  const std::string path = folder.write(
      "plan.json",
      R"({"notes":[],"layers":[{"sparsity":1,"excluded":false,"cols":2,"rows":3,"block":0,
         "name":"w","tied_to":""}],"recipe":"","tamp_plan":1,"fewest_tokens":1})");
  pruning_plan expected;
  expected.layers = {{"w", 0, 3, 2, 1.0}};
  BOOST_TEST((load<pruning_plan>(path) == expected));
}

BOOST_AUTO_TEST_CASE(a_plan_is_json_as_others_are) {
  const nlohmann::json json = three_layers();
  BOOST_TEST(json["layers"][1]["sparsity"].get<double>() == 1.0 / 3);
  BOOST_TEST((json.get<pruning_plan>() == three_layers()));
  const nlohmann::ordered_json ordered = three_layers();
  BOOST_TEST((ordered.get<pruning_plan>() == three_layers()));
  pruning_plan plan = three_layers();
  check_error<file_error>("JSON: the plan is not a JSON object",
                          [&] { nlohmann::json(3).get_to(plan); });
  check_error<file_error>("JSON: is no plan: it has no 'tamp_plan'",
                          [&] { nlohmann::json::object().get_to(plan); });
  BOOST_TEST((plan == three_layers()));
}

BOOST_AUTO_TEST_CASE(what_is_no_json_is_refused) {
  refused("", "the plan is not valid JSON");
  refused("tamp", "the plan is not valid JSON");
  refused(std::string(three_layers_as_text) + "}", "the plan is not valid JSON");
  refused(std::string(three_layers_as_text) + '\0', "the plan is not valid JSON");
  refused("[1]", "the plan is not a JSON object");
  refused("{}", "is no plan: it has no 'tamp_plan'");
  refused(replaced("\"block\": 0", "\"block\": 0, \"block\": 0"),
          "the plan has the key 'block' twice");
  refused(replaced("\"rows\": 4", "\"rows\": [4]"),
          "the plan's JSON is nested more than 3 levels deep");
  refused(std::string(100'000, '['), "the plan's JSON is nested more than 3 levels deep");
}

BOOST_AUTO_TEST_CASE(other_versions_are_refused_with_both_numbers) {
  refused(replaced("\"tamp_plan\": 1", "\"tamp_plan\": 2"),
          "is a plan of version 2, and tamp reads version 1");
  refused(replaced("\"tamp_plan\": 1", "\"tamp_plan\": \"1\""), "tamp_plan is not a count");
}

BOOST_AUTO_TEST_CASE(what_is_missing_is_named_with_its_place) {
  for (const char* key : {"recipe", "fewest_tokens", "layers", "notes"}) {
    auto json = nlohmann::json::parse(three_layers_as_text);
    json.erase(key);
    refused(json.dump(), std::string(key) + " is missing");
  }
  for (const char* key : {"name", "block", "rows", "cols", "sparsity"}) {
    auto json = nlohmann::json::parse(three_layers_as_text);
    json["layers"][1].erase(key);
    refused(json.dump(), std::string("layers[1].") + key + " is missing");
  }
}

BOOST_AUTO_TEST_CASE(what_is_of_another_type_is_named_with_its_place) {
  refused(replaced("\"wanda, owl 0.5 5 0.08, per_row\"", "null"), "recipe is not a text");
  refused(replaced("\"fewest_tokens\": 16", "\"fewest_tokens\": -16"),
          "fewest_tokens is not a count");
  refused(replaced("\"name\": \"embed\"", "\"name\": 0"), "layers[0].name is not a text");
  refused(replaced("\"block\": 1", "\"block\": 1.0"), "layers[2].block is not a count");
  refused(replaced("\"rows\": 4", "\"rows\": true"), "layers[0].rows is not a count");
  refused(replaced("\"sparsity\": 0.33", "\"sparsity\": \"0.33\", \"x\": 0.33"),
          "layers[1].x is no part of a plan");
  refused(replaced("0.3333333333333333", "\"0.3\""), "layers[1].sparsity is not a number");
  refused(replaced("0.3333333333333333", "null"), "layers[1].sparsity is not a number");
  refused(replaced("true", "1"), "layers[0].excluded is neither true nor false");
  refused(replaced("\"tied_to\": \"0.up\"", "\"tied_to\": 1"), "layers[2].tied_to is not a text");
  refused(replaced(",\n    \"\"", ",\n    7"), "notes[1] is not a text");
  refused(R"({"tamp_plan": 1, "recipe": "", "fewest_tokens": 1, "layers": 3, "notes": []})",
          "layers is not a list");
  refused(R"({"tamp_plan": 1, "recipe": "", "fewest_tokens": 1, "layers": [3], "notes": []})",
          "layers[0] is not a JSON object");
}

BOOST_AUTO_TEST_CASE(numbers_out_of_range_are_refused) {
  refused(replaced("0.3333333333333333", "-0.001"),
          "layers[1] (0.up) has a sparsity of -0.001, which is not in [0, 1]");
  refused(replaced("0.3333333333333333", "1.0000000000000002"),
          "layers[1] (0.up) has a sparsity of 1.0000000000000002, which is not in [0, 1]");
  refused(replaced("0.3333333333333333", "1e999"), "the plan is not valid JSON");
  refused(replaced("0.3333333333333333", "NaN"), "the plan is not valid JSON");
  refused(replaced("\"rows\": 4", "\"rows\": -4"), "layers[0].rows is not a count");
  refused(replaced("\"rows\": 4", "\"rows\": 18446744073709551616"),
          "layers[0].rows is not a count");
  refused(replaced("\"rows\": 4", "\"rows\": 18446744073709551615"),
          "layers[0] (embed) is 18446744073709551615 x 2, which is too large for a weight");
}

BOOST_AUTO_TEST_CASE(names_that_make_no_plan_are_refused) {
  refused(replaced("\"0.up\", \"block\"", "\"embed\", \"block\""),
          "layers[1] has the name of an earlier one, embed");
  refused(replaced("\"tied_to\": \"0.up\"", "\"tied_to\": \"head\""),
          "layers[2] (head) is tied to head, which is no layer before it");
  refused(replaced("\"excluded\": true", "\"tied_to\": \"0.up\""),
          "layers[0] (embed) is tied to 0.up, which is no layer before it");
}

// They would otherwise steer the terminal that shows the error.
BOOST_AUTO_TEST_CASE(control_characters_of_a_file_are_spelt_out_in_errors) {
  refused(replaced("\"excluded\"", R"("\u001b[2J")"), "layers[0].\\x1b[2J is no part of a plan");
  refused(replaced("\"tied_to\": \"0.up\"", R"("tied_to": "\u0007")"),
          "layers[2] (head) is tied to \\x07, which is no layer before it");
  refused(replaced(R"("0.up", "block": 0, "rows": 6, "cols": 4, "sparsity": 0.3333333333333333)",
                   R"("\n\u007f", "block": 0, "rows": 6, "cols": 4, "sparsity": 2)"),
          "layers[1] (\\x0a\\x7f) has a sparsity of 2, which is not in [0, 1]");
  refused(replaced(R"("0.up", "block": 0, "rows": 6)",
                   R"("\t", "block": 0, "rows": 4611686018427387904)"),
          "layers[1] (\\x09) is 4611686018427387904 x 4, which is too large for a weight");
}

// A misspelt key would otherwise mean the default.
BOOST_AUTO_TEST_CASE(unknown_keys_are_refused) {
  refused(replaced("\"excluded\"", "\"exclude\""), "layers[0].exclude is no part of a plan");
  refused(replaced("\"notes\"", "\"note\": [], \"notes\""), "note is no part of a plan");
}

BOOST_AUTO_TEST_CASE(what_could_not_be_loaded_is_not_saved) {
  const temporary_folder folder;
  const std::string path = folder.write("plan.json", "old");
  const auto not_saved = [&](const pruning_plan& plan, const std::string& sentence) {
    check_error<file_error>(path + ": " + sentence, [&] { save(path, plan); });
    BOOST_TEST(read_bytes(path) == "old");
    BOOST_TEST(folder.count() == 1u);
  };
  pruning_plan plan = three_layers();
  plan.layers[1].sparsity = std::numeric_limits<double>::quiet_NaN();
  not_saved(plan, "layers[1] (0.up) has a sparsity of nan, which is not in [0, 1]");
  plan = three_layers();
  plan.layers[2].name = "0.up";
  plan.layers[2].tied_to.clear();
  not_saved(plan, "layers[2] has the name of an earlier one, 0.up");
  plan = three_layers();
  plan.notes = {"\xc3"};
  not_saved(plan, "the recipe, a name or a note is not valid UTF-8");
}

BOOST_AUTO_TEST_CASE(files_that_cannot_be_opened_are_named) {
  const temporary_folder folder;
  BOOST_CHECK_EXCEPTION(load<pruning_plan>(folder / "none"), file_error, [&](const file_error& e) {
    return std::string_view(e.what()).starts_with((folder / "none").string() + ": ");
  });
  BOOST_CHECK_EXCEPTION(
      save(folder / "none/plan", pruning_plan()), file_error, [&](const file_error& e) {
        return std::string_view(e.what()).starts_with((folder / "none/plan").string() + ": ");
      });
}

BOOST_AUTO_TEST_CASE(damaged_files_are_refused_or_are_plans) {
  const std::string text(three_layers_as_text);
  support::damage(
      text, [](const std::string& path) { static_cast<void>(load<pruning_plan>(path)); },
      [&](std::size_t length) { return length + 1 < text.size(); });  // but for the last newline
}

BOOST_AUTO_TEST_SUITE_END()
