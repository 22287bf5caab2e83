// The place of the pruned model.
#include <prune/output_place.hpp>

#include <prune/owned_file.hpp>

#include <sys/file.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>
#include <tamp/error.hpp>

#include "../support/errors.hpp"
#include "models.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_output_place)

namespace fs = std::filesystem;
using support::check_error;
using support::dtype;
using support::temporary_folder;
using tamp::file_error;
using tamp_prune::find_model;
using tamp_prune::lies_in;
using tamp_prune::place_of;
using tamp_prune::resuming;

namespace {

std::string write_file(const temporary_folder& folder, const char* name) {
  support::write_weights(folder / name, {support::random_tensor("w", dtype::f32, {2, 3})});
  return (folder / name).string();
}
void check_refused(const fs::path& out, const fs::path& model, const std::string& sentence,
                   resuming resume = resuming::not_now, bool overwrite = false) {
  const auto found = find_model(model);
  check_error<file_error>(sentence, [&] { place_of(out, found, resume, overwrite); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_parts_lie_beside_the_output) {
  const temporary_folder folder;
  const auto model = find_model(support::write_model(folder));
  const fs::path here = fs::canonical(folder / ".");
  for (const char* name : {"out", "out/", "out//", "model/../out", "./out"}) {
    const auto place = place_of(folder / name, model, resuming::not_now, false);
    BOOST_TEST((place.out == here / "out"), name);
    BOOST_TEST((place.unfinished == here / "out.unfinished"));
    BOOST_TEST((place.journal() == here / "out.unfinished/journal"));
    BOOST_TEST(
        (place.file(model, 1) == here / "out.unfinished/files/model-00002-of-00002.safetensors"));
    BOOST_TEST(!place.is_taken);
  }
  BOOST_TEST(folder.count() == 1u);  // nothing was made
}

BOOST_AUTO_TEST_CASE(packed_files_lie_beside_those_they_are_made_of) {
  const temporary_folder folder;
  const auto model = find_model(support::write_model(folder));
  const fs::path parts = fs::canonical(folder / ".") / "out.unfinished",
                 name = "model-00002-of-00002.safetensors";
  const auto dense = place_of(folder / "out", model, resuming::not_now, false);
  BOOST_TEST((dense.result() == parts / "files"));
  BOOST_TEST((dense.written(model, 1) == parts / "files" / name));
  BOOST_TEST((dense.pruned(model, 1) == parts / "files" / name));
  auto packed = place_of(folder / "out", model, resuming::not_now, false, true);
  BOOST_TEST((packed.result() == parts / "packed"));
  BOOST_TEST((packed.written(model, 1) == parts / "packed" / name));
  BOOST_TEST((packed.pruned(model, 1) == parts / "files" / name));
  packed.is_taken = true;
  BOOST_TEST((packed.written(model, 1) == packed.out / name));
  BOOST_TEST((packed.pruned(model, 1) == parts / "files" / name));
}

BOOST_AUTO_TEST_CASE(names_of_nothing_are_refused) {
  const temporary_folder folder;
  const fs::path model = support::write_model(folder);
  const std::string here = (folder / "").string(), file = write_file(folder, "file");
  check_refused("", model, "--out is empty");
  for (const std::string& out : {std::string("/"), std::string("."), here + "..", here + "x/.."})
    check_refused(out, model, out + ": names nothing that can be written");
  check_refused(here + "none/out", model,
                here + "none/out: cannot be written: there is no folder " + here + "none");
  check_refused(here + "file/out", model,
                here + "file/out: cannot be written: there is no folder " + here + "file");
  check_refused(here + "out/", file, here + "out/: names a folder, and the model is a file");
}

BOOST_AUTO_TEST_CASE(the_model_is_never_written) {
  const temporary_folder folder;
  const std::string model = support::write_model(folder), file = write_file(folder, "file");
  for (const bool overwrite : {false, true}) {
    check_refused(model, model, model + ": is the model itself", resuming::not_now, overwrite);
    check_refused(file, file, file + ": is the model itself", resuming::not_now, overwrite);
    check_refused(model + "/out", model, model + "/out: lies inside the model " + model,
                  resuming::not_now, overwrite);
    check_refused(model + "/tokenizer/out", model,
                  model + "/tokenizer/out: lies inside the model " + model, resuming::not_now,
                  overwrite);
  }
  fs::create_symlink("file", folder / "link");
  fs::create_directory_symlink("model", folder / "linked");
  const std::string link = (folder / "link").string(), linked = (folder / "linked").string();
  check_refused(link, file, link + ": is the model itself", resuming::not_now, true);
  check_refused(file, link, file + ": is the model itself", resuming::not_now, true);
  check_refused(linked + "/out", model, linked + "/out: lies inside the model " + model);
  check_refused(model + "/out", linked, model + "/out: lies inside the model " + linked);
  // A folder whose name begins in the same way is another one.
  BOOST_TEST(!lies_in(model + "2", model));
  place_of(model + "2", find_model(model), resuming::not_now, false);
}

BOOST_AUTO_TEST_CASE(a_model_in_the_place_of_the_parts_is_refused) {
  const temporary_folder folder;
  const std::string model = support::write_model(folder, "out.unfinished"),
                    out = (folder / "out").string(),
                    real = fs::canonical(folder / "out.unfinished").string();
  for (const resuming resume : {resuming::never, resuming::not_now, resuming::now})
    check_refused(out, model,
                  out + ": cannot be written: the model lies in " + real +
                      ", where the parts of the output would be",
                  resume);
}

BOOST_AUTO_TEST_CASE(only_files_are_replaced_and_only_if_that_is_asked_for) {
  const temporary_folder folder;
  const std::string model = support::write_model(folder), file = write_file(folder, "file"),
                    taken = folder.write("taken", "text"), other = (folder / "other").string();
  fs::create_directory(other);
  check_refused(taken, file, taken + ": exists already; --overwrite replaces it");
  check_refused(taken, file, taken + ": exists already; --overwrite replaces it", resuming::now);
  check_refused(other, file, other + ": exists already", resuming::not_now, true);
  check_refused(other, model, other + ": exists already", resuming::not_now, true);
  check_refused(taken, model, taken + ": exists already", resuming::not_now, true);
  BOOST_TEST(
      (place_of(taken, find_model(file), resuming::not_now, true).out == fs::canonical(taken)));
}

BOOST_AUTO_TEST_CASE(behind_a_link_is_what_is_replaced) {
  const temporary_folder folder;
  const std::string file = write_file(folder, "file"), link = (folder / "link").string();
  fs::create_directory(folder / "far");
  folder.write("far/old", "text");
  fs::create_symlink("far/old", link);
  const auto place = place_of(link, find_model(file), resuming::not_now, true);
  BOOST_TEST((place.out == fs::canonical(folder / "far/old")));
  BOOST_TEST((place.unfinished.parent_path() == fs::canonical(folder / "far")));
  fs::remove(folder / "far/old");
  check_refused(link, file, link + ": is a link to nothing", resuming::not_now, true);
}

BOOST_AUTO_TEST_CASE(an_interrupted_run_is_in_the_way_unless_it_is_resumed) {
  const temporary_folder folder;
  const std::string model = support::write_model(folder), out = (folder / "out").string();
  fs::create_directory(out + ".unfinished");
  const std::string parts = fs::canonical(out + ".unfinished").string();
  check_refused(out, model,
                parts +
                    ": is of a run that was interrupted, or has just begun: --resume goes on with "
                    "it, or remove it if no other run is writing there");
  check_refused(
      out, model,
      parts +
          ": is of a run that was interrupted, or has just begun: remove it if no other run "
          "is writing there",
      resuming::never);
  BOOST_TEST(!place_of(out, find_model(model), resuming::now, false).is_taken);
  // One that is still running.
  const tamp_prune::owned_file journal(parts + "/journal", O_RDWR | O_CREAT);
  BOOST_TEST(::flock(journal.number(), LOCK_EX) == 0);
  for (const resuming resume : {resuming::never, resuming::not_now, resuming::now})
    check_refused(out, model, parts + ": another run is writing there", resume);
}

BOOST_AUTO_TEST_CASE(a_run_that_has_put_its_output_in_place_can_be_resumed) {
  const temporary_folder folder;
  const std::string model = support::write_model(folder), out = (folder / "out").string();
  fs::create_directory(out);
  fs::create_directory(out + ".unfinished");
  const auto found = find_model(model);
  check_refused(out, model, out + ": exists already", resuming::now);
  for (const char* text : {"", "{}\n", "{\"complete\":true}", "\n", "x\n{\"copied\":1}\n"}) {
    folder.write("out.unfinished/journal", text);
    check_refused(out, model, out + ": exists already", resuming::now);
  }
  folder.write("out.unfinished/journal", "{}\n{\"complete\":true}\n");
  BOOST_TEST(place_of(out, found, resuming::now, false).is_taken);
  // OUT is not that of this run if this run's is still among its parts.
  fs::create_directory(out + ".unfinished/files");
  folder.write("out.unfinished/files/model-00001-of-00002.safetensors", "");
  check_refused(out, model, out + ": exists already", resuming::now);
}

BOOST_AUTO_TEST_CASE(a_name_that_is_too_long_is_a_sentence) {
  const temporary_folder folder;
  const auto found = find_model(support::write_model(folder));
  BOOST_CHECK_THROW(place_of(folder / std::string(300, 'x'), found, resuming::not_now, false),
                    file_error);
}

BOOST_AUTO_TEST_SUITE_END()
