// Results in three formats: the same rows in each, and what a full disk leaves of the files.
#include <study/result_files.hpp>

#include <sys/resource.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <tamp/error.hpp>
#include <vector>

#include "../io/files.hpp"
#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(examples_result_files)

namespace {

using nlohmann::json;
using support::read_bytes;
using support::temporary_folder;

const std::vector<study::column> columns{
    {"score", "", true}, {"seed"}, {"accuracy", "%"}, {"error"}, {"apply_s", "s"}};
const study::run_description run{
    "tamp_study",
    "tamp 0.1.0, GCC 12",
    {{"model", {"tiny.safetensors"}}, {"seed", {"0", "1"}, true, true}, {"layers", {"true"}}}};

study::result_places places_in(const temporary_folder& folder) {
  return {(folder / "a.csv").string(), (folder / "a.json").string(), (folder / "a.md").string(),
          run};
}
study::result_files opened(const study::result_places& places) {
  return {places, "tiny: accuracy in %", columns, 2};
}

}  // namespace

BOOST_AUTO_TEST_CASE(json_has_the_run_the_settings_the_units_and_the_rows) {
  const study::result_table table{
      "tiny: accuracy in %",
      columns,
      {{"wanda", "1", "97.30000000000001", "", "0.2500"}, {"2:4", "0", "5e-05", "nan", "inf"}}};
  const json found = json::parse(json_text(table, run));
  BOOST_TEST(found["program"] == "tamp_study");
  BOOST_TEST(found["made_with"] == "tamp 0.1.0, GCC 12");
  BOOST_TEST(found["settings"] == "tiny: accuracy in %");
  BOOST_TEST(found["run"] ==
             json::parse(R"({"model": "tiny.safetensors", "seed": [0, 1], "layers": "true"})"));
  BOOST_TEST(found["units"] == json::parse(R"({"accuracy": "%", "apply_s": "s"})"));
  BOOST_TEST(found["rows"] == json::parse(R"([
    {"score": "wanda", "seed": 1, "accuracy": 97.30000000000001, "error": null, "apply_s": 0.25},
    {"score": "2:4", "seed": 0, "accuracy": 5e-05, "error": null, "apply_s": null}])"));
}

BOOST_AUTO_TEST_CASE(a_markdown_table_has_units_readable_numbers_and_the_run) {
  const study::result_table table{
      "tiny: accuracy in %",
      columns,
      {{"a|b", "1", "97.36", "", "0.25"}, {"dense", "10", "59707.4", "0.1234567", "12.34"}}};
  BOOST_TEST(markdown_text(table, run) ==
             "tiny: accuracy in %\n\n"
             "| score | seed | accuracy, % | error | apply_s |\n"
             "|---|---:|---:|---:|---:|\n"
             "| a\\|b | 1 | 97.4 | - | 0.250 |\n"
             "| dense | 10 | 59707 | 0.123 | 12.3 |\n\n"
             "The run, as `tamp_study --run FILE` repeats it:\n\n"
             "```toml\n"
             "# tamp_study, tamp 0.1.0, GCC 12\n"
             "model=\"tiny.safetensors\"\nseed=[0, 1]\nlayers=\"true\"\n```\n");
}

BOOST_AUTO_TEST_CASE(cells_of_csv_are_quoted_where_commas_are_in_them) {
  const study::result_table table{
      "a model", {{"what", "", true}, {"bytes"}}, {{"FLAP, uniform", "12"}, {"a \"b\"", "3"}}};
  BOOST_TEST(csv_text(table) == "# a model\nwhat,bytes\n\"FLAP, uniform\",12\n\"a \"\"b\"\"\",3\n");
}

BOOST_AUTO_TEST_CASE(all_files_have_the_rows_of_an_interrupted_run_and_of_the_one_that_ends_it) {
  const temporary_folder folder;
  const study::result_places places = places_in(folder);
  opened(places).add("wanda,1", "97.5,0.5,0.25");
  BOOST_TEST(!std::filesystem::exists(places.json));  // the run has not ended
  study::result_files files = opened(places);
  BOOST_REQUIRE(files.find("wanda,1") != nullptr);
  files.add("ria,1", "98.5,,0.5");
  files.finish();
  const json rows = json::parse(read_bytes(places.json))["rows"];
  BOOST_TEST(rows == json::parse(R"([
    {"score": "wanda", "seed": 1, "accuracy": 97.5, "error": 0.5, "apply_s": 0.25},
    {"score": "ria", "seed": 1, "accuracy": 98.5, "error": null, "apply_s": 0.5}])"));
  BOOST_TEST(read_bytes(places.markdown).find("| ria | 1 | 98.5 | - | 0.500 |") !=
             std::string::npos);
  BOOST_TEST(folder.count() == 3u);
}

