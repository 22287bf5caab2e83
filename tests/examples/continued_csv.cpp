// A CSV file that an interrupted run continues.
#include <study/continued_csv.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

#include "../io/files.hpp"

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

BOOST_AUTO_TEST_CASE(without_a_file_nothing_is_kept) {
  study::continued_csv file;
  file.add("-,1", "0.5,");
  BOOST_TEST(file.find("-,1") == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
