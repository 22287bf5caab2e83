// The pruned model while it is written, and after its writing was stopped.
#include <prune/unfinished_output.hpp>

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <prune/owned_file.hpp>
#include <span>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/prune/report.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "models.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_unfinished_output)

namespace fs = std::filesystem;
using support::as_bytes;
using support::check_error;
using support::dtype;
using support::files_of;
using support::read_bytes;
using support::temporary_folder;
using tamp::file_error;
using tamp_prune::find_model;
using tamp_prune::model_files;
using tamp_prune::unfinished_output;
using json = nlohmann::ordered_json;

namespace {

const json this_run{{"tamp_prune", 1}, {"score", "magnitude"}, {"plan", {1, 2, 3}}};

tamp::layer_report layer(std::string name) {
  tamp::layer_report done;
  done.name = std::move(name);
  done.rows = 2, done.cols = 3, done.kept = 4;
  return done;
}

// A folder with a model, and an output of it whose second file is copied and changed in one place.
struct written {
  temporary_folder folder;
  model_files model = find_model(support::write_model(folder));
  fs::path out = folder / "out", parts = folder / "out.unfinished", journal = parts / "journal";

  unfinished_output open(bool resume, const json& run = this_run) const {
    return {out, model, model.sizes(), run, resume, false};
  }
  void copy(unfinished_output& to, std::size_t file) const {
    to.write(file, 0, as_bytes(read_bytes(model.path_of(file))));
    to.note_copied(file);
  }
  static void write_layer(unfinished_output& to) {
    to.write(1, 10, as_bytes("hello"));
    to.note_layer(layer("one"));
  }
  void write(unfinished_output& to) const {
    copy(to, 0);
    copy(to, 1);
    write_layer(to);
  }
  std::map<std::string, std::string> expected() const {
    auto files = files_of(model.folder);
    files[model.weights[1].string()].replace(10, 5, "hello");
    return files;
  }
  // Stops after all was written, but before commit.
  void stop() const {
    unfinished_output to = open(false);
    write(to);
  }
  void replace_in_journal(const std::string& from, const std::string& to) const {
    std::string text = read_bytes(journal);
    const auto at = text.find(from);
    BOOST_REQUIRE(at != std::string::npos);
    folder.write("out.unfinished/journal", text.replace(at, from.size(), to));
  }
  std::string start_of_the_system() const {
    const std::string text = read_bytes(journal), key = R"("system_start":")";
    const auto at = text.find(key) + key.size();
    return text.substr(at, text.find('"', at) - at);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(all_appears_in_one_step) {
  const written w;
  {
    unfinished_output to = w.open(false);
    BOOST_TEST((to.folder() == fs::canonical(w.parts)));
    BOOST_TEST(to.layers_done().empty());
    BOOST_TEST((!to.is_copied(0) && !to.is_copied(1)));
    w.write(to);
    BOOST_TEST((to.is_copied(0) && to.is_copied(1)));
    BOOST_TEST(!fs::exists(w.out));
    to.commit();
    BOOST_TEST((files_of(w.out) == w.expected()));
    BOOST_TEST(fs::exists(w.journal));
    to.remove_journal();
  }
  BOOST_TEST(w.folder.count() == 2u);
}

BOOST_AUTO_TEST_CASE(a_file_appears_in_the_place_of_another_with_the_permissions_of_the_model) {
  const temporary_folder folder;
  support::write_weights(folder / "m", {support::random_tensor("w", dtype::f32, {2, 3})});
  fs::permissions(folder / "m", fs::perms::owner_read);
  const std::string out = folder.write("out", "something else");
  const auto model = find_model(folder / "m");
  const std::string bytes = read_bytes(folder / "m");
  {
    unfinished_output to(out, model, model.sizes(), this_run, false, true);
    to.write(0, 0, as_bytes(bytes));
    to.note_copied(0);
    BOOST_TEST(read_bytes(out) == "something else");
    to.commit();
    to.remove_journal();
  }
  BOOST_TEST(read_bytes(out) == bytes);
  BOOST_TEST((fs::status(out).permissions() == fs::perms::owner_read));
  BOOST_TEST(folder.count() == 2u);
}

BOOST_AUTO_TEST_CASE(packed_files_are_put_in_place_instead) {
  const written w;
  const json masks{{"name", "x"}, {"bytes", 3}};
  {
    unfinished_output to(w.out, w.model, w.model.sizes(), this_run, false, false, true);
    w.write(to);
    BOOST_TEST(to.masks_written().is_null());
    to.note_masks(masks);
    BOOST_TEST(!to.is_complete());
  }
  {
    unfinished_output to(w.out, w.model, w.model.sizes(), this_run, true, false, true);
    BOOST_TEST((to.layers_done().size() == 1u && to.masks_written() == masks));
    BOOST_CHECK_THROW(to.commit(), file_error);  // nobody has packed anything
    fs::create_directory(w.parts / "packed");
    for (const fs::path& name : w.model.weights)
      w.folder.write("out.unfinished/packed/" + name.string(), "packed");
    to.commit();
    BOOST_TEST(to.is_complete());
    to.note_masks(json{{"name", "y"}});  // leaves the journal as it is
    BOOST_TEST(read_bytes(w.journal).ends_with("{\"complete\":true}\n"));
  }
  BOOST_TEST(files_of(w.out).size() == 2u);
  BOOST_TEST(read_bytes(w.out / w.model.weights[1]) == "packed");
  unfinished_output to(w.out, w.model, w.model.sizes(), this_run, true, false, true);
  BOOST_TEST(to.is_complete());
  to.remove_journal();
  BOOST_TEST(w.folder.count() == 2u);
}

BOOST_AUTO_TEST_CASE(a_stopped_run_knows_what_is_done) {
  const written w;
  {
    unfinished_output to = w.open(false);
    w.copy(to, 1);
    to.note_layer(layer("one"));
    to.note_layer(layer("two"));
  }
  unfinished_output to = w.open(true);
  BOOST_TEST((!to.is_copied(0) && to.is_copied(1)));
  BOOST_REQUIRE(to.layers_done().size() == 2u);
  BOOST_TEST(to.layers_done()[0].name == "one");
  BOOST_TEST(to.layers_done()[1].name == "two");
  BOOST_TEST(to.layers_done()[1].kept == 4u);
  w.copy(to, 0);
  w.write_layer(to);
  to.commit();
  BOOST_TEST((files_of(w.out) == w.expected()));
}

BOOST_AUTO_TEST_CASE(a_journal_cut_off_anywhere_is_believed_to_its_last_line) {
  const written w;
  w.stop();
  const std::string whole = read_bytes(w.journal);
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    const std::string cut = whole.substr(0, length);
    w.folder.write("out.unfinished/journal", cut);
    const auto lines = std::count(cut.begin(), cut.end(), '\n');
    unfinished_output to = w.open(true);
    // The run, the system's start, two files, a layer.
    BOOST_TEST(to.is_copied(0) == (lines >= 3));
    BOOST_TEST(to.is_copied(1) == (lines >= 4));
    BOOST_TEST(to.layers_done().size() == (lines >= 5 ? 1u : 0u));
    BOOST_TEST(read_bytes(w.journal).starts_with(lines >= 2 ? cut.substr(0, cut.rfind('\n') + 1)
                                                            : whole.substr(0, whole.find('\n'))));
  }
  unfinished_output to = w.open(true);
  w.write(to);
  to.commit();
  BOOST_TEST((files_of(w.out) == w.expected()));
}

BOOST_AUTO_TEST_CASE(lines_that_are_damaged_are_refused) {
  const written w;
  w.stop();
  const std::string whole = read_bytes(w.journal);
  for (const std::string_view line :
       {"", "{", "[]", "1", "null", R"({"copied":2})", R"({"copied":-1})", R"({"copied":"0"})",
        R"({"name":"one"})", R"({})", "\xff"}) {
    w.folder.write("out.unfinished/journal", whole + std::string(line) + '\n');
    check_error<file_error>(
        fs::canonical(w.journal).string() + ": line 6 is damaged; remove the folder to begin anew",
        [&] { w.open(true); });
  }
  BOOST_TEST(!fs::exists(w.out));
}

BOOST_AUTO_TEST_CASE(another_run_is_refused) {
  const written w;
  w.stop();
  const std::string parts = fs::canonical(w.parts).string();
  json other = this_run;
  other["score"] = "wanda";
  check_error<file_error>(parts +
                              ": was begun with the score magnitude instead of wanda; go on with "
                              "the options it was begun with, or remove it",
                          [&] { w.open(true, other); });
  other = this_run;
  other["plan"] = {1, 2, 4};
  check_error<file_error>(parts +
                              ": was begun with another plan; go on with the options and files it "
                              "was begun with, or remove it",
                          [&] { w.open(true, other); });
  check_error<file_error>(parts +
                              ": is of a run that was interrupted, or has just begun: --resume "
                              "goes on with it, or remove it if no other run is writing there",
                          [&] { w.open(false); });
  BOOST_TEST(w.open(true).layers_done().size() == 1u);
}

BOOST_AUTO_TEST_CASE(one_run_at_a_time) {
  const written w;
  const unfinished_output first = w.open(false);
  for (const bool resume : {false, true})
    check_error<file_error>(fs::canonical(w.parts).string() + ": another run is writing there",
                            [&] { w.open(resume); });
}

// As ranks of a team leave them: the first one has copied a file, another one the other file, and
// written a layer.
BOOST_AUTO_TEST_CASE(what_is_done_is_what_any_journal_says) {
  const written w;
  {
    unfinished_output to = w.open(false);
    w.write(to);
  }
  const std::string whole = read_bytes(w.journal), start = w.start_of_the_system();
  const auto copied = whole.find(R"({"copied":1})");
  const std::string first = whole.substr(0, copied), others = whole.substr(copied);
  const auto leave = [&](const std::string& others_start, const std::string& lines) {
    w.folder.write("out.unfinished/journal", first);
    w.folder.write("out.unfinished/journal.3",
                   R"({"system_start":")" + others_start + "\"}\n" + lines);
  };
  const fs::path second = w.parts / "journal.3";

