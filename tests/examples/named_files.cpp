// What a run writes replaces neither what it reads nor what else it writes.
#include <study/named_files.hpp>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>
#include <tamp/error.hpp>
#include <vector>

#include "../io/files.hpp"
#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(examples_named_files)

using study::is_one_file;
using study::output_file;
using study::refuse_replacing;
using study::refuse_unwritable;
using study::written;
using support::check_error;
using support::temporary_folder;
namespace fs = std::filesystem;

BOOST_AUTO_TEST_CASE(a_file_has_many_names) {
  const temporary_folder folder;
  const std::string model = folder.write("a.gguf", "model");
  const auto name = [&](const char* text) { return (folder / text).string(); };
  fs::create_directory(folder / "sub");
  fs::create_symlink("a.gguf", folder / "link");
  fs::create_hard_link(model, folder / "second");
  for (const char* same : {"a.gguf", "./a.gguf", "sub/../a.gguf", "link", "second"})
    BOOST_TEST(is_one_file(model, name(same)), same);
  BOOST_TEST(is_one_file(model, fs::relative(model).string()));
  folder.write("b.gguf", "model");
  for (const char* other : {"b.gguf", "c.gguf", "sub", "sub/a.gguf"})
    BOOST_TEST(!is_one_file(model, name(other)), other);
  // Files that do not exist yet.
  fs::create_symlink("new.csv", folder / "link to new");
  fs::create_directory_symlink("sub", folder / "link to sub");
  BOOST_TEST(is_one_file(name("new.csv"), name("sub/../new.csv")));
  BOOST_TEST(is_one_file(name("new.csv"), name("link to new")));
  BOOST_TEST(is_one_file(name("sub/new.csv"), name("link to sub/new.csv")));
  BOOST_TEST(is_one_file(name("missing/new.csv"), name("missing/./new.csv")));
  BOOST_TEST(!is_one_file(name("new.csv"), name("new.json")));
}

BOOST_AUTO_TEST_CASE(an_output_is_none_of_the_files_that_are_read) {
  const temporary_folder folder;
  const std::string model = folder.write("a.gguf", "model"), out = (folder / "a.json").string();
  refuse_replacing({model, ""}, {{"--json", out}, {"--csv", ""}});
  const std::string other_name = (folder / "." / "a.gguf").string();
  check_error<tamp::value_error>(
      "--json: " + other_name + " is a file that the run reads (" + model + "); name another one",
      [&] { refuse_replacing({"", model}, {{"--json", other_name}}); });
  check_error<tamp::value_error>(
      "--json: " + model + " is a file that the run reads; name another one",
      [&] { refuse_replacing({model}, {{"--json", model}}); });
  BOOST_TEST(support::read_bytes(model) == "model");
}

BOOST_AUTO_TEST_CASE(two_options_name_two_files) {
  const temporary_folder folder;
  const std::string out = (folder / "a").string(), same = (folder / "." / "a").string();
  check_error<tamp::value_error>("--csv and --json both write " + same + "; name two files", [&] {
    refuse_replacing({}, {{"--csv", out}, {"--markdown", ""}, {"--json", same}});
  });
  // One recipe that is named twice writes its file twice.
  refuse_replacing({}, {{"--plans", out}, {"--plans", out}});
  refuse_replacing({}, {{"--csv", "/dev/null"}, {"--kept", "/dev/null"}});
}

BOOST_AUTO_TEST_CASE(places_that_cannot_be_written_are_refused_and_others_left_alone) {
  const temporary_folder folder;
  const std::string old = folder.write("old.csv", "rows");
  const auto name = [&](const char* text) { return (folder / text).string(); };
  refuse_unwritable({{"--csv", old, written::by_rows},
                     {"--json", old},
                     {"--markdown", name("new.md")},
                     {"--save-run", ""},
                     {"--csv", name("new.csv"), written::by_rows},
                     {"--csv", "/dev/null", written::by_rows},
                     {"--plans", name("plans/of/a.json"), written::in_a_folder},
                     {"--densities", "a.csv", written::in_a_folder}});
  BOOST_TEST(folder.count() == 1u);
  BOOST_TEST(support::read_bytes(old) == "rows");
  for (const written how : {written::whole, written::by_rows}) {
    BOOST_CHECK_THROW(refuse_unwritable({{"--csv", name("missing/a.csv"), how}}), tamp::file_error);
    BOOST_CHECK_THROW(refuse_unwritable({{"--csv", name(""), how}}), tamp::file_error);
  }
  check_error<tamp::file_error>(
      "--plans: " + old + "/a.json cannot be written: " + old + " is no folder",
      [&] { refuse_unwritable({{"--plans", old + "/a.json", written::in_a_folder}}); });
}

BOOST_AUTO_TEST_SUITE_END()
