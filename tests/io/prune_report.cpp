#include <tamp/io/prune_report.hpp>

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>

#include "../support/errors.hpp"
#include "files.hpp"

BOOST_AUTO_TEST_SUITE(io_prune_report)

using support::check_error;
using support::read_bytes;
using support::temporary_folder;
using tamp::file_error;
using tamp::prune_report;
using tamp::io::load;
using tamp::io::save;

namespace {

prune_report two_layers() {
  prune_report report;
  report.recipe = "wanda, uniform 0.5, per_row";
  report.layers.resize(2);
  report.layers[0].name = "0.up";
  report.layers[0].rows = 2;
  report.layers[0].cols = 4;
  report.layers[0].kept = 5;
  report.layers[0].kept_zeros = 1;
  report.layers[0].asked = 0.4;
  report.layers[0].drop = 3;
  report.layers[0].tokens = 7;
  report.layers[0].score = "wanda";
  report.layers[0].select = 0.25;
  report.layers[0].error = tamp::refine::layer_errors{8.5, 4.25, 3};
  report.layers[1].name = "1.up";
  report.layers[1].block = 1;
  report.layers[1].tied_to = "0.up";
  report.layers[1].excluded = true;
  report.layers[1].note = "a \"note\"";
  report.notes = {"owl: clipped"};
  report.next = "1.down";
  report.calibrate = 1.5;
  return report;
}

const std::string_view two_layers_as_text = R"({
  "tamp_report": 1,
  "recipe": "wanda, uniform 0.5, per_row",
  "achieved": 0.5,
  "cancelled": false,
  "next": "1.down",
  "unfinished": "",
  "calibrate_seconds": 1.5,
  "layers": [
    {"name": "0.up", "block": 0, "rows": 2, "cols": 4, "asked": 0.4, "drop": 3, "achieved": 0.5, "kept": 5, "kept_zeros": 1, "score": "wanda", "fell_back": false, "tokens": 7, "dead_inputs": 0, "excluded": false, "tied_to": "", "note": "", "error": {"before": 8.5, "after": 4.25, "swaps": 3}, "seconds": {"observe": 0.0, "select": 0.25, "apply": 0.0}},
    {"name": "1.up", "block": 1, "rows": 0, "cols": 0, "asked": 0.0, "achieved": 0.0, "kept": 0, "kept_zeros": 0, "score": "", "fell_back": false, "tokens": 0, "dead_inputs": 0, "excluded": true, "tied_to": "0.up", "note": "a \"note\"", "seconds": {"observe": 0.0, "select": 0.0, "apply": 0.0}}
  ],
  "notes": [
    "owl: clipped"
  ]
}
)";

std::string text_of(const prune_report& report) {
  const temporary_folder folder;
  save(folder / "report.json", report);
  return read_bytes(folder / "report.json");
}
void refused(std::string_view what, std::string_view by, std::string_view sentence) {
  const temporary_folder folder;
  std::string text(two_layers_as_text);
  const auto at = text.find(what);
  BOOST_REQUIRE(at != std::string::npos);
  const std::string path = folder.write("report.json", text.replace(at, what.size(), by));
  check_error<file_error>(path + ": " + std::string(sentence),
                          [&] { (void)load<prune_report>(path); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_report_is_text_with_a_line_for_each_layer) {
  BOOST_TEST(text_of(two_layers()) == two_layers_as_text);
  BOOST_TEST(text_of({}) ==
             "{\n  \"tamp_report\": 1,\n  \"recipe\": \"\",\n  \"achieved\": 0.0,\n"
             "  \"cancelled\": false,\n  \"next\": \"\",\n  \"unfinished\": \"\",\n"
             "  \"calibrate_seconds\": 0.0,\n  \"layers\": [],\n  \"notes\": []\n}\n");
}

BOOST_AUTO_TEST_CASE(what_is_loaded_is_what_was_saved) {
  const temporary_folder folder;
  save(folder / "report.json", two_layers());
  const auto report = load<prune_report>(folder / "report.json");
  BOOST_TEST(text_of(report) == two_layers_as_text);
  BOOST_TEST(report.achieved() == two_layers().achieved());
  BOOST_TEST(report.layers[0].zeros() == 4u);
  const nlohmann::json json = report.layers[0];
  BOOST_TEST(json.get<tamp::layer_report>().kept == 5u);
}

BOOST_AUTO_TEST_CASE(reports_that_contradict_themselves_are_refused) {
  refused("\"kept\": 5", "\"kept\": 9",
          "layers[0] (0.up) kept 9 of 8 weights, of which 1 are zero");
  refused("\"kept_zeros\": 1", "\"kept_zeros\": 6",
          "layers[0] (0.up) kept 5 of 8 weights, of which 6 are zero");
  refused("\"drop\": 3", "\"drop\": 9", "layers[0] (0.up) was to lose 9 of 8 weights");
  refused("\"asked\": 0.4", "\"asked\": 1.5",
          "layers[0] (0.up) was to have a sparsity of 1.5, which is not in [0, 1]");
  refused("\"rows\": 2, \"cols\": 4", "\"rows\": 9223372036854775808, \"cols\": 4",
          "layers[0] (0.up) is 9223372036854775808 x 4, which is too large for a weight");
  refused("\"select\": 0.25", "\"select\": -1", "layers[0].seconds.select is -1");
  refused("\"excluded\": true", "\"excluded\": 1", "layers[1].excluded is neither true nor false");
  refused("\"tamp_report\": 1", "\"tamp_report\": 2",
          "is a report of version 2, and tamp reads version 1");
  refused("\"next\": \"1.down\",", "", "next is missing");
  refused("\"score\": \"wanda\"", "\"scare\": \"wanda\"", "layers[0].scare is no part of a report");
  refused("\"notes\": [", "\"notes\": [3, ", "notes[0] is not a text");
}

BOOST_AUTO_TEST_SUITE_END()