BOOST_AUTO_TEST_CASE(without_a_csv_file_the_others_have_all_rows) {
  const temporary_folder folder;
  study::result_places places = places_in(folder);
  places.csv.clear();
  study::result_files files = opened(places);
  files.add("wanda,1", "97.5,0.5,0.25");
  files.finish();
  BOOST_TEST(json::parse(read_bytes(places.json))["rows"].size() == 1u);
  BOOST_TEST(folder.count() == 2u);
}

BOOST_AUTO_TEST_CASE(
    two_formats_in_one_file_and_places_that_cannot_be_written_are_refused_at_once) {
  const temporary_folder folder;
  study::result_places places = places_in(folder);
  places.markdown = (folder / "." / "a.json").string();
  for (const bool is_whole : {false, true})
    support::check_error<tamp::value_error>(
        "--json and --markdown both write " + places.markdown + "; name two files",
        [&] { is_whole ? check(places) : void(opened(places)); });
  places.markdown = (folder / "missing" / "a.md").string();
  BOOST_CHECK_THROW(opened(places), tamp::file_error);
  places.markdown = (folder / "").string();
  BOOST_CHECK_THROW(opened(places), tamp::file_error);
  places.markdown.clear();
  places.csv = (folder / "missing" / "a.csv").string();
  BOOST_CHECK_THROW(opened(places), tamp::file_error);
  BOOST_CHECK_THROW(check(places), tamp::file_error);
  BOOST_TEST(folder.count() == 0u);
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_written_does_not_keep_the_others_from_it) {
  const study::result_table table{"a model", {{"what", "", true}}, {{"dense"}}};
  for (const char* lost : {"a.csv", "a.json", "a.md"}) {
    const temporary_folder folder;
    std::filesystem::create_directory(folder / lost);
    BOOST_CHECK_EXCEPTION(save(places_in(folder), table), tamp::file_error, [&](const auto& found) {
      return found.what() == (folder / lost).string() +
                                 ": cannot be written: it is a folder, and only regular files are "
                                 "replaced";
    });
    for (const char* name : {"a.csv", "a.json", "a.md"})
      BOOST_TEST((std::filesystem::is_regular_file(folder / name) == (name != lost)), name);
  }
  const temporary_folder folder;
  study::result_files files = opened(places_in(folder));
  files.add("wanda,1", "97.5,0.5,0.25");
  std::filesystem::create_directory(folder / "a.json");
  BOOST_CHECK_THROW(files.finish(), tamp::file_error);
  BOOST_TEST(read_bytes(folder / "a.md").find("| wanda | 1 |") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_csv_file_has_the_fingerprints_of_the_model_and_the_data) {
  const temporary_folder folder;
  study::result_places places = places_in(folder);
  places.run.model_fingerprint = "12ab";
  places.run.data_fingerprint = "34cd";
  opened(places).add("wanda,1", "97.5,0.5,0.25");
  BOOST_TEST(
      read_bytes(places.csv)
          .starts_with("# tiny: accuracy in %; fingerprints: model 12ab, data 34cd\nscore,"));
  places.run.data_fingerprint = "56ef";
  BOOST_CHECK_THROW(opened(places), tamp::file_error);
}

BOOST_AUTO_TEST_CASE(names_of_files_may_be_any_bytes) {
  const study::run_description odd{"tamp_study", "tamp 1", {{"model", {"caf\xe9\n.gguf"}}}};
  const study::result_table table{"a model", {{"what", "", true}}, {{"dense"}}};
  const json found = json::parse(json_text(table, odd));
  BOOST_TEST(found["run"]["model"] == "caf\ufffd\n.gguf");
  const std::string markdown = markdown_text(table, odd);
  BOOST_TEST(markdown.find("model=\"caf\\udce9\\u000a.gguf\"") != std::string::npos);
  BOOST_TEST(!json(markdown).dump().empty());  // throws if it is no UTF-8
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_an_error_that_leaves_older_files_whole) {
  const temporary_folder folder;
  const study::result_places places = places_in(folder);
  study::result_files files = opened(places);
  files.add("wanda,1", "97.5,0.5,0.25");
  files.finish();
  const std::string before = read_bytes(places.json);
  files.add("ria,1", "98.5,,0.5");
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limits{};
  ::getrlimit(RLIMIT_FSIZE, &limits);
  const rlimit full{20, limits.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &full);
  BOOST_CHECK_THROW(files.finish(), tamp::file_error);
  ::setrlimit(RLIMIT_FSIZE, &limits);
  std::signal(SIGXFSZ, handler);
  BOOST_TEST(read_bytes(places.json) == before);
  BOOST_TEST(folder.count() == 3u);
}

BOOST_AUTO_TEST_SUITE_END()
