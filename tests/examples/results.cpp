// The study's CSV file: what an interruption or a full disk leaves of it.

#include <sys/resource.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <study/csv_file.hpp>
#include <study/file_name.hpp>
#include <study/results.hpp>
#include <tamp/error.hpp>

#include "../io/files.hpp"

BOOST_AUTO_TEST_SUITE(examples_results)

namespace {

using support::read_bytes;
using support::temporary_folder;

study::row measured(double sparsity) {
  return {{"wanda", "uniform", "per_row", sparsity}, 0, sparsity, sparsity, {85}, 1, 2, 3};
}
study::results continued(const std::string& path) {
  return {{{"accuracy", "%"}}, "a model", {path}};
}

std::string two_rows() {
  const temporary_folder folder;
  const std::string path = (folder / "a.csv").string();
  study::results results = continued(path);
  results.add(measured(0.3));
  results.add(measured(0.5));
  return read_bytes(path);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_cut_off_anywhere_is_continued_to_the_same_end) {
  const temporary_folder folder;
  const std::string whole = two_rows();
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    const std::string path = folder.write("a.csv", whole.substr(0, length));
    {
      study::results results = continued(path);
      for (const double sparsity : {0.3, 0.5})
        if (!results.known(measured(sparsity))) results.add(measured(sparsity));
    }
    BOOST_TEST(read_bytes(path) == whole, "cut off after " << length << " bytes");
  }
  BOOST_TEST(folder.count() == 1u);
}

BOOST_AUTO_TEST_CASE(finished_rows_outlive_a_full_disk) {
  const temporary_folder folder;
  const std::string whole = two_rows(), cut = whole.substr(0, whole.size() - 5);
  const std::string path = folder.write("a.csv", cut);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit full{20, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &full);
  BOOST_CHECK_THROW(continued(path), tamp::file_error);
  const std::string after = read_bytes(path);
  folder.write("b.csv", "");
  BOOST_CHECK_THROW(continued((folder / "b.csv").string()), std::runtime_error);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  BOOST_TEST(after == cut);
  BOOST_TEST(folder.count() == 2u);
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_an_error) {
  if (!std::filesystem::exists("/dev/full")) return;
  BOOST_CHECK_EXCEPTION(continued("/dev/full"), std::runtime_error, [](const auto& problem) {
    return std::string_view(problem.what()) == "cannot write /dev/full: No space left on device";
  });
  study::csv_file file;
  file.open("/dev/full");
  BOOST_CHECK_THROW(file.add("a,b\n"), tamp::file_error);
  BOOST_CHECK_THROW(study::write_whole("/dev/full", "a,b\n"), tamp::file_error);
}

BOOST_AUTO_TEST_CASE(a_whole_file_is_replaced_in_one_step_and_a_device_written_to) {
  const temporary_folder folder;
  const std::string path = folder.write("a.csv", "older and longer");
  study::write_whole(path, "a,b\n");
  BOOST_TEST(read_bytes(path) == "a,b\n");
  study::write_whole("/dev/null", "a,b\n");
  BOOST_CHECK_THROW(study::write_whole((folder / "").string(), "a,b\n"), tamp::file_error);
  BOOST_TEST(folder.count() == 1u);
}

BOOST_AUTO_TEST_CASE(sparsities_that_differ_have_names_and_rows_of_their_own) {
  const auto name = [](double sparsity) {
    return study::file_name({"wanda", "uniform", "per_row", sparsity, "reach"}, 1);
  };
  BOOST_TEST(name(0.5) == "wanda_by_reach-uniform-per_row-1-0.50");
  BOOST_TEST(name(0.3) == "wanda_by_reach-uniform-per_row-1-0.30");
  BOOST_TEST(name(0.301) == "wanda_by_reach-uniform-per_row-1-0.301");
  BOOST_TEST(name(0.304) == "wanda_by_reach-uniform-per_row-1-0.304");
  BOOST_TEST(name(1e-5) == "wanda_by_reach-uniform-per_row-1-1e-05");
  BOOST_TEST(study::file_name({"wanda", "-", "2:4", {}}, 0) == "wanda---2_4-0-0.50");
  const temporary_folder folder;
  study::results results = continued((folder / "a.csv").string());
  for (const double sparsity : {0.5, 0.30001, 0.30002}) results.add(measured(sparsity));
  const std::string rows = read_bytes(folder / "a.csv");
  for (const char* asked : {",0.5000,", ",0.30001,0.30001,", ",0.30002,0.30002,"})
    BOOST_TEST(rows.find(asked) != std::string::npos, rows);
}

BOOST_AUTO_TEST_CASE(a_folder_in_its_place_is_an_error) {
  const temporary_folder folder;
  BOOST_CHECK_THROW(continued((folder / "").string()), std::runtime_error);
  BOOST_CHECK_THROW(continued((folder / "missing" / "a.csv").string()), std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()
