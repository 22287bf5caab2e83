#include <tamp/io/attention_recording.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <tamp/token/fitprune_fit.hpp>
#include <utility>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"
#include "files.hpp"

BOOST_AUTO_TEST_SUITE(io_attention_recording)

using support::check_error;
using support::read_bytes;
using support::temporary_folder;
using tamp::file_error;
using tamp::shape_error;
using tamp::io::attention_recorder;
using tamp::io::attention_recording;
using tamp::io::dtype;
using tamp::io::load;
using tamp::io::safetensors_file;
using tamp::io::safetensors_writer;
using tamp::io::save;
using tamp::token::attention_record;
using indices = std::vector<std::size_t>;

namespace {

attention_record random_record(std::size_t visual, unsigned seed) {
  std::mt19937 random(seed);
  std::exponential_distribution<float> number;
  attention_record r{std::vector<double>(visual), std::vector<float>(visual * visual)};
  for (double& a : r.cross) a = double(number(random)) / 3;
  for (float& a : r.self) a = number(random);
  return r;
}

tamp::token::attention_recording in_memory(const indices& visual_tokens, std::size_t layers) {
  tamp::token::attention_recording recording(layers);
  unsigned seed = 0;
  for (const std::size_t visual : visual_tokens)
    for (std::size_t l = 0; l < layers; ++l) recording.add(random_record(visual, seed++));
  return recording;
}

// A file of one layer and one sample, as someone else might have written it.
std::string written(const temporary_folder& folder, const std::vector<double>& cross,
                    const std::vector<float>& self, const std::string& version = "1",
                    const std::string& self_name = "0.0.self") {
  const auto path = folder / "recording";
  safetensors_writer out(
      path, {{"0.0.cross", dtype::f64, {cross.size()}}, {self_name, dtype::f32, {self.size()}}},
      {{"tamp_attention_recording", version}});
  out.write<double>("0.0.cross", cross);
  out.write<float>(self_name, self);
  out.commit();
  return path.string();
}

void refused(const std::string& path, const std::string& sentence) {
  check_error<file_error>(path + ": " + sentence, [&] { attention_recording recording(path); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const temporary_folder folder;
  {
    attention_recorder out(folder / "recording", {2, 1}, 1);
    out.add({{0.5, 0.25}, {1, 2, 3, 4}});
    out.add({{0.125}, {5}});
    out.commit();
  }
  const safetensors_file file(folder / "recording");
  BOOST_TEST(file.metadata().at("tamp_attention_recording") == "1");
  BOOST_TEST(file.tensors().size() == 4u);
  BOOST_TEST(file.at("0.0.cross").shape == (indices{2}), boost::test_tools::per_element());
  BOOST_TEST(file.at("0.0.self").shape == (indices{2, 2}), boost::test_tools::per_element());
  BOOST_TEST(file.values<double>("0.0.cross")[1] == 0.25);
  BOOST_TEST(file.values<float>("0.0.self")[2] == 3.0f);
  BOOST_TEST(file.values<double>("1.0.cross")[0] == 0.125);

  const attention_recording recording(folder / "recording");
  BOOST_TEST(recording.samples() == 2u);
  BOOST_TEST(recording.layers() == 1u);
  BOOST_TEST(recording.visual_tokens() == (indices{2, 1}), boost::test_tools::per_element());
  const auto all = recording(0, 0, indices{0, 1});
  BOOST_TEST(all.cross == (std::vector{0.5, 0.25}), boost::test_tools::per_element());
  BOOST_TEST(all.self == (std::vector{2.0, 3.0}), boost::test_tools::per_element());
  BOOST_TEST(recording(0, 0, indices{1}).self == (std::vector{4.0}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_file_answers_as_memory_does) {
  const temporary_folder folder;
  const indices visual{7, 1, 12};
  const auto memory = in_memory(visual, 3);
  save(folder / "recording", memory);
  const attention_recording file(folder / "recording");
  BOOST_TEST(file.visual_tokens() == visual, boost::test_tools::per_element());
  for (std::size_t s = 0; s < 3; ++s)
    for (std::size_t l = 0; l < 3; ++l)
      for (std::size_t stride = 1; stride < 4; ++stride) {
        indices left;
        for (std::size_t v = 0; v < visual[s]; v += stride) left.push_back(v);
        BOOST_TEST((file(s, l, left) == memory(s, l, left)));
      }
}

BOOST_AUTO_TEST_CASE(a_recording_in_memory_is_saved_and_loaded) {
  const temporary_folder folder;
  const auto memory = in_memory({7, 1, 0, 12}, 3);
  save(folder / "recording", memory);
  const attention_recording mapped(folder / "recording");
  const auto loaded = load<tamp::token::attention_recording>(folder / "recording");
  BOOST_TEST(loaded.visual_tokens() == memory.visual_tokens(), boost::test_tools::per_element());
  BOOST_TEST(loaded.layers() == 3u);
  for (std::size_t s = 0; s < 4; ++s)
    for (std::size_t l = 0; l < 3; ++l) {
      BOOST_TEST((loaded.at(s, l).cross == memory.at(s, l).cross));
      BOOST_TEST((loaded.at(s, l).self == memory.at(s, l).self));
      BOOST_TEST((mapped.at(s, l).cross == memory.at(s, l).cross));
      BOOST_TEST((mapped.at(s, l).self == memory.at(s, l).self));
    }
  check_error<file_error>((folder / "recording").string() + ": has no tensor named '4.0.cross'",
                          [&] { mapped.at(4, 0); });
}

BOOST_AUTO_TEST_CASE(complete_samples_are_saved) {
  const temporary_folder folder;
  auto memory = in_memory({2, 3}, 2);
  memory.add(random_record(4, 9));  // of a sample whose second layer is missing
  save(folder / "recording", memory);
  BOOST_TEST(load<tamp::token::attention_recording>(folder / "recording").samples() == 2u);
}

BOOST_AUTO_TEST_CASE(a_recording_without_a_sample_is_neither_saved_nor_loaded) {
  const temporary_folder folder;
  const std::string path = folder.write("recording", "old");
  const std::string sentence = path + ": holds no sample, and so no number of layers";
  check_error<file_error>(sentence, [&] { save(path, in_memory({}, 3)); });
  BOOST_TEST(read_bytes(path) == "old");
  attention_recorder(path, {}, 3).commit();
  check_error<file_error>(sentence, [&] { load<tamp::token::attention_recording>(path); });
}

BOOST_AUTO_TEST_CASE(attention_that_the_reader_refuses_is_not_written) {
  const temporary_folder folder;
  const std::string path = folder.write("recording", "old");
  const double nan = double(support::not_a_number);
  const auto not_saved = [&](attention_record record, const std::string& number) {
    tamp::token::attention_recording memory(2);
    memory.add(random_record(2, 1));
    memory.add(std::move(record));
    check_error<tamp::value_error>(
        "attention_recorder: layer 1 of sample 0 has an attention of " + number,
        [&] { save(path, memory); });
    BOOST_TEST(read_bytes(path) == "old");
    BOOST_TEST(folder.count() == 1u);
  };
  not_saved({{1, -2}, {1, 2, 3, 4}}, "-2");
  not_saved({{nan, 2}, {1, 2, 3, 4}}, "nan");
  not_saved({{1, 2}, {1, 2, -0.5f, 4}}, "-0.5");
  not_saved({{1, 2}, {1, 2, 3, support::infinity}}, "inf");
  // The recorder is as it was before.
  attention_recorder out(path, {2}, 1);
  BOOST_CHECK_THROW(out.add({{nan, 2}, {1, 2, 3, 4}}), tamp::value_error);
  out.add(random_record(2, 1));
  out.commit();
  BOOST_TEST((attention_recording(path).at(0, 0).cross == random_record(2, 1).cross));
}

BOOST_AUTO_TEST_CASE(fitting_from_a_file_finds_what_fitting_from_memory_finds) {
  const temporary_folder folder;
  const indices visual{20, 11, 16};
  const auto memory = in_memory(visual, 4);
  save(folder / "recording", memory);
  const attention_recording file(folder / "recording");
  for (const double budget : {0.9, 0.6, 0.4, 0.05}) {
    const tamp::token::fitprune_fit fit{.budget = budget, .shape = tamp::block_shape::plain(8, 20)};
    const auto expected = fit(memory, memory.visual_tokens(), 4);
    BOOST_TEST((fit(file, file.visual_tokens(), file.layers()) == expected));
    for (const support::any_executor& exec : support::every_executor)
      BOOST_TEST((fit(exec, file, file.visual_tokens(), file.layers()) == expected));
  }
}

BOOST_AUTO_TEST_CASE(a_recording_of_nothing_is_empty) {
  const temporary_folder folder;
  attention_recorder(folder / "recording", {}, 3).commit();
  const attention_recording recording(folder / "recording");
  BOOST_TEST(recording.samples() == 0u);
  BOOST_TEST(recording.layers() == 0u);
}

BOOST_AUTO_TEST_CASE(without_commit_the_old_file_survives) {
  const temporary_folder folder;
  folder.write("recording", "old");
  {
    attention_recorder out(folder / "recording", {2}, 2);
    out.add(random_record(2, 1));
    BOOST_TEST(read_bytes(folder / "recording") == "old");
    check_error<file_error>((folder / "recording").string() + ": has 1 of 2 records",
                            [&] { out.commit(); });
  }
  BOOST_TEST(read_bytes(folder / "recording") == "old");
  BOOST_TEST(folder.count() == 1u);
  // A refused commit does not stand in the way of a complete one.
  std::optional<attention_recorder> out(std::in_place, folder / "recording", indices{2}, 1);
  BOOST_CHECK_THROW(out->commit(), file_error);
  out->add(random_record(2, 1));
  out->commit();
  out.reset();
  BOOST_TEST(attention_recording(folder / "recording").samples() == 1u);
  BOOST_TEST(folder.count() == 1u);
}

BOOST_AUTO_TEST_CASE(a_record_without_tokens_is_missed_as_well) {
  const temporary_folder folder;
  attention_recorder out(folder / "recording", {1, 0}, 1);
  out.add(random_record(1, 1));
  check_error<file_error>((folder / "recording").string() + ": has 1 of 2 records",
                          [&] { out.commit(); });
  out.add({});
  out.commit();
  BOOST_TEST((attention_recording(folder / "recording").visual_tokens() == indices{1, 0}));
}

BOOST_AUTO_TEST_CASE(records_that_do_not_belong_there_are_refused) {
  const temporary_folder folder;
  attention_recorder out(folder / "recording", {2, 3}, 2);
  out.add(random_record(2, 1));
  check_error<shape_error>(
      "attention_recorder: layer 1 of sample 0 has 3 visual tokens and 9 numbers among them, not "
      "those of 2",
      [&] { out.add(random_record(3, 1)); });
  check_error<shape_error>(
      "attention_recorder: layer 1 of sample 0 has 2 visual tokens and 3 numbers among them, not "
      "those of 2",
      [&] { out.add({{1, 2}, {1, 2, 3}}); });
  out.add(random_record(2, 2));
  out.add(random_record(3, 3));
  out.add(random_record(3, 4));
  check_error<shape_error>("attention_recorder: all 2 samples of 2 layers are there already",
                           [&] { out.add(random_record(3, 5)); });
  out.commit();
  const attention_recording recording(folder / "recording");
  BOOST_TEST((recording(1, 1, indices{0, 1, 2}).cross == random_record(3, 4).cross));
  attention_recorder none(folder / "none", {2}, 0);
  check_error<shape_error>("attention_recorder: all 1 samples of 0 layers are there already",
                           [&] { none.add(random_record(2, 1)); });
}

BOOST_AUTO_TEST_CASE(attention_that_cannot_be_is_refused) {
  const temporary_folder folder;
  BOOST_TEST(attention_recording(written(folder, {1, 2}, {1, 2, 3, 4})).samples() == 1u);
  const double nan = double(support::not_a_number), infinity = double(support::infinity);
  refused(written(folder, {1, -2}, {1, 2, 3, 4}), "tensor '0.0.cross' holds an attention of -2");
  refused(written(folder, {nan, 2}, {1, 2, 3, 4}), "tensor '0.0.cross' holds an attention of nan");
  refused(written(folder, {infinity, 2}, {1, 2, 3, 4}),
          "tensor '0.0.cross' holds an attention of inf");
  refused(written(folder, {1, 2}, {1, 2, -0.5f, 4}),
          "tensor '0.0.self' holds an attention of -0.5");
  refused(written(folder, {1, 2}, {1, 2, 3, support::not_a_number}),
          "tensor '0.0.self' holds an attention of nan");
}

BOOST_AUTO_TEST_CASE(files_of_another_kind_are_refused) {
  const temporary_folder folder;
  refused(written(folder, {1}, {1}, "2"), "is no attention recording of version 1");
  refused(written(folder, {1, 2}, {1, 2, 3}), "tensor '0.0.self' holds 3 numbers instead of 4");
  refused(written(folder, {1, 2}, {1, 2, 3, 4}, "1", "0.1.self"), "has no tensor named '0.0.self'");
  refused(written(folder, {1, 2}, {1, 2, 3, 4, 5}),
          "tensor '0.0.self' holds 5 numbers instead of 4");
  const auto other = folder / "other";
  safetensors_writer(other, {}).commit();
  refused(other.string(), "is no attention recording of version 1");
  refused((folder / "none").string(), "cannot be opened: No such file or directory");
}

// 2^32 * 2^32 pairs are none in 64 bits. The file is all holes, and its numbers are never looked
// at.
BOOST_AUTO_TEST_CASE(sizes_that_wrap_are_refused) {
  const temporary_folder folder;
  std::string header =
      R"({"__metadata__":{"tamp_attention_recording":"1"},)"
      R"("0.0.cross":{"dtype":"F64","shape":[4294967296],"data_offsets":[0,34359738368]},)"
      R"("0.0.self":{"dtype":"F32","shape":[0],"data_offsets":[34359738368,34359738368]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const std::string path =
      folder.write("holes", support::bytes_of(std::uint64_t{header.size()}) + header);
  std::filesystem::resize_file(path, 8 + header.size() + 34359738368);
  refused(path, "tensor '0.0.self' holds 0 numbers instead of 18446744073709551615");

  const auto too_many = [&](const indices& visual_tokens, std::size_t layers) {
    BOOST_CHECK_THROW(attention_recorder(folder / "many", visual_tokens, layers), file_error);
  };
  too_many({2}, static_cast<std::size_t>(-1));
  too_many({2, 2}, std::size_t{1} << 63);
  too_many({std::size_t{1} << 32}, 1);
  BOOST_TEST(folder.count() == 1u);
}

BOOST_AUTO_TEST_CASE(a_layer_or_a_part_that_is_missing_is_noticed) {
  const temporary_folder folder;
  const auto path = folder / "recording";
  const auto write = [&](const std::vector<std::string>& names) {
    std::vector<tamp::io::declaration> all;
    for (const std::string& name : names)
      all.push_back({name, name.ends_with("cross") ? dtype::f64 : dtype::f32, {1}});
    safetensors_writer out(path, all, {{"tamp_attention_recording", "1"}});
    for (const std::string& name : names)
      if (name.ends_with("cross"))
        out.write<double>(name, std::vector{1.0});
      else
        out.write<float>(name, std::vector{1.0f});
    out.commit();
    return path.string();
  };
  const std::vector<std::string> whole{"0.0.cross", "0.0.self", "0.1.cross", "0.1.self",
                                       "1.0.cross", "1.0.self", "1.1.cross", "1.1.self"};
  BOOST_TEST(attention_recording(write(whole)).samples() == 2u);
  for (std::size_t missing = 0; missing < whole.size(); ++missing) {
    auto rest = whole;
    rest.erase(rest.begin() + std::ptrdiff_t(missing));
    BOOST_CHECK_THROW(attention_recording{write(rest)}, file_error);
  }
  auto more = whole;
  more.push_back("extra.self");
  refused(write(more), "holds 9 tensors, not two for each of 2 layers of 2 samples");
  const std::vector<double> numbers{1.0};
  safetensors_writer out(path, {{"0.0.cross", dtype::f64, {1}}, {"0.0.self", dtype::f64, {1}}},
                         {{"tamp_attention_recording", "1"}});
  out.write<double>("0.0.cross", numbers);
  out.write<double>("0.0.self", numbers);
  out.commit();
  BOOST_CHECK_THROW(attention_recording{path}, file_error);
}

BOOST_AUTO_TEST_CASE(damaged_files_are_refused_or_are_recordings) {
  const temporary_folder folder;
  save(folder / "recording", in_memory({2, 1}, 2));
  const auto use = [](const std::string& path) {
    const attention_recording recording(path);
    for (std::size_t s = 0; s < recording.samples(); ++s)
      for (std::size_t l = 0; l < recording.layers(); ++l) {
        indices all(recording.visual_tokens()[s]);
        for (std::size_t v = 0; v < all.size(); ++v) all[v] = v;
        recording(s, l, all);
      }
  };
  support::damage(read_bytes(folder / "recording"), use, [](std::size_t) { return true; });
}

BOOST_AUTO_TEST_SUITE_END()
