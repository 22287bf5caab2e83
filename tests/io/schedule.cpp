#include <tamp/io/schedule.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "../support/errors.hpp"
#include "files.hpp"

BOOST_AUTO_TEST_SUITE(io_schedule)

using support::check_error;
using support::read_bytes;
using support::temporary_folder;
using tamp::file_error;
using tamp::io::load;
using tamp::io::save;
using tamp::token::departure;
using tamp::token::schedule;
using counts = std::vector<std::size_t>;

namespace {

const std::string three_layers_as_text =
    "{\"tamp_schedule\":1,\"drops\":[0,12,3],\"leave\":\"after_attention\"}\n";

// Loading `text` must be refused with this sentence after the file's name.
void refused(const std::string& text, const std::string& sentence) {
  const temporary_folder folder;
  const std::string path = folder.write("schedule.json", text);
  check_error<file_error>(path + ": " + sentence, [&] { load<schedule>(path); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const temporary_folder folder;
  save(folder / "schedule.json", schedule{{0, 12, 3}});
  BOOST_TEST(read_bytes(folder / "schedule.json") == three_layers_as_text);
  BOOST_TEST(load<schedule>(folder / "schedule.json").drops == (counts{0, 12, 3}),
             boost::test_tools::per_element());
  BOOST_TEST(folder.count() == 1u);
}

BOOST_AUTO_TEST_CASE(the_place_at_which_tokens_leave_is_read_back) {
  const temporary_folder folder;
  for (const departure leave :
       {departure::after_attention, departure::after_layer, departure::before_layer}) {
    const schedule s{{0, 12, 3}, leave};
    save(folder / "schedule.json", s);
    BOOST_TEST((load<schedule>(folder / "schedule.json") == s));
  }
  BOOST_TEST(read_bytes(folder / "schedule.json") ==
             "{\"tamp_schedule\":1,\"drops\":[0,12,3],\"leave\":\"before_layer\"}\n");
  // Files of before do not say it.
  const std::string path = folder.write("old.json", R"({"tamp_schedule":1,"drops":[0,12,3]})");
  BOOST_TEST((load<schedule>(path) == schedule{{0, 12, 3}}));
}

BOOST_AUTO_TEST_CASE(a_number_that_is_no_place_is_not_saved) {
  const support::temporary_folder folder;
  const tamp::token::schedule nowhere{{1}, static_cast<tamp::token::departure>(9)};
  BOOST_CHECK_THROW(tamp::io::save(folder / "s.json", nowhere), tamp::value_error);
  BOOST_TEST(!std::filesystem::exists(folder / "s.json"));
}

BOOST_AUTO_TEST_CASE(every_count_is_read_back) {
  const temporary_folder folder;
  std::mt19937_64 random(3);
  for (const std::size_t layers : {0u, 1u, 7u, 80u}) {
    schedule s{counts(layers)};
    for (std::size_t& d : s.drops) d = random() >> random() % 64;
    if (layers != 0) s.drops[0] = std::numeric_limits<std::size_t>::max();
    save(folder / "schedule.json", s);
    BOOST_TEST((load<schedule>(folder / "schedule.json") == s));
  }
}

BOOST_AUTO_TEST_CASE(a_schedule_edited_by_hand_may_look_different) {
  const temporary_folder folder;
  const std::string path =
      folder.write("schedule.json", "{ \"drops\": [ ],\n\t\"tamp_schedule\": 1 }\n\n");
  BOOST_TEST(load<schedule>(path).drops.empty());
}

BOOST_AUTO_TEST_CASE(a_schedule_is_json_as_others_are) {
  const schedule three{{0, 12, 3}};
  const nlohmann::json json = three;
  BOOST_TEST(json["drops"][1].get<std::size_t>() == 12u);
  BOOST_TEST((json.get<schedule>() == three));
  const nlohmann::ordered_json ordered = three;
  BOOST_TEST((ordered.get<schedule>() == three));
  schedule kept = three;
  check_error<file_error>("JSON: the schedule is not a JSON object",
                          [&] { nlohmann::json(3).get_to(kept); });
  check_error<file_error>("JSON: drops[1] is not a count", [&] {
    nlohmann::json::parse(R"({"tamp_schedule": 1, "drops": [7, -1]})").get_to(kept);
  });
  BOOST_TEST((kept == three));
}

BOOST_AUTO_TEST_CASE(what_is_no_json_is_refused) {
  refused("", "the schedule is not valid JSON");
  refused("tamp", "the schedule is not valid JSON");
  refused(three_layers_as_text + "}", "the schedule is not valid JSON");
  refused(three_layers_as_text + '\0', "the schedule is not valid JSON");
  refused("[1]", "the schedule is not a JSON object");
  refused(R"({"tamp_schedule":1,"drops":[1],"drops":[2]})",
          "the schedule has the key 'drops' twice");
  refused(R"({"tamp_schedule":1,"drops":[[1]]})",
          "the schedule's JSON is nested more than 2 levels deep");
  refused(std::string(100'000, '['), "the schedule's JSON is nested more than 2 levels deep");
}

BOOST_AUTO_TEST_CASE(what_is_no_schedule_is_refused) {
  refused("{}", "is no schedule: it has no 'tamp_schedule'");
  refused(R"({"tamp_plan":1,"drops":[1]})", "is no schedule: it has no 'tamp_schedule'");
  refused(R"({"tamp_schedule":2,"drops":[1]})",
          "is a schedule of version 2, and tamp reads version 1");
  refused(R"({"tamp_schedule":"1","drops":[1]})", "tamp_schedule is not a count");
  refused(R"({"tamp_schedule":1})", "drops is missing");
  refused(R"({"tamp_schedule":1,"drop":[1]})", "drop is no part of a schedule");
  refused(R"({"tamp_schedule":1,"drops":[1],"model":""})", "model is no part of a schedule");
  refused(R"({"tamp_schedule":1,"drops":1})", "drops is not a list");
  refused(R"({"tamp_schedule":1,"drops":{"0":1}})", "drops is not a list");
  refused(R"({"tamp_schedule":1,"drops":[1],"leave":1})", "leave is not a text");
  refused(R"({"tamp_schedule":1,"drops":[1],"leave":"before"})",
          "leave is 'before', and none of after_attention, after_layer, before_layer");
  refused(R"({"tamp_schedule":1,"drops":[1,"2"]})", "drops[1] is not a count");
  refused(R"({"tamp_schedule":1,"drops":[1.0]})", "drops[0] is not a count");
  refused(R"({"tamp_schedule":1,"drops":[0,0,-4]})", "drops[2] is not a count");
  refused(R"({"tamp_schedule":1,"drops":[null]})", "drops[0] is not a count");
  refused(R"({"tamp_schedule":1,"drops":[18446744073709551616]})", "drops[0] is not a count");
}

BOOST_AUTO_TEST_CASE(damaged_files_are_refused_or_are_schedules) {
  support::damage(
      three_layers_as_text, [](const std::string& path) { load<schedule>(path); },
      [&](std::size_t length) { return length + 1 < three_layers_as_text.size(); });
}

BOOST_AUTO_TEST_CASE(files_that_cannot_be_opened_are_named) {
  const temporary_folder folder;
  check_error<file_error>(
      (folder / "none").string() + ": cannot be opened: No such file or directory",
      [&] { load<schedule>(folder / "none"); });
  BOOST_CHECK_EXCEPTION(
      save(folder / "none/schedule", schedule()), file_error, [&](const file_error& e) {
        return std::string_view(e.what()).starts_with((folder / "none/schedule").string() + ": ");
      });
}

// A folder cannot be replaced by a file.
BOOST_AUTO_TEST_CASE(what_stands_in_the_way_survives) {
  const temporary_folder folder;
  std::filesystem::create_directories(folder / "schedule.json/inside");
  BOOST_CHECK_THROW(save(folder / "schedule.json", schedule{{1}}), file_error);
  BOOST_TEST(std::filesystem::is_directory(folder / "schedule.json/inside"));
  BOOST_TEST(folder.count() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