  leave(start, others + "{\"cut off");
  {
    unfinished_output to = w.open(true);
    BOOST_TEST((to.is_copied(0) && to.is_copied(1)));
    BOOST_TEST(to.layers_done().size() == 1u);
    BOOST_TEST(read_bytes(second).ends_with(others));
  }
  // Of another machine, of which nobody knows whether it was started again.
  leave("another", others + "{\"synced\":3}\n{\"copied\":0}\n");
  BOOST_TEST(w.open(true).layers_done().size() == 1u);
  BOOST_TEST(read_bytes(second).ends_with("{\"synced\":3}\n"));
  leave("another", others);
  BOOST_TEST(w.open(true).layers_done().empty());
  BOOST_TEST((fs::file_size(second) == 0u && !w.open(true).is_copied(1)));

  const std::string path = fs::canonical(second).string();
  leave(start, "{}\n");
  check_error<file_error>(path + ": line 2 is damaged; remove the folder to begin anew",
                          [&] { w.open(true); });
  leave(start, others);
  {
    const tamp_prune::owned_file held(second, O_RDWR);
    BOOST_REQUIRE(::flock(held.number(), LOCK_EX | LOCK_NB) == 0);
    check_error<file_error>(path + ": another run is writing there", [&] { w.open(true); });
  }
  unfinished_output to = w.open(true);
  to.commit();
  BOOST_TEST((files_of(w.out) == w.expected()));
  to.remove_journal();
  BOOST_TEST(w.folder.count() == 2u);
}

