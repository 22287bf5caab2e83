#include <tamp/io/relative_schedule.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "../support/errors.hpp"
#include "../support/tensors.hpp"
#include "files.hpp"

BOOST_AUTO_TEST_SUITE(io_relative_schedule)

using support::check_error;
using support::read_bytes;
using support::temporary_folder;
using tamp::file_error;
using tamp::io::load;
using tamp::io::save;
using tamp::token::departure;
using tamp::token::relative_schedule;
using tamp::token::rounding;

namespace {

const std::string three_layers_as_text =
    "{\"tamp_relative_schedule\":1,\"drops\":[0.0,0.25,0.1],\"leave\":\"after_layer\","
    "\"rounding\":\"up\"}\n";
const relative_schedule three_layers{{0, 0.25, 0.1}, departure::after_layer, rounding::up};

// Loading `text` must be refused with this sentence after the file's name.
void refused(const std::string& text, const std::string& sentence) {
  const temporary_folder folder;
  const std::string path = folder.write("schedule.json", text);
  check_error<file_error>(path + ": " + sentence, [&] { load<relative_schedule>(path); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const temporary_folder folder;
  save(folder / "schedule.json", three_layers);
  BOOST_TEST(read_bytes(folder / "schedule.json") == three_layers_as_text);
  BOOST_TEST((load<relative_schedule>(folder / "schedule.json") == three_layers));
  BOOST_TEST(folder.count() == 1u);
}

BOOST_AUTO_TEST_CASE(every_fraction_is_read_back_to_the_bit) {
  const temporary_folder folder;
  std::mt19937 random(3);
  std::uniform_real_distribution<double> number(0.0, 1.0);
  for (const std::size_t layers : {0u, 1u, 7u, 80u})
    for (const rounding round : {rounding::down, rounding::up}) {
      relative_schedule s{.drops = std::vector<double>(layers), .rounding = round};
      for (double& fraction : s.drops) fraction = number(random) / double(layers);
      save(folder / "schedule.json", s);
      BOOST_TEST((load<relative_schedule>(folder / "schedule.json") == s));
    }
}

BOOST_AUTO_TEST_CASE(what_is_left_out_is_as_usual) {
  const temporary_folder folder;
  const std::string path =
      folder.write("schedule.json", R"({"drops": [0, 1], "tamp_relative_schedule": 1})");
  BOOST_TEST((load<relative_schedule>(path) == relative_schedule{{0, 1}}));
}

BOOST_AUTO_TEST_CASE(a_relative_schedule_is_json_as_others_are) {
  const nlohmann::ordered_json json = three_layers;
  BOOST_TEST((json.get<relative_schedule>() == three_layers));
  relative_schedule kept = three_layers;
  check_error<file_error>("JSON: the relative schedule is not a JSON object",
                          [&] { nlohmann::json(3).get_to(kept); });
  BOOST_TEST((kept == three_layers));
}

BOOST_AUTO_TEST_CASE(what_is_no_relative_schedule_is_refused) {
  refused("", "the relative schedule is not valid JSON");
  refused("{}", "is no relative schedule: it has no 'tamp_relative_schedule'");
  refused(R"({"tamp_schedule":1,"drops":[1]})",
          "is no relative schedule: it has no 'tamp_relative_schedule'");
  refused(R"({"tamp_relative_schedule":2,"drops":[1]})",
          "is a relative schedule of version 2, and tamp reads version 1");
  refused(R"({"tamp_relative_schedule":1})", "drops is missing");
  refused(R"({"tamp_relative_schedule":1,"drops":[1],"visual":9})",
          "visual is no part of a relative schedule");
  refused(R"({"tamp_relative_schedule":1,"drops":0.5})", "drops is not a list");
  refused(R"({"tamp_relative_schedule":1,"drops":[0,"1"]})", "drops[1] is not a number");
  refused(R"({"tamp_relative_schedule":1,"drops":[null]})", "drops[0] is not a number");
  refused(R"({"tamp_relative_schedule":1,"drops":[0,-0.5]})",
          "drops[1] is -0.5, which is not in [0, 1]");
  refused(R"({"tamp_relative_schedule":1,"drops":[1.5]})",
          "drops[0] is 1.5, which is not in [0, 1]");
  refused(R"({"tamp_relative_schedule":1,"drops":[0.5,0.75]})",
          "drops are 1.25 together, which is more than 1");
  refused(R"({"tamp_relative_schedule":1,"drops":[0],"rounding":"nearest"})",
          "rounding is 'nearest', and none of down, up");
  refused(R"({"tamp_relative_schedule":1,"drops":[0],"leave":"now"})",
          "leave is 'now', and none of after_attention, after_layer, before_layer");
}

// A schedule that could not be loaded is not saved either.
BOOST_AUTO_TEST_CASE(fractions_that_cannot_be_are_not_saved) {
  const temporary_folder folder;
  const std::string path = (folder / "schedule.json").string();
  check_error<file_error>(path + ": drops[1] is nan, which is not in [0, 1]", [&] {
    save(path, relative_schedule{{0, double(support::not_a_number)}});
  });
  check_error<file_error>(path + ": drops are 1.5 together, which is more than 1",
                          [&] { save(path, relative_schedule{{0.75, 0.75}}); });
  BOOST_TEST(folder.count() == 0u);
}

BOOST_AUTO_TEST_CASE(damaged_files_are_refused_or_are_schedules) {
  support::damage(
      three_layers_as_text, [](const std::string& path) { load<relative_schedule>(path); },
      [&](std::size_t length) { return length + 1 < three_layers_as_text.size(); });
}

BOOST_AUTO_TEST_SUITE_END()
