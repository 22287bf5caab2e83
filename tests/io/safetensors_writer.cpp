#include <tamp/io/safetensors_writer.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <span>
#include <string>
#include <tamp/io/safetensors.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "files.hpp"

BOOST_AUTO_TEST_SUITE(io_safetensors_writer)

using support::check_error;
using support::read_bytes;
using support::temporary_folder;
using tamp::bf16;
using tamp::f16;
using tamp::file_error;
using tamp::io::declaration;
using tamp::io::dtype;
using tamp::io::safetensors_file;
using tamp::io::safetensors_writer;

namespace {

using floats = std::vector<float>;

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const temporary_folder folder;
  safetensors_writer out(folder / "w.safetensors", {{"w", dtype::f32, {1, 2}}}, {{"by", "hand"}});
  out.write<float>("w", floats{1, -2});
  out.commit();
  const std::string header =
      R"({"__metadata__":{"by":"hand"},"w":{"data_offsets":[0,8],"dtype":"F32","shape":[1,2]}})";
  std::string padded = header;
  padded.resize((header.size() + 7) / 8 * 8, ' ');
  BOOST_TEST(read_bytes(folder / "w.safetensors") ==
             support::bytes_of(std::uint64_t{padded.size()}) + padded +
                 support::bytes_of(1.0f, -2.0f));
}

// In many types, declared in the worst order, written backwards.
BOOST_AUTO_TEST_CASE(what_is_written_is_read_back_and_aligned) {
  const temporary_folder folder;
  const std::map<std::string, std::string> metadata = {{"", ""},
                                                       {"\xc3\xbc", "\"\\\n\x01\xef\xbf\xbd"}};
  safetensors_writer out(folder / "all",
                         {{"bool", dtype::boolean, {1}},
                          {"u8", dtype::u8, {2}},
                          {"bf16", dtype::bf16, {1}},
                          {"f16", dtype::f16, {2, 1}},
                          {"none", dtype::f32, {3, 0}},
                          {"i32", dtype::i32, {1}},
                          {"f32", dtype::f32, {}},
                          {"i64", dtype::i64, {1}},
                          {"name \" \\ \xe2\x82\xac \xef\xbf\xbd", dtype::f64, {1, 1, 2}}},
                         metadata);
  out.write<double>("name \" \\ \xe2\x82\xac \xef\xbf\xbd", std::vector{0.1, -1e300});
  out.write<std::int64_t>("i64", std::vector<std::int64_t>{INT64_MIN});
  out.write<float>("f32", floats{0.1f});
  out.write<std::int32_t>("i32", std::vector<std::int32_t>{-5});
  out.write<f16>("f16", std::vector{f16(2.0f), f16(-3.0f)});
  out.write<bf16>("bf16", std::vector{bf16(7.0f)});
  out.write<std::uint8_t>("u8", std::vector<std::uint8_t>{0, 255});
  const bool yes[] = {true};
  out.write<bool>("bool", yes);
  out.commit();

  const safetensors_file file(folder / "all");
  BOOST_TEST((file.metadata() == metadata));
  BOOST_TEST(file.tensors().size() == 9u);
  BOOST_TEST(file.values<double>("name \" \\ \xe2\x82\xac \xef\xbf\xbd")[1] == -1e300);
  BOOST_TEST(file.values<std::int64_t>("i64")[0] == INT64_MIN);
  BOOST_TEST(file.values<float>("f32")[0] == 0.1f);
  BOOST_TEST(file.at("f32").shape.empty());
  BOOST_TEST(file.values<std::int32_t>("i32")[0] == -5);
  BOOST_TEST(float(file.values<f16>("f16")[1]) == -3);
  BOOST_TEST((file.at("f16").shape == std::vector<std::size_t>{2, 1}));
  BOOST_TEST(float(file.values<bf16>("bf16")[0]) == 7);
  BOOST_TEST(file.values<std::uint8_t>("u8")[1] == 255);
  BOOST_TEST(file.values<bool>("bool")[0]);
  BOOST_TEST((file.at("none").shape == std::vector<std::size_t>{3, 0}));
}