BOOST_AUTO_TEST_CASE(a_run_that_is_begun_anew_forgets_all_journals) {
  const written w;
  w.stop();
  fs::copy_file(w.journal, w.parts / "journal.1");
  w.folder.write("out.unfinished/journal", "");
  const unfinished_output to = w.open(true);
  BOOST_TEST((!to.is_copied(0) && to.layers_done().empty()));
  BOOST_TEST(!fs::exists(w.parts / "journal.1"));
}

BOOST_AUTO_TEST_CASE(missing_and_shortened_parts_are_refused) {
  const written w;
  w.stop();
  const fs::path part = fs::canonical(w.parts) / "files" / w.model.weights[1];
  const std::string sentence =
      part.string() + ": is damaged; remove " + fs::canonical(w.parts).string() + " to begin anew";
  fs::resize_file(part, 100);
  check_error<file_error>(sentence, [&] { w.open(true); });
  fs::remove(part);
  check_error<file_error>(sentence, [&] { w.open(true); });
}

// A run that is stopped in commit. For root such a file is no hindrance.
BOOST_AUTO_TEST_CASE(parts_that_are_read_only_already_are_written) {
  const written w;
  w.stop();
  fs::permissions(w.parts / "files" / w.model.weights[1], fs::perms::owner_read);
  unfinished_output to = w.open(true);
  to.commit();
  BOOST_TEST((files_of(w.out) == w.expected()));
  BOOST_TEST((fs::status(w.out / w.model.weights[1]).permissions() ==
              fs::status(w.model.path_of(1)).permissions()));
}

BOOST_AUTO_TEST_CASE(other_files_are_copied_again_where_they_are_missing) {
  const written w;
  w.stop();
  fs::remove(w.parts / "files/config.json");
  fs::remove_all(w.parts / "files/tokenizer");
  unfinished_output to = w.open(true);
  to.commit();
  BOOST_TEST((files_of(w.out) == w.expected()));
}

// The rest of a run that was stopped before its first line may be of another model.
BOOST_AUTO_TEST_CASE(a_run_without_a_line_is_begun_anew) {
  const written w;
  fs::create_directories(w.parts / "files");
  w.folder.write("out.unfinished/files/foreign.json", "x");
  w.folder.write("out.unfinished/files/model-00001-of-00002.safetensors", "too short");
  unfinished_output to = w.open(true);
  w.write(to);
  to.commit();
  BOOST_TEST((files_of(w.out) == w.expected()));
}

