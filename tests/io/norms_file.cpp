#include <tamp/io/norms_file.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/io/safetensors.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "files.hpp"

BOOST_AUTO_TEST_SUITE(io_norms_file)

using support::bytes_of;
using support::check_error;
using support::temporary_folder;
using tamp::file_error;
using tamp::io::dtype;
using tamp::io::load;
using tamp::io::named_norms;
using tamp::io::read_norms;
using tamp::io::safetensors_file;
using tamp::io::save;
using tamp::io::weight_norms;

namespace {

const std::string usual = R"("format":"tamp column norms","version":"1")";

// A safetensors file by hand: tensors as JSON, and their bytes.
std::string file_of(const std::string& metadata, const std::string& tensors,
                    const std::string& data) {
  const std::string header =
      R"({"__metadata__":{)" + metadata + "}" + (tensors.empty() ? "" : ",") + tensors + "}";
  return bytes_of(std::uint64_t{header.size()}) + header + data;
}
std::string tensor(const std::string& name, const std::string& type, const std::string& shape,
                   std::size_t begin, std::size_t end) {
  return '"' + name + R"(":{"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":[)" +
         std::to_string(begin) + ',' + std::to_string(end) + "]}";
}

void check_refused(const std::string& sentence, const std::string& bytes) {
  const temporary_folder folder;
  const std::string path = folder.write("bad.safetensors", bytes);
  check_error<file_error>(path + ": " + sentence, [&] { load<named_norms>(path); });
  check_error<file_error>(path + ": " + sentence, [&] { read_norms(path); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const std::string bytes =
      file_of(usual + R"(,"text":"wiki")",
              tensor("a", "F32", "[2]", 0, 8) + "," + tensor("b", "F64", "[3,1]", 8, 32) + "," +
                  tensor("b.tokens", "I64", "[3]", 32, 56),
              bytes_of(3.0f, 0.5f) + bytes_of(1.0, 0.1, 2.0) +
                  bytes_of(std::int64_t{70}, std::int64_t{0}, std::int64_t{95}));
  const temporary_folder folder;
  const std::string path = folder.write("norms.safetensors", bytes);
  const auto norms = load<named_norms>(path);
  BOOST_TEST(norms.size() == 2u);
  BOOST_TEST((norms.at("a") == weight_norms{2, {3, 0.5f}, {0}}));
  BOOST_TEST((norms.at("b") == weight_norms{1, {1, 0.1f, 2}, {70, 0, 95}}));
  BOOST_TEST(norms.about().size() == 1u);
  BOOST_TEST(norms.about().at("text") == "wiki");
  BOOST_TEST(norms.origin() == path);
}

BOOST_AUTO_TEST_CASE(what_is_saved_is_loaded) {
  const temporary_folder folder;
  named_norms norms;
  norms.add("one", {1, 0.1f, 1e-45f}, 0);
  norms.add("counted", {(std::numeric_limits<float>::max)()}, 1u << 31);
  norms.add("experts", weight_norms{2, {1, 2, 3, 4, 5, 6}, {70, 0, 95}});
  norms.add("unknown", weight_norms{1, {1, 2}, {0, 0}});
  norms.add("unknown.tokens", {7}, 0);  // a weight of that name, and no count
  norms.describe("imatrix.datasets", "wiki.txt");
  const auto path = folder / "norms.safetensors";
  save(path, norms);
  const auto loaded = load<named_norms>(path);
  BOOST_TEST((loaded == norms));
  BOOST_TEST((loaded.about() == norms.about()));

  // As the header has it.
  const safetensors_file file(path);
  BOOST_TEST(file.metadata().at("format") == "tamp column norms");
  BOOST_TEST(file.metadata().at("version") == "1");
  BOOST_TEST((file.at("one").shape == std::vector<std::size_t>{3}));
  BOOST_TEST((file.at("experts").shape == std::vector<std::size_t>{3, 2}));
  BOOST_TEST(file.values<std::int64_t>("counted.tokens")[0] == std::int64_t{1} << 31);
  BOOST_TEST(!file.contains("one.tokens"));

  save(path, named_norms());
  BOOST_TEST(load<named_norms>(path).empty());
}

BOOST_AUTO_TEST_CASE(any_form_is_read) {
  const temporary_folder folder;
  const std::string golden = TAMP_SOURCE_DIR "/tests/golden/imatrix";
  const auto gguf = read_norms(golden + ".gguf"), dat = read_norms(golden + ".dat");
  BOOST_TEST(gguf.size() == dat.size());
  // An importance matrix as safetensors.
  const auto path = folder / "norms.safetensors";
  save(path, gguf);
  BOOST_TEST((read_norms(path) == gguf));
  BOOST_TEST((read_norms(path).about() == gguf.about()));

  // The shortest name of a weight, whose length tells the two forms apart.
  const std::int32_t one = 1;
  const auto shortest =
      read_norms(folder.write("w.dat", bytes_of(one, one) + "w" + bytes_of(one, one, 4.0f)));
  BOOST_TEST(shortest.of("w", 1)[0] == 2);

  const std::string tiny = folder.write("tiny", "abc");
  check_error<file_error>(tiny + ": has 3 bytes and is too short for a safetensors file",
                          [&] { read_norms(tiny); });
  const std::string absent = (folder / "absent").string();
  check_error<file_error>(absent + ": cannot be opened: No such file or directory",
                          [&] { read_norms(absent); });
}

BOOST_AUTO_TEST_CASE(unaligned_tensors_are_read) {
  // A byte more of header, which is legal.
  const std::string bytes = file_of(usual + R"(,"pad":"")" + std::string(1, ' '),
                                    tensor("a", "F32", "[1]", 0, 4), bytes_of(2.0f));
  const temporary_folder folder;
  for (const std::string spaces : {"", " ", "  ", "   "}) {
    std::string padded = bytes;
    padded.insert(9, spaces);
    padded.replace(0, 8, bytes_of(std::uint64_t{bytes.size() - 12 + spaces.size()}));
    const auto norms = load<named_norms>(folder.write("odd", padded));
    BOOST_TEST(norms.of("a", 1)[0] == 2);
  }
}

BOOST_AUTO_TEST_CASE(other_files_are_refused) {
  const std::string one = tensor("a", "F32", "[1]", 0, 4), number = bytes_of(1.0f);
  check_refused("holds no column norms: its metadata have no 'format'", file_of("", one, number));
  check_refused("holds no column norms: the metadata 'format' are 'pt', not 'tamp column norms'",
                file_of(R"("format":"pt")", one, number));
  check_refused("holds column norms that tamp does not read: its metadata have no 'version'",
                file_of(R"("format":"tamp column norms")", one, number));
  check_refused(
      "holds column norms that tamp does not read: the metadata 'version' are '2', not '1'",
      file_of(R"("format":"tamp column norms","version":"2")", one, number));
}

BOOST_AUTO_TEST_CASE(wrong_tensors_are_refused) {
  const auto one = [](const std::string& name, const std::string& type, const std::string& shape,
                      const std::string& data) {
    return file_of(usual, tensor(name, type, shape, 0, data.size()), data);
  };
  const std::string number = bytes_of(1.0f);
  check_refused("tensor 'a' has 0 dimensions, not (columns,) or (matrices, columns)",
                one("a", "F32", "[]", number));
  check_refused("tensor 'a' has 3 dimensions, not (columns,) or (matrices, columns)",
                one("a", "F32", "[1,1,1]", number));
  check_refused("tensor 'a' is empty", one("a", "F32", "[0]", ""));
  check_refused("tensor 'a' is empty", one("a", "F32", "[1099511627776,0]", ""));
  check_refused("tensor 'a' holds F16, and norms are F32 or F64", one("a", "F16", "[2]", number));
  check_refused("tensor 'a' holds I32, and norms are F32 or F64", one("a", "I32", "[1]", number));
  check_refused("has a tensor without a name", one("", "F32", "[1]", number));
  const std::string count = bytes_of(std::int64_t{1});
  check_refused("tensor 'a' holds I64, and is no NAME.tokens", one("a", "I64", "[1]", count));
  check_refused("tensor 'a.tokens' counts the tokens of 'a', which has no norms",
                one("a.tokens", "I64", "[1]", count));
  check_refused("tensor '.tokens' counts the tokens of '', which has no norms",
                one(".tokens", "I64", "[1]", count));
  check_refused(
      "tensor 'a.tokens.tokens' counts the tokens of 'a.tokens', which has no norms",
      file_of(usual,
              tensor("a", "F32", "[2]", 0, 8) + "," + tensor("a.tokens", "I64", "[1]", 8, 16) +
                  "," + tensor("a.tokens.tokens", "I64", "[1]", 16, 24),
              bytes_of(1.0f, 1.0f) + count + count));
}

BOOST_AUTO_TEST_CASE(wrong_numbers_are_refused) {
  const auto norms = [](const std::string& type, const std::string& shape,
                        const std::string& data) {
    return file_of(usual, tensor("a", type, shape, 0, data.size()), data);
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  check_refused("tensor 'a' has a norm of nan in column 1 of matrix 0",
                norms("F32", "[2]", bytes_of(1.0f, nan)));
  check_refused("tensor 'a' has a norm of -1 in column 1 of matrix 1",
                norms("F32", "[2,2]", bytes_of(1.0f, 1.0f, 1.0f, -1.0f)));
  check_refused("tensor 'a' has a norm of inf in column 0 of matrix 0",
                norms("F64", "[1]", bytes_of(std::numeric_limits<double>::infinity())));
  check_refused("tensor 'a' has a norm of 1e+39 in column 0 of matrix 0",
                norms("F64", "[1]", bytes_of(1e39)));

  const auto counted = [](const std::string& shape, const std::string& counts) {
    return file_of(usual,
                   tensor("a", "F32", "[2,2]", 0, 16) + "," +
                       tensor("a.tokens", "I64", shape, 16, 16 + counts.size()),
                   bytes_of(1.0f, 1.0f, 1.0f, 1.0f) + counts);
  };
  check_refused("tensor 'a.tokens' holds 1 numbers for 2 matrices",
                counted("[1]", bytes_of(std::int64_t{1})));
  check_refused("tensor 'a.tokens' counts -1 tokens for matrix 1",
                counted("[2]", bytes_of(std::int64_t{1}, std::int64_t{-1})));
}

BOOST_AUTO_TEST_CASE(what_a_file_cannot_hold_is_refused_and_the_old_one_stays) {
  const temporary_folder folder;
  const std::string path = folder.write("norms.safetensors", "old");
  const auto refused = [&](const std::string& sentence, const named_norms& norms) {
    check_error<file_error>(path + ": " + sentence, [&] { save(path, norms); });
    BOOST_TEST(support::read_bytes(path) == "old");
    BOOST_TEST(folder.count() == 1u);
  };
  named_norms claimed;
  claimed.describe("version", "7");
  refused("the metadata 'version' are the file's own and cannot be described", claimed);
  named_norms many;
  many.add("a", {1}, std::uint64_t{1} << 63);
  refused("'a' has seen 9223372036854775808 tokens, which are more than a file can count", many);
  named_norms twice;
  twice.add("a", {1}, 5);
  twice.add("a.tokens", {1}, 0);
  refused("the name 'a.tokens' can stand for one tensor only", twice);
  named_norms bytes;
  bytes.add("\xff", {1}, 0);
  refused("the name of tensor 0 is not valid UTF-8", bytes);
}

BOOST_AUTO_TEST_CASE(cut_off_or_damaged_files_are_refused_or_usable) {
  const temporary_folder folder;
  named_norms norms;
  norms.add("w", weight_norms{2, {1, 2, 3, 4}, {1, 0}});
  save(folder / "norms", norms);
  support::damage(
      support::read_bytes(folder / "norms"), [](const std::string& path) { read_norms(path); },
      [](std::size_t) { return true; });
}

BOOST_AUTO_TEST_SUITE_END()