BOOST_AUTO_TEST_CASE(matrices_of_any_type_and_strides_are_written_row_by_row) {
  const temporary_folder folder;
  std::vector<float> columns{1, 4, 2, 5, 3, 6};
  std::vector<std::int32_t> whole{1, 2, 0, 3, 4, 0};
  const tamp::any_view by_column(columns.data(), dtype::f32, 2, 3, 1, 2);
  const tamp::any_view with_gaps(whole.data(), dtype::i32, 2, 2, 3, 1);
  safetensors_writer out(folder / "m", {{"f", dtype::f32, {4, 3}}, {"i", dtype::i32, {2, 2}}});
  out.write("f", by_column);
  out.write("i", with_gaps);
  support::check_error<file_error>(
      (folder / "m").string() + ": tensor 'i' was declared as I32, not F32",
      [&] { out.write("i", by_column); });
  support::check_error<file_error>(
      (folder / "m").string() + ": tensor 'i' has room for 0 more numbers, not 4",
      [&] { out.write("i", with_gaps); });
  support::check_error<tamp::shape_error>("any_view: 2 x 3 elements lie at a null pointer", [&] {
    out.write("f", tamp::any_view(static_cast<void*>(nullptr), dtype::f32, 2, 3));
  });
  support::check_error<tamp::value_error>(
      "any_view: the elements of this tensor of 2 x 3 F32 lie in the memory of an NVIDIA GPU, and "
      "this operation runs on the CPU",
      [&] {
        out.write("f", tamp::any_view(columns.data(), dtype::f32, 2, 3, 3, 1, tamp::memory::cuda));
      });
  out.write("f", by_column);
  out.commit();
  const safetensors_file file(folder / "m");
  const auto f = file.values<float>("f");
  BOOST_TEST((floats(f.begin(), f.end()) == floats{1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6}));
  const auto i = file.values<std::int32_t>("i");
  BOOST_TEST((std::vector(i.begin(), i.end()) == std::vector<std::int32_t>{1, 2, 3, 4}));
}

BOOST_AUTO_TEST_CASE(pieces_of_several_tensors_may_take_turns) {
  const temporary_folder folder;
  safetensors_writer out(folder / "pieces", {{"a", dtype::f32, {3, 2}}, {"b", dtype::f32, {4}}});
  out.write<float>("b", floats{10});
  out.write<float>("a", floats{1, 2, 3});
  out.write<float>("a", floats{});
  out.write<float>("b", floats{20, 30, 40});
  out.write<float>("a", floats{4, 5, 6});
  out.commit();
  const safetensors_file file(folder / "pieces");
  BOOST_TEST((file.read_floats("a") == floats{1, 2, 3, 4, 5, 6}));
  BOOST_TEST((file.read_floats("b") == floats{10, 20, 30, 40}));
}

BOOST_AUTO_TEST_CASE(nothing_appears_before_commit) {
  const temporary_folder folder;
  folder.write("w", "old");
  {
    safetensors_writer out(folder / "w", {{"w", dtype::f32, {1}}});
    out.write<float>("w", floats{1});
    BOOST_TEST(read_bytes(folder / "w") == "old");
    BOOST_TEST(folder.count() == 2u);
    out.commit();
    BOOST_TEST(folder.count() == 1u);
    BOOST_TEST(safetensors_file(folder / "w").read_floats("w")[0] == 1);
  }
  BOOST_TEST(safetensors_file(folder / "w").read_floats("w")[0] == 1);
}

