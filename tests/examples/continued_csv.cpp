// A CSV file that an interrupted run continues.
#include <study/continued_csv.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tamp/error.hpp>

#include "../io/files.hpp"
#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(examples_continued_csv)

namespace {

using support::read_bytes;
using support::temporary_folder;

study::continued_csv opened(const std::string& path, const std::string& settings = "a model") {
  study::continued_csv file;
  file.open(path, settings, "tokens,budget,accuracy,drops", 2);
  return file;
}

const std::string head = "# a model\ntokens,budget,accuracy,drops\n";

}  // namespace

BOOST_AUTO_TEST_CASE(a_new_file_has_its_settings_its_columns_and_the_rows) {
  const temporary_folder folder;
  const std::string path = (folder / "a.csv").string();
  study::continued_csv file = opened(path);
  BOOST_TEST(file.find("-,1") == nullptr);
  file.add("-,1", "0.5,");
  file.add("random,0.8", "0.25,3 4");
  BOOST_TEST(read_bytes(path) == head + "-,1,0.5,\nrandom,0.8,0.25,3 4\n");
}

BOOST_AUTO_TEST_CASE(whole_rows_are_found_by_their_keys_and_a_row_cut_short_is_dropped) {
  const temporary_folder folder;
  const std::string rows = "-,1,0.5,\nrandom,0.8,0.25,3 4\n";
  for (const std::string_view cut : {"random,0.6,0.2", "random,0.6,0.2,5", "random", "\n"}) {
    const std::string path = folder.write("a.csv", head + rows + std::string(cut));
    study::continued_csv file = opened(path);
    BOOST_REQUIRE(file.find("-,1") != nullptr);
    BOOST_TEST(*file.find("-,1") == "0.5,");
    BOOST_TEST(*file.find("random,0.8") == "0.25,3 4");
    BOOST_TEST(file.find("random,0.6") == nullptr);
    file.add("random,0.6", "0.125,5 6");
    BOOST_TEST(read_bytes(path) == head + rows + "random,0.6,0.125,5 6\n");
  }
  BOOST_TEST(folder.count() == 1u);
}

BOOST_AUTO_TEST_CASE(a_file_of_other_settings_or_columns_is_refused_and_left_alone) {
  const temporary_folder folder;
  const std::string path = (folder / "a.csv").string();
  opened(path).add("-,1", "0.5,");
  const std::string before = read_bytes(path);
  BOOST_CHECK_EXCEPTION(opened(path, "another"), std::runtime_error, [&](const auto& problem) {
    return problem.what() == path + " holds rows of other settings (# a model); name another file";
  });
  study::continued_csv other;
  BOOST_CHECK_THROW(other.open(path, "a model", "tokens,budget,drops", 2), std::runtime_error);
  BOOST_TEST(read_bytes(path) == before);
}

BOOST_AUTO_TEST_CASE(a_file_of_another_model_or_other_data_is_refused_and_left_alone) {
  const temporary_folder folder;
  const std::string path = (folder / "a.csv").string();
  const auto measured_on = [&](const std::string& model, const std::string& data) {
    study::continued_csv file;
    file.open(path, "a model", "tokens,accuracy", 1, {{"model", model}, {"data", data}});
    return file;
  };
  measured_on("12ab", "34cd").add("-", "0.5");
  const std::string before = read_bytes(path);
  BOOST_TEST(before == "# a model; fingerprints: model 12ab, data 34cd\ntokens,accuracy\n-,0.5\n");
  BOOST_TEST(measured_on("12ab", "34cd").find("-") != nullptr);
  const std::string data = "the data had the fingerprint 34cd and now has 56ef";
  const auto refused = [&](const std::string& model, const std::string& other,
                           const std::string& rows) {
    support::check_error<tamp::file_error>(path + " holds " + rows + "; name another file",
                                           [&] { measured_on(model, other); });
  };
  refused("12ab", "56ef", "rows of another model or other data: " + data);
  refused(
      "99ff", "34cd",
      "rows of another model or other data: the model had the fingerprint 12ab and now has 99ff");
  refused(
      "99ff", "56ef",
      "rows of another model or other data: the model had the fingerprint 12ab and now has 99ff "
      "and " +
          data);
  BOOST_TEST(read_bytes(path) == before);
  // As files were before fingerprints.
  folder.write("a.csv", "# a model\ntokens,accuracy\n-,0.5\n");
  refused("12ab", "34cd",
          "rows of an earlier version, which kept no fingerprints of what it measured");
  folder.write("a.csv", "# two models; fingerprints: model 12ab, data 34cd\n");
  refused("12ab", "34cd",
          "rows of other settings (# two models; fingerprints: model 12ab, data 34cd)");
}

BOOST_AUTO_TEST_CASE(without_a_file_nothing_is_kept) {
  study::continued_csv file;
  file.add("-,1", "0.5,");
  BOOST_TEST(file.find("-,1") == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
