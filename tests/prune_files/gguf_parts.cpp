// A GGUF model in several files.
#include <prune/gguf_parts.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <prune/model_files.hpp>
#include <random>
#include <string>
#include <string_view>
#include <tamp/element.hpp>
#include <tamp/error.hpp>
#include <tamp/io/gguf.hpp>
#include <vector>

#include "../io/gguf_bytes.hpp"
#include "../support/errors.hpp"
#include "models.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_gguf_parts)

namespace fs = std::filesystem;
using support::check_error;
using support::files_of;
using support::gguf_bytes;
using support::read_bytes;
using support::settings_for;
using support::temporary_folder;
using tamp::file_error;
using tamp_prune::find_model;
using tamp_prune::gguf_parts;
using tamp_prune::settings;

namespace {

constexpr std::uint32_t f32 = 0, q4_1 = 3, q8_0 = 8;

struct described {
  std::string name;
  std::uint32_t type = f32;
};

// Rows of 64 numbers: 16 of them, or one in a vector. Their names decide their bytes.
void add(gguf_bytes& file, const described& t) {
  std::seed_seq seed(t.name.begin(), t.name.end());
  std::mt19937 random(seed);
  const std::uint64_t rows = t.name.ends_with("norm.weight") ? 1 : 16;
  std::string bytes;
  if (t.type == f32) bytes = support::random_numbers<float>(64 * rows, random);
  for (std::uint64_t block = 0; t.type != f32 && block < 2 * rows; ++block) {
    bytes += support::random_numbers<tamp::f16>(t.type == q4_1 ? 2 : 1, random);
    for (int k = 0; k < (t.type == q4_1 ? 16 : 32); ++k) bytes += static_cast<char>(random());
  }
  file.tensor(t.name, {64, rows}, t.type, bytes);
}

const std::vector<std::vector<described>> parts_of_a_model{
    {},  // the first part has the metadata alone, as with --no-tensor-first-split
    {{"token_embd.weight"}, {"blk.0.ffn_up.weight", q4_1}, {"blk.0.ffn_norm.weight"}},
    {{"blk.1.ffn_up.weight", q8_0}, {"blk.1.attn_q.weight"}}};

std::string name_of(std::size_t number, std::size_t count, const std::string& start = "tiny") {
  return start + "-0000" + std::to_string(number) + "-of-0000" + std::to_string(count) + ".gguf";
}

// Part `number`, from 1 on, of the model; changes of what it says come last.
struct lies {
  std::uint16_t number = 0, count = 3;
  std::int32_t tensors = 5;
};
std::string part(std::size_t number, const lies& said) {
  gguf_bytes file;
  if (number == 1) file.value("general.architecture", std::string("llama"));
  file.value("split.no", said.number).value("split.count", said.count);
  file.value("split.tensors.count", said.tensors);
  for (const described& t : parts_of_a_model[number - 1]) add(file, t);
  return file.bytes();
}
std::string part(std::size_t number) {
  return part(number, {.number = static_cast<std::uint16_t>(number - 1)});
}
fs::path write_parts(const temporary_folder& folder) {
  for (std::size_t k = 1; k <= 3; ++k) folder.write(name_of(k, 3), part(k));
  return folder / name_of(1, 3);
}
// The same model in one file.
std::string write_whole(const temporary_folder& folder) {
  gguf_bytes file;
  file.value("general.architecture", std::string("llama"));
  for (const auto& some : parts_of_a_model)
    for (const described& t : some) add(file, t);
  return folder.write("whole.gguf", file.bytes());
}

using contents = std::map<std::string, std::string>;
void read_tensors(const fs::path& path, contents& into) {
  const tamp::io::gguf_file file(path);
  for (const auto& t : file.tensors())
    into[t.name] = std::string(t.type_name) + ' ' +
                   std::string(reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size());
}
contents tensors_of(const fs::path& path) {
  contents tensors;
  if (fs::is_regular_file(path))
    read_tensors(path, tensors);
  else
    for (const auto& entry : fs::directory_iterator(path)) read_tensors(entry.path(), tensors);
  return tensors;
}

void check_refused(const fs::path& first, const fs::path& named, const std::string& sentence) {
  check_error<file_error>(named.string() + ": " + sentence, [&] { find_model(first); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_first_part_leads_to_the_others) {
  const temporary_folder folder;
  const fs::path first = write_parts(folder);
  BOOST_TEST(
      (gguf_parts(first) == std::vector<fs::path>{name_of(1, 3), name_of(2, 3), name_of(3, 3)}));
  const auto model = find_model(first);
  BOOST_TEST((model.is_gguf && !model.is_folder && model.becomes_folder()));
  BOOST_TEST(model.tensors.size() == 5u);
  BOOST_TEST((model.tensors[0].file == 1u && model.tensors[4].file == 2u));
  BOOST_TEST((model.sources().size() == 3u && model.sources()[2] == folder / name_of(3, 3)));
}

BOOST_AUTO_TEST_CASE(a_file_that_was_not_split_is_alone) {
  const temporary_folder folder;
  const fs::path whole = write_whole(folder);
  BOOST_TEST((gguf_parts(whole) == std::vector<fs::path>{"whole.gguf"}));
  BOOST_TEST(!find_model(whole).becomes_folder());
  // One part of one, by any name.
  gguf_bytes file;
  file.value("split.count", std::uint16_t{1});
  BOOST_TEST(gguf_parts(folder.write("one", file.bytes())).size() == 1u);
}

BOOST_AUTO_TEST_CASE(parts_are_pruned_as_the_whole_file_is) {
  const temporary_folder folder;
  const fs::path first = write_parts(folder), whole = write_whole(folder);
  const auto before = files_of(first.parent_path());
  for (const char* type : {"q8_0", "f16"}) {
    settings s = settings_for(whole, folder / "whole_out");
    s.retype = type, s.names.may_retype = true, s.overwrite = true;
    support::output_of(s);
    s.model = first.string();
    s.out = (folder / "out/").string();
    s.overwrite = false;
    const std::string text = support::output_of(s);
    BOOST_TEST(text.find("in 3 files, 5 tensors") != std::string::npos);
    BOOST_TEST((tensors_of(folder / "out") == tensors_of(folder / "whole_out")));
    auto files = files_of(folder / "out");
    BOOST_TEST(files.size() == 3u);
    BOOST_TEST((files.at(name_of(1, 3)) == part(1)));  // has no tensor
    // The third has none that changes its type, and keeps its size and header.
    BOOST_TEST(files.at(name_of(3, 3)).size() == part(3).size());
    BOOST_TEST((files.at(name_of(3, 3)).substr(0, 200) == part(3).substr(0, 200)));
    // The output is a split model again.
    BOOST_TEST(find_model(folder / "out" / name_of(1, 3)).tensors.size() == 5u);
    fs::remove_all(folder / "out");
    fs::remove(folder / "whole_out");
  }
  BOOST_TEST((files_of(first.parent_path()) == before));
}

BOOST_AUTO_TEST_CASE(without_retype_a_layer_that_has_no_zero_is_refused) {
  const temporary_folder folder;
  settings s = settings_for(write_parts(folder), folder / "out");
  BOOST_CHECK_THROW(support::output_of(s), tamp::value_error);
  s.names.exclude = {"blk.0.*"};
  support::output_of(s);
  BOOST_TEST((read_bytes(folder / "out" / name_of(2, 3)) == part(2)));
  BOOST_TEST((read_bytes(folder / "out" / name_of(3, 3)) != part(3)));
}

BOOST_AUTO_TEST_CASE(a_stopped_run_goes_on_to_the_same_bits) {
  const temporary_folder folder;
  settings s = settings_for(write_parts(folder), folder / "whole");
  s.retype = "q8_0", s.names.may_retype = true;
  support::output_of(s);
  int stopped = 0;
  for (int stop_after = 0; stop_after < 12; ++stop_after) {
    s.out = (folder / "out").string();
    s.resume = false;
    int asked = 0;
    tamp_prune::surroundings around;
    around.is_stopped = [&] { return asked++ >= stop_after; };
    if (support::result_of(s, around).code == 130) {
      ++stopped;
      s.resume = true;
      support::output_of(s);
    }
    BOOST_TEST((files_of(s.out) == files_of(folder / "whole")), "after " << stop_after);
    fs::remove_all(s.out);
  }
  BOOST_TEST(stopped > 5);
}

BOOST_AUTO_TEST_CASE(the_output_is_a_folder_that_does_not_exist_and_may_lie_beside_the_parts) {
  const temporary_folder folder;
  const fs::path first = write_parts(folder);
  const auto before = files_of(first.parent_path());
  const auto refused = [&](const fs::path& out, const std::string& sentence) {
    settings s = settings_for(first, out);
    s.names.exclude = {"blk.0.*"};
    s.overwrite = true;
    check_error<file_error>(out.string() + ": " + sentence, [&] { support::output_of(s); });
    BOOST_TEST((files_of(first.parent_path()) == before));
  };
  for (std::size_t k = 1; k <= 3; ++k) refused(folder / name_of(k, 3), "is the model itself");
  refused(first.parent_path(), "exists already");
  fs::create_directory(folder / "there");
  refused(folder / "there", "exists already");
  fs::remove(folder / "there");
  settings s = settings_for(first, folder / "out");
  s.names.exclude = {"blk.0.*"};
  s.report = (folder / name_of(2, 3)).string();
  check_error<file_error>(s.report + ": --report would change the model",
                          [&] { support::output_of(s); });
  s.report = (folder / "out" / name_of(2, 3)).string();
  check_error<file_error>(s.report + ": --report would replace a file of OUT",
                          [&] { support::output_of(s); });
  s.report = (folder / "out/report.json").string();
  support::output_of(s);
  BOOST_TEST(files_of(folder / "out").size() == 4u);
}

BOOST_AUTO_TEST_CASE(parts_that_are_missing_or_those_of_another_model_are_refused) {
  const temporary_folder folder;
  const fs::path first = write_parts(folder), second = folder / name_of(2, 3),
                 third = folder / name_of(3, 3);
  fs::remove(second);
  check_refused(first, second, "is not there, and is part 2 of the 3 of " + name_of(1, 3));
  folder.write(name_of(2, 3), part(2, {.number = 2}));
  check_refused(first, second, "is part 3 of 3 by its metadata, not part 2 of 3");
  folder.write(name_of(2, 3), part(2, {.number = 1, .count = 4}));
  check_refused(first, second, "is part 2 of 4 by its metadata, not part 2 of 3");
  folder.write(name_of(2, 3), part(2, {.number = 1, .tensors = 7}));
  check_refused(first, second,
                "is part of a model of 7 tensors, and " + name_of(1, 3) + " of one of 5");
  folder.write(name_of(2, 3), read_bytes(write_whole(folder)));
  check_refused(first, second, "is part 1 of 1 by its metadata, not part 2 of 3");
  folder.write(name_of(2, 3), part(3, {.number = 1}));  // of as many tensors, and one too few here
  check_refused(first, first, "says that all parts have 5 tensors, and they have 4");
  folder.write(name_of(1, 3), part(1, {.tensors = 4}));
  folder.write(name_of(2, 3), part(3, {.number = 1, .tensors = 4}));
  folder.write(name_of(3, 3), part(3, {.number = 2, .tensors = 4}));
  check_refused(
      first, first,
      "has the tensor 'blk.1.ffn_up.weight' in " + name_of(2, 3) + " and in " + name_of(3, 3));
  folder.write(name_of(3, 3), part(3).substr(0, 100));
  BOOST_CHECK_THROW(find_model(first), file_error);
}

BOOST_AUTO_TEST_CASE(the_first_part_must_be_named_and_be_called_so) {
  const temporary_folder folder;
  write_parts(folder);
  check_refused(folder / name_of(3, 3), folder / name_of(3, 3),
                "is part 3 of 3; name the first one, " + name_of(1, 3));
  fs::rename(folder / name_of(1, 3), folder / "first.gguf");
  check_refused(folder / "first.gguf", folder / "first.gguf",
                "is part 1 of 3 by its metadata, and its name does not end in "
                "-00001-of-00003.gguf");
}

BOOST_AUTO_TEST_CASE(structure_and_order_change_in_models_of_one_file_alone) {
  const temporary_folder folder;
  settings s = settings_for(write_parts(folder), folder / "out");
  const auto refused = [&](const std::string& option) {
    check_error<file_error>(s.model + ": is one of 3 parts, and " + option +
                                " takes models of one file: merge them with llama-gguf-split "
                                "--merge",
                            [&] { support::output_of(s); });
    BOOST_TEST(!fs::exists(s.out));
  };
  s.structure = {"neurons:0.5"};
  refused("--structure");
  s.structure.clear();
  s.permute = true;
  s.pattern = "2:4";
  refused("--permute");
}

BOOST_AUTO_TEST_CASE(a_text_is_read_by_models_of_one_file_alone) {
  const temporary_folder folder;
  settings s = settings_for(write_parts(folder), folder / "out");
  s.score = "wanda";
  s.retype = "q8_0", s.names.may_retype = true;
  s.text = folder.write("text", "hello");
  check_error<file_error>(s.model +
                              ": is one of 3 parts, and --text reads models of one file: merge "
                              "them with llama-gguf-split --merge",
                          [&] { support::output_of(s); });
  BOOST_TEST(!fs::exists(s.out));
}

BOOST_AUTO_TEST_SUITE_END()