BOOST_AUTO_TEST_CASE(without_commit_nothing_is_left) {
  const temporary_folder folder;
  folder.write("w", "old");
  {
    safetensors_writer out(folder / "w", {{"w", dtype::f32, {1}}});
    out.write<float>("w", floats{1});
    safetensors_writer other(folder / "new", {{"w", dtype::f32, {1}}});
  }
  BOOST_TEST(folder.count() == 1u);
  BOOST_TEST(read_bytes(folder / "w") == "old");
}

// The file being read and the one being written have the same name.
BOOST_AUTO_TEST_CASE(a_file_can_be_replaced_while_it_is_read) {
  const temporary_folder folder;
  for (const float x : {1.0f, 2.0f}) {
    safetensors_writer out(folder / "w", {{"w", dtype::f32, {1}}});
    out.write<float>("w", floats{x});
    out.commit();
  }
  const safetensors_file before(folder / "w");
  safetensors_writer out(folder / "w", {{"w", dtype::f32, {1}}});
  out.write<float>("w", before.values<float>("w"));
  out.commit();
  BOOST_TEST(before.values<float>("w")[0] == 2);
  BOOST_TEST(safetensors_file(folder / "w").values<float>("w")[0] == 2);
}

BOOST_AUTO_TEST_CASE(two_writers_of_one_file_do_not_mix) {
  const temporary_folder folder;
  safetensors_writer a(folder / "w", {{"w", dtype::f32, {2}}}),
      b(folder / "w", {{"w", dtype::f32, {2}}});
  a.write<float>("w", floats{1, 1});
  b.write<float>("w", floats{2, 2});
  a.commit();
  BOOST_TEST((safetensors_file(folder / "w").read_floats("w") == floats{1, 1}));
  b.commit();
  BOOST_TEST((safetensors_file(folder / "w").read_floats("w") == floats{2, 2}));
}

BOOST_AUTO_TEST_CASE(a_refused_write_changes_nothing) {
  const temporary_folder folder;
  const std::string path = (folder / "w").string();
  safetensors_writer out(path, {{"w", dtype::f32, {3}}});
  out.write<float>("w", floats{1, 2});
  check_error<file_error>(path + ": tensor 'v' was not declared",
                          [&] { out.write<float>("v", floats{1}); });
  check_error<file_error>(path + ": tensor 'w' was declared as F32, not F64",
                          [&] { out.write<double>("w", std::vector{1.0}); });
  check_error<file_error>(path + ": tensor 'w' has room for 1 more numbers, not 2",
                          [&] { out.write<float>("w", floats{8, 9}); });
  out.write<float>("w", floats{3});
  out.commit();
  BOOST_TEST((safetensors_file(path).read_floats("w") == floats{1, 2, 3}));
}

BOOST_AUTO_TEST_CASE(commit_wants_every_number_and_happens_once) {
  const temporary_folder folder;
  const std::string path = (folder / "w").string();
  safetensors_writer out(path, {{"a", dtype::f64, {2, 2}}, {"b", dtype::u8, {0}}});
  out.write<double>("a", std::vector{1.0});
  check_error<file_error>(path + ": tensor 'a' lacks 3 numbers", [&] { out.commit(); });
  BOOST_TEST(!std::filesystem::exists(path));
  out.write<double>("a", std::vector{2.0, 3.0, 4.0});
  out.commit();
  check_error<file_error>(path + ": has been committed before", [&] { out.commit(); });
  BOOST_TEST(safetensors_file(path).values<double>("a")[3] == 4);
}

