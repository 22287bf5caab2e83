#include <tamp/io/layer_ranking.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../support/errors.hpp"
#include "files.hpp"

BOOST_AUTO_TEST_SUITE(io_layer_ranking)

using support::check_error;
using support::read_bytes;
using support::temporary_folder;
using tamp::file_error;
using tamp::compute::evaluated_sets;
using tamp::compute::layer_ranking;
using tamp::io::load;
using tamp::io::save;

namespace {

evaluated_sets three_sets() {
  evaluated_sets known;
  known.insert({0}, 0.1);
  known.insert({0, 2}, std::numeric_limits<double>::infinity());
  known.insert({2}, 3.0);
  return known;
}

const std::string_view three_sets_as_text = R"({
  "tamp_evaluated_sets": 1,
  "sets": [
    {"layers": [0], "divergence": 0.1},
    {"layers": [0,2], "divergence": "inf"},
    {"layers": [2], "divergence": 3.0}
  ]
}
)";

std::string replaced(std::string_view what, std::string_view by) {
  std::string text(three_sets_as_text);
  const auto at = text.find(what);
  BOOST_REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

// Loading `text` must be refused with this sentence after the file's name.
void refused(const std::string& text, const std::string& sentence) {
  const temporary_folder folder;
  const std::string path = folder.write("sets.json", text);
  check_error<file_error>(path + ": " + sentence, [&] { load<evaluated_sets>(path); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const temporary_folder folder;
  save(folder / "sets.json", three_sets());
  BOOST_TEST(read_bytes(folder / "sets.json") == three_sets_as_text);
  BOOST_TEST((load<evaluated_sets>(folder / "sets.json") == three_sets()));
  BOOST_TEST(folder.count() == 1u);
}

BOOST_AUTO_TEST_CASE(nothing_known_is_a_list_of_nothing) {
  const temporary_folder folder;
  save(folder / "sets.json", evaluated_sets());
  BOOST_TEST(load<evaluated_sets>(folder / "sets.json").empty());
}

BOOST_AUTO_TEST_CASE(divergences_and_layers_survive_to_the_bit) {
  const temporary_folder folder;
  std::mt19937_64 random(7);
  evaluated_sets known;
  known.insert({}, 0.0);
  known.insert({0, std::numeric_limits<std::size_t>::max()},
               -std::numeric_limits<double>::infinity());
  known.insert({1}, std::numeric_limits<double>::denorm_min());
  known.insert({2}, std::numeric_limits<double>::max());
  for (std::size_t layer = 3; layer < 3000; ++layer)
    known.insert({layer, layer + 1}, std::ldexp(static_cast<double>(random()), -90));
  save(folder / "sets.json", known);
  BOOST_TEST((load<evaluated_sets>(folder / "sets.json") == known));
  const nlohmann::json json = known;
  BOOST_TEST((json.get<evaluated_sets>() == known));
}

BOOST_AUTO_TEST_CASE(a_ranking_goes_on_from_a_file) {
  const temporary_folder folder;
  const auto path = folder / "sets.json";
  std::size_t calls = 0;
  const auto divergence = [&](std::span<const std::size_t> layers) {
    ++calls;
    double sum = 0;
    for (const std::size_t layer : layers) sum += 1 / (3.0 + double(layer * 7 % 5));
    return sum;
  };
  const auto expected = layer_ranking{}(5, divergence);
  BOOST_TEST(calls == 15u);
  evaluated_sets known;
  const auto save_and_stop = [&](const auto& progress) {
    save(path, progress.known);
    return progress.evaluated < 8;
  };
  layer_ranking{}(5, divergence, known, save_and_stop);
  BOOST_TEST(calls == 23u);
  evaluated_sets again = load<evaluated_sets>(path);
  BOOST_TEST((again == known));
  BOOST_TEST(layer_ranking{}(5, divergence, again) == expected, boost::test_tools::per_element());
  BOOST_TEST(calls == 30u);
}

BOOST_AUTO_TEST_CASE(what_is_no_list_of_evaluated_sets_is_refused) {
  refused("[]", "the list is not a JSON object");
  refused("{}", "is no list of evaluated sets: it has no 'tamp_evaluated_sets'");
  refused("{", "the list is not valid JSON");
  refused(replaced("\"tamp_evaluated_sets\": 1", "\"tamp_evaluated_sets\": 2"),
          "is a list of evaluated sets of version 2, and tamp reads version 1");
  refused(replaced("\"sets\": [", "\"model\": 3, \"sets\": ["),
          "model is no part of a list of evaluated sets");
  refused(replaced("\"sets\": [", "\"sets\": [], \"sets\": ["),
          "the list has the key 'sets' twice");
  refused(R"({"tamp_evaluated_sets": 1})", "sets is missing");
  refused(R"({"tamp_evaluated_sets": 1, "sets": {}})", "sets is not a list");
  refused(R"({"tamp_evaluated_sets": 1, "sets": [3]})", "sets[0] is not a JSON object");
  refused(replaced("[0,2]", "[[0],2]"), "the list's JSON is nested more than 4 levels deep");
}

BOOST_AUTO_TEST_CASE(sets_that_cannot_be_are_refused_by_their_place) {
  refused(replaced("\"layers\": [2]", "\"layer\": [2]"),
          "sets[2].layer is no part of a list of evaluated sets");
  refused(replaced("\"layers\": [0,2], ", ""), "sets[1].layers is missing");
  refused(replaced(", \"divergence\": 0.1", ""), "sets[0].divergence is missing");
  refused(replaced("[0,2]", "\"0,2\""), "sets[1].layers is not a list");
  refused(replaced("[0,2]", "[0,-2]"), "sets[1].layers[1] is not a count");
  refused(replaced("[0,2]", "[0,2.0]"), "sets[1].layers[1] is not a count");
  refused(replaced("[0,2]", "[0,18446744073709551616]"), "sets[1].layers[1] is not a count");
  refused(replaced("[0,2]", "[2,0]"), "sets[1]: the set {2, 0} is not ascending");
  refused(replaced("[0,2]", "[2,2]"), "sets[1]: the set {2, 2} is not ascending");
  refused(replaced("[0,2]", "[0]"), "sets[1]: the layers {0} are there twice");
  refused(replaced("0.1", "null"), "sets[0].divergence is not a number");
  refused(replaced("\"inf\"", "\"nan\""), "sets[1].divergence is not a number");
  refused(replaced("0.1", "1e999"), "the list is not valid JSON");
  refused(replaced("0.1", "nan"), "the list is not valid JSON");
}

BOOST_AUTO_TEST_CASE(damaged_files_are_refused_or_usable) {
  const std::string whole(three_sets_as_text);
  support::damage(
      whole, [](const std::string& path) { load<evaluated_sets>(path); },
      [&](std::size_t length) { return length + 1 < whole.size(); });
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_written_leaves_the_old_one) {
  const temporary_folder folder;
  const auto path = folder / "none" / "sets.json";
  try {
    save(path, three_sets());
    BOOST_ERROR("nothing was refused");
  } catch (const file_error& problem) {
    BOOST_TEST(std::string_view(problem.what()).starts_with(path.string() + ": cannot be written"));
  }
  BOOST_TEST(folder.count() == 0u);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_not_there_is_refused) {
  const temporary_folder folder;
  check_error<file_error>(
      (folder / "sets.json").string() + ": cannot be opened: No such file or directory",
      [&] { load<evaluated_sets>(folder / "sets.json"); });
}

BOOST_AUTO_TEST_SUITE_END()