BOOST_AUTO_TEST_CASE(after_the_system_was_stopped_only_what_was_synced_is_believed) {
  const written w;
  {
    unfinished_output to = w.open(false);
    to.sync_after = 1;
    w.copy(to, 0);
    to.sync_after = ~std::uint64_t{0};
    w.copy(to, 1);
    to.note_layer(layer("one"));
  }
  // As long as it runs, the system keeps what was written.
  BOOST_TEST(w.open(true).layers_done().size() == 1u);
  w.replace_in_journal(w.start_of_the_system(), "another");
  w.replace_in_journal(w.start_of_the_system(), "another");
  const auto of_this_start = read_bytes(w.journal).rfind("system_start");
  w.folder.write("out.unfinished/journal", read_bytes(w.journal).substr(0, of_this_start - 2));
  w.folder.write("out.unfinished/files/config.json", std::string(22, '\0'));  // of the same size
  {
    unfinished_output to = w.open(true);
    BOOST_TEST((to.is_copied(0) && !to.is_copied(1)));
    BOOST_TEST(to.layers_done().empty());
    w.copy(to, 1);
    w.write_layer(to);
    to.commit();
  }
  BOOST_TEST((files_of(w.out) == w.expected()));
}

BOOST_AUTO_TEST_CASE(without_a_sync_all_is_done_again) {
  const written w;
  w.stop();
  w.replace_in_journal(w.start_of_the_system(), "another");
  unfinished_output to = w.open(true);
  BOOST_TEST((!to.is_copied(0) && !to.is_copied(1) && to.layers_done().empty()));
  w.write(to);
  to.commit();
  BOOST_TEST((files_of(w.out) == w.expected()));
}

BOOST_AUTO_TEST_CASE(what_was_synced_is_counted_anew) {
  const written w;
  {
    unfinished_output to = w.open(false);
    to.sync_after = 1000;
    for (int k = 0; k < 10; ++k) {
      to.write(0, 0, as_bytes(std::string(300, 'x')));
      to.note_layer(layer("one"));
    }
  }
  const std::string text = read_bytes(w.journal);
  std::size_t count = 0;
  for (auto at = text.find("synced"); at != std::string::npos; at = text.find("synced", at + 1))
    ++count;
  BOOST_TEST(count == 2u);  // after 1200 and 2400 bytes
}

BOOST_AUTO_TEST_CASE(a_run_that_was_stopped_while_it_came_to_its_end) {
  const written w;
  w.stop();
  {
    unfinished_output to = w.open(true);
    to.commit();
  }
  {  // OUT is in place
    unfinished_output to = w.open(true);
    BOOST_TEST(to.layers_done().size() == 1u);
    to.commit();
    BOOST_TEST((files_of(w.out) == w.expected()));
  }
  fs::rename(w.out, w.parts / "files");  // as if it were complete, and not in place
  {
    unfinished_output to = w.open(true);
    check_error<file_error>(fs::canonical(w.journal).string() +
                                ": says that all is done, and lists fewer layers; remove " +
                                fs::canonical(w.parts).string(),
                            [&] { to.write(0, 0, {}); });
    to.commit();
    BOOST_TEST((files_of(w.out) == w.expected()));
    to.remove_journal();
  }
  BOOST_TEST(w.folder.count() == 2u);
}

BOOST_AUTO_TEST_CASE(an_output_that_appeared_in_the_meantime_is_not_replaced) {
  const written w;
  unfinished_output to = w.open(false);
  w.write(to);
  fs::create_directory(w.out);
  w.folder.write("out/x", "y");
  BOOST_CHECK_THROW(to.commit(), file_error);
  BOOST_TEST(read_bytes(w.out / "x") == "y");
  fs::remove_all(w.out);
  to.commit();
  BOOST_TEST((files_of(w.out) == w.expected()));
}

BOOST_AUTO_TEST_CASE(a_file_in_the_way_is_a_sentence) {
  const written w;
  w.folder.write("out.unfinished", "text");
  const std::string sentence = (fs::canonical(w.folder / ".") / "out.unfinished").string() +
                               ": is of a run that was interrupted, or has just begun: --resume "
                               "goes on with it, or remove it if no other run is writing there";
  check_error<file_error>(sentence, [&] { w.open(false); });
  BOOST_CHECK_THROW(w.open(true), file_error);
  BOOST_TEST(read_bytes(w.parts) == "text");
}

BOOST_AUTO_TEST_SUITE_END()
