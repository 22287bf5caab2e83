#include <tamp/io/unit_plan.hpp>

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>

#include "../support/errors.hpp"
#include "files.hpp"

BOOST_AUTO_TEST_SUITE(io_unit_plan)

using support::check_error;
using support::read_bytes;
using support::temporary_folder;
using tamp::file_error;
using tamp::io::load;
using tamp::io::save;
using tamp::structure::unit_plan;

namespace {

const unit_plan plan{
    "flap 0.2",
    {{"model.layers.0.mlp", "neurons", 4, {0, 3}}, {"model.layers.0.self_attn", "heads", 2, {1}}},
    {"a note with \"quotes\""}};

const std::string_view plan_as_text = R"({
  "tamp_unit_plan": 1,
  "recipe": "flap 0.2",
  "groups": [
    {"group": "model.layers.0.mlp", "kind": "neurons", "units": 4, "kept": [0,3]},
    {"group": "model.layers.0.self_attn", "kind": "heads", "units": 2, "kept": [1]}
  ],
  "notes": [
    "a note with \"quotes\""
  ]
}
)";

std::string replaced(std::string_view what, std::string_view by) {
  std::string text(plan_as_text);
  const auto at = text.find(what);
  BOOST_REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_plan_is_text_with_one_line_for_each_group) {
  const temporary_folder folder;
  save(folder / "plan.json", plan);
  BOOST_TEST(read_bytes(folder / "plan.json") == plan_as_text);
  BOOST_TEST((load<unit_plan>(folder / "plan.json") == plan));
  save(folder / "none.json", unit_plan{});
  BOOST_TEST((load<unit_plan>(folder / "none.json") == unit_plan{}));
}

BOOST_AUTO_TEST_CASE(a_plan_is_json) {
  const nlohmann::json json = plan;
  BOOST_TEST((json.get<unit_plan>() == plan));
}

BOOST_AUTO_TEST_CASE(what_is_no_plan_is_refused_with_its_place) {
  const temporary_folder folder;
  const auto refused = [&](const std::string& text, std::string_view sentence) {
    const std::string path = folder.write("plan.json", text);
    check_error<file_error>(path + std::string(sentence),
                            [&] { static_cast<void>(load<unit_plan>(path)); });
  };
  refused(replaced("[0,3]", "[3,0]"),
          ": groups[0] (model.layers.0.mlp) keeps unit 0 in place 1: the units that stay ascend, "
          "and are below 4");
  refused(replaced("[0,3]", "[0,4]"),
          ": groups[0] (model.layers.0.mlp) keeps unit 4 in place 1: the units that stay ascend, "
          "and are below 4");
  refused(replaced("[0,3]", "[0.5]"), ": groups[0]: a unit that stays is 0.5 and no index");
  refused(replaced("[0,3]", "[-1]"), ": groups[0]: a unit that stays is -1 and no index");
  refused(replaced("[0,3]", "7"), ": groups[0] has no list \"kept\"");
  refused(replaced("model.layers.0.self_attn", "model.layers.0.mlp"),
          ": groups[1] has the name of an earlier one, model.layers.0.mlp");
}

BOOST_AUTO_TEST_CASE(text_that_is_not_valid_utf_8_is_refused_too) {
  nlohmann::json json = plan;
  json["groups"][0]["kept"] = {"\xff"};
  check_error<file_error>("JSON: groups[0]: a unit that stays is \"\xef\xbf\xbd\" and no index",
                          [&] { static_cast<void>(json.get<unit_plan>()); });
}

BOOST_AUTO_TEST_SUITE_END()