BOOST_AUTO_TEST_CASE(declarations_that_no_file_can_hold_are_refused) {
  const temporary_folder folder;
  const std::string path = (folder / "w").string();
  const auto refused = [&](const std::string& sentence, const std::vector<declaration>& tensors,
                           const std::map<std::string, std::string>& metadata = {}) {
    check_error<file_error>(path + ": " + sentence,
                            [&] { safetensors_writer{path, tensors, metadata}; });
    BOOST_TEST(folder.count() == 0u);
  };
  refused("the name 'w' can stand for one tensor only",
          {{"w", dtype::f32, {1}}, {"w", dtype::u8, {1}}});
  refused("the name '__metadata__' can stand for one tensor only",
          {{"__metadata__", dtype::f32, {1}}});
  refused("the name of tensor 1 is not valid UTF-8",
          {{"w", dtype::f32, {1}}, {"\xff", dtype::f32, {1}}});
  refused("the metadata 'a' are not valid UTF-8", {}, {{"a", "\xc3"}});
  refused("a key of the metadata is not valid UTF-8", {}, {{"\xed\xa0\x80", ""}});
  refused("tensor 'w' has 3 numbers of 4 bits, which are no whole number of bytes",
          {{"w", dtype::f4, {3}}});
  refused("tensor 'w' has no known type", {{"w", dtype::unknown, {1}}});
  refused("tensor 'w' has no known type", {{"w", static_cast<dtype>(99), {1}}});
  refused("tensor 'w' has more than 64 dimensions",
          {{"w", dtype::u8, std::vector<std::size_t>(65, 1)}});
  refused("tensor 'w' is too large", {{"w", dtype::f32, {std::size_t{1} << 62}}});
  refused("tensor 'w' is too large",
          {{"w", dtype::u8, {std::size_t{1} << 32, std::size_t{1} << 33}}});
  refused("tensor 'v' is too large",
          {{"w", dtype::u8, {std::size_t{1} << 61}}, {"v", dtype::u8, {std::size_t{1} << 61}}});
}

BOOST_AUTO_TEST_CASE(a_folder_that_does_not_exist_is_named) {
  const temporary_folder folder;
  const auto path = folder / "missing";
  try {
    safetensors_writer{path / "w", {}};
    BOOST_ERROR("nothing was refused");
  } catch (const file_error& problem) {
    BOOST_TEST(
        std::string(problem.what()).starts_with((path / "w").string() + ": cannot be written"));
  }
  // A folder in the target's place.
  std::filesystem::create_directory(path);
  BOOST_CHECK_THROW((safetensors_writer{path, {}}), file_error);
  BOOST_TEST(folder.count() == 1u);
}

// Names and sizes that the reader refuses are refused before the older file is touched.
BOOST_AUTO_TEST_CASE(a_header_that_no_reader_accepts_is_not_written) {
  const temporary_folder folder;
  const std::string path = folder.write("w", "old");
  const auto refused = [&](const std::string& sentence, const std::vector<declaration>& tensors,
                           const std::map<std::string, std::string>& metadata) {
    check_error<file_error>(path + ": " + sentence,
                            [&] { safetensors_writer{path, tensors, metadata}; });
    BOOST_TEST(read_bytes(path) == "old");
    BOOST_TEST(folder.count() == 1u);
  };
  const std::string sentence =
      "the header is longer than the 100000000 bytes that the format allows";
  refused(sentence, {}, {{"note", std::string(100'000'001, 'x')}});
  if (support::is_thorough()) {
    refused(sentence, {}, {{"note", std::string(17'000'000, '\x01')}});  // six bytes each
    refused(sentence, {}, {{"note", std::string(99'999'990, 'x')}});
    refused(sentence, {{std::string(100'000'000, 'x'), dtype::u8, {0}}}, {});
    refused(sentence, {},
            {{"a", std::string(60'000'000, 'x')}, {"b", std::string(60'000'000, 'x')}});
  }
  std::map<std::string, std::string> many;
  for (int k = 0; k <= 100'000; ++k) many.emplace(std::to_string(k), "");
  refused("has 100001 metadata, more than the 100000 that tamp reads", {}, many);
}

BOOST_AUTO_TEST_CASE(the_longest_header_is_written_and_read, *support::before_a_release()) {
  const temporary_folder folder;
  const std::string frame = R"({"__metadata__":{"note":""}})";
  const std::map<std::string, std::string> longest{
      {"note", std::string(100'000'000 - frame.size(), 'x')}};
  safetensors_writer(folder / "w", {}, longest).commit();
  BOOST_TEST(std::filesystem::file_size(folder / "w") == 100'000'008u);
  BOOST_TEST((safetensors_file(folder / "w").metadata() == longest));
}

// Every type is copied from one file to the next, whether or not it can be read.
BOOST_AUTO_TEST_CASE(tensors_of_any_type_are_copied_as_bytes) {
  const temporary_folder folder;
  std::vector<declaration> all;
  for (const auto& type : tamp::io::detail::dtypes)
    if (type.type != dtype::unknown) all.push_back({std::string(type.name), type.type, {2, 4}});
  safetensors_writer out(folder / "a", all);
  for (const declaration& tensor : all) {
    const std::string bytes(tamp::io::detail::entry(tensor.type).bits, '\1');  // of 8 numbers
    out.write_bytes(tensor.name, std::as_bytes(std::span(bytes)).first(1));
    out.write_bytes(tensor.name, std::as_bytes(std::span(bytes)).subspan(1));
  }
  check_error<file_error>(
      (folder / "a").string() + ": tensor 'F6_E2M3' has room for 0 more bytes, not 1",
      [&] { out.write_bytes("F6_E2M3", std::as_bytes(std::span("x", 1))); });
  out.commit();
  const safetensors_file file(folder / "a");
  safetensors_writer copy(folder / "b", all);
  for (const auto& tensor : file.tensors()) copy.write_bytes(tensor.name, tensor.bytes);
  copy.commit();
  BOOST_TEST((read_bytes(folder / "a") == read_bytes(folder / "b")));
  BOOST_TEST(file.tensors().size() == all.size());
  for (const declaration& tensor : all) BOOST_TEST((file.at(tensor.name).type == tensor.type));
  BOOST_TEST(file.values<std::uint16_t>("U16")[7] == 0x0101);

  safetensors_writer lacking(folder / "c", {{"w", dtype::f4, {8}}});
  lacking.write_bytes("w", std::as_bytes(std::span("x", 1)));
  check_error<file_error>((folder / "c").string() + ": tensor 'w' lacks 6 numbers",
                          [&] { lacking.commit(); });
}

BOOST_AUTO_TEST_CASE(random_tensors_survive_the_round_trip) {
  const temporary_folder folder;
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    std::vector<declaration> tensors;
    std::map<std::string, std::vector<std::uint8_t>> bytes;
    std::map<std::string, floats> numbers;
    for (unsigned k = 0; k < random() % 8; ++k) {
      const std::string name = tamp::detail::sentence("t", k);
      const std::vector<std::size_t> shape = {random() % 5, random() % 40};
      const std::size_t size = shape[0] * shape[1];
      if (random() % 2 == 0) {
        tensors.push_back({name, dtype::u8, shape});
        for (std::size_t i = 0; i < size; ++i)
          bytes[name].push_back(static_cast<std::uint8_t>(random()));
      } else {
        tensors.push_back({name, dtype::f32, shape});
        for (std::size_t i = 0; i < size; ++i)
          numbers[name].push_back(static_cast<float>(random()));
      }
    }
    safetensors_writer out(folder / "random", tensors);
    for (const auto& [name, values] : bytes) out.write<std::uint8_t>(name, values);
    for (const auto& [name, values] : numbers) out.write<float>(name, values);
    out.commit();
    const safetensors_file file(folder / "random");
    BOOST_TEST(file.tensors().size() == tensors.size());
    for (const declaration& tensor : tensors)
      BOOST_TEST((file.at(tensor.name).shape == tensor.shape));
    for (const auto& [name, values] : numbers) BOOST_TEST((file.read_floats(name) == values));
    for (const auto& [name, values] : bytes) {
      const auto read = file.values<std::uint8_t>(name);
      BOOST_TEST((std::vector<std::uint8_t>(read.begin(), read.end()) == values));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
