#include <tamp/io/gguf.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <tamp/tensor/traits.hpp>
#include <type_traits>
#include <utility>
#include <vector>

#include "../support/errors.hpp"
#include "gguf_bytes.hpp"

BOOST_AUTO_TEST_SUITE(io_gguf)

using support::bytes_of;
using support::check_error;
using support::gguf_bytes;
using support::gguf_string;
using support::temporary_folder;
using tamp::bf16;
using tamp::f16;
using tamp::file_error;
using tamp::shape_error;
using tamp::io::gguf_file;
using tamp::io::gguf_rows;

static_assert(tamp::row_tensor<gguf_rows>);
static_assert(!std::is_copy_constructible_v<gguf_file>);
static_assert(std::is_nothrow_move_constructible_v<gguf_rows>);

namespace {

constexpr std::uint64_t huge = std::uint64_t{1} << 60;

std::vector<float> row(const gguf_rows& rows, std::size_t i) {
  std::vector<float> out(rows.cols());
  rows.read_row(i, out);
  return out;
}

// A file of every type of value and of tensor.
gguf_bytes one_of_each() {
  gguf_bytes file;
  file.value<std::uint8_t>("u8", 200).value<std::int8_t>("i8", -100);
  file.value<std::uint16_t>("u16", 60000).value<std::int16_t>("i16", -30000);
  file.value<std::uint32_t>("u32", 4000000000u).value<std::int32_t>("i32", -2000000000);
  file.value<std::uint64_t>("u64", ~std::uint64_t{0}).value<std::int64_t>("i64", INT64_MIN);
  file.value("f32", 0.1f).value("f64", 0.1).value("yes", true).value("no", false);
  file.value<std::string>("text", "\xc3\xbc").value<std::string>("empty", "");
  file.array<std::string>("words", {"a", "", "ccc"});
  file.array<std::int32_t>("numbers", {1, -2, 3}).array<float>("floats", {0.5f, -1});
  file.array<bool>("flags", {true, false}).array<std::uint64_t>("nothing", {});
  file.tensor("F32", {3, 2}, 0, bytes_of(1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f));
  file.tensor("F16", {2, 1, 2}, 1, bytes_of(f16(1.5f), f16(-2.0f), f16(0.25f), f16(8.0f)));
  file.tensor("BF16", {2}, 30, bytes_of(bf16(3.0f), bf16(-4.0f)));
  const std::string one = bytes_of(f16(1.0f)), two = bytes_of(f16(2.0f));
  file.tensor("Q4_0", {32, 2}, 2, one + std::string(16, '\x80') + two + std::string(16, '\x9a'));
  file.tensor("Q4_1", {32, 1}, 3, two + one + std::string(16, '\x21'));
  file.tensor("Q8_0", {64}, 8, one + std::string(32, '\x05') + two + std::string(32, '\xff'));
  file.tensor("Q4_K", {256}, 12, two + one + std::string(12, '\x01') + std::string(128, '\x33'));
  file.tensor("Q6_K", {256}, 14,
              std::string(128, '\x11') + std::string(64, '\xaa') + std::string(16, '\x03') + one);
  file.tensor("IQ3_S", {256, 1}, 21, std::string(110, '?'));
  return file;
}

void use_all(const std::string& path) {
  const gguf_file file(path);
  const auto ask = [&](const std::string& key, const auto& question) {
    try {
      question(key);
    } catch (const file_error&) {
    }
  };
  for (const std::string& key : file.keys()) {
    ask(key, [&](const auto& k) { file.value<std::int32_t>(k); });
    ask(key, [&](const auto& k) { file.value<double>(k); });
    ask(key, [&](const auto& k) { file.value<bool>(k); });
    ask(key, [&](const auto& k) { file.value<std::string>(k); });
    ask(key, [&](const auto& k) { file.values<std::string>(k); });
    ask(key, [&](const auto& k) { file.values<std::uint8_t>(k); });
    ask(key, [&](const auto& k) { file.values<float>(k); });
    ask(key, [&](const auto& k) { file.values<bool>(k); });
  }
  for (const auto& tensor : file.tensors())
    ask(tensor.name, [&](const auto& name) {
      const gguf_rows rows = file.tensor(name);
      for (std::size_t i = 0; i < rows.rows(); ++i) row(rows, i);
    });
}

void check_refused(std::string_view sentence, const gguf_bytes& file) {
  const temporary_folder folder;
  const std::string path = folder.write("bad.gguf", file.bytes());
  check_error<file_error>(path + ": " + std::string(sentence), [&] { gguf_file{path}; });
}

}  // namespace

BOOST_AUTO_TEST_CASE(metadata_by_hand) {
  const temporary_folder folder;
  const gguf_file file(folder.write("all.gguf", one_of_each().bytes()));
  BOOST_TEST((file.has("u8") && !file.has("U8") && !file.has("")));
  BOOST_TEST(file.keys().size() == 19u);
  BOOST_TEST(file.keys().front() == "empty");
  BOOST_TEST(file.value<std::uint8_t>("u8") == 200);
  BOOST_TEST(file.value<std::int8_t>("i8") == -100);
  BOOST_TEST(file.value<std::uint16_t>("u16") == 60000);
  BOOST_TEST(file.value<std::int16_t>("i16") == -30000);
  BOOST_TEST(file.value<std::uint32_t>("u32") == 4000000000u);
  BOOST_TEST(file.value<std::int32_t>("i32") == -2000000000);
  BOOST_TEST(file.value<std::uint64_t>("u64") == ~std::uint64_t{0});
  BOOST_TEST(file.value<std::int64_t>("i64") == INT64_MIN);
  BOOST_TEST(file.value<float>("f32") == 0.1f);
  BOOST_TEST(file.value<double>("f64") == 0.1);
  BOOST_TEST((file.value<bool>("yes") && !file.value<bool>("no")));
  BOOST_TEST(file.value<std::string>("text") == "\xc3\xbc");
  BOOST_TEST(file.value<std::string>("empty").empty());
  BOOST_TEST((file.values<std::string>("words") == std::vector<std::string>{"a", "", "ccc"}));
  BOOST_TEST((file.values<std::int32_t>("numbers") == std::vector<std::int32_t>{1, -2, 3}));
  BOOST_TEST((file.values<float>("floats") == std::vector<float>{0.5f, -1}));
  BOOST_TEST((file.values<bool>("flags") == std::vector<bool>{true, false}));
  BOOST_TEST(file.values<std::uint64_t>("nothing").empty());
}

BOOST_AUTO_TEST_CASE(numbers_may_be_asked_for_in_any_type_that_holds_them) {
  const temporary_folder folder;
  const std::string path = folder.write("all.gguf", one_of_each().bytes());
  const gguf_file file(path);
  BOOST_TEST(file.value<std::size_t>("u8") == 200u);
  BOOST_TEST(file.value<int>("u8") == 200);
  BOOST_TEST(file.value<long long>("i8") == -100);
  BOOST_TEST(file.value<std::int64_t>("u32") == 4000000000);
  BOOST_TEST(file.value<double>("f32") == double(0.1f));
  BOOST_TEST(file.value<float>("f64") == 0.1f);
  BOOST_TEST((file.values<std::int8_t>("numbers") == std::vector<std::int8_t>{1, -2, 3}));
  BOOST_TEST((file.values<double>("floats") == std::vector<double>{0.5, -1}));

  const auto refused = [&](std::string_view sentence, auto&& question) {
    check_error<file_error>(path + ": the metadata " + std::string(sentence), question);
  };
  refused("'u8' are an unsigned 8-bit integer (200) and not an integer from -128 to 127",
          [&] { file.value<std::int8_t>("u8"); });
  refused("'i8' are a signed 8-bit integer (-100) and not an integer from 0 to 4294967295",
          [&] { file.value<std::uint32_t>("i8"); });
  refused(
      "'u64' are an unsigned 64-bit integer (18446744073709551615) and not an integer from "
      "-9223372036854775808 to 9223372036854775807",
      [&] { file.value<std::int64_t>("u64"); });
  refused(
      "'numbers' are an array of 3 of: a signed 32-bit integer and not an array of an integer "
      "from 0 to 255",
      [&] { file.values<std::uint8_t>("numbers"); });
}

BOOST_AUTO_TEST_CASE(metadata_of_another_kind_are_refused) {
  const temporary_folder folder;
  gguf_bytes bytes = one_of_each();
  bytes.value("large", 1e300).value("infinite", std::numeric_limits<double>::infinity());
  bytes.raw("maybe", 7, "\x02");
  const std::string path = folder.write("all.gguf", bytes.bytes());
  const gguf_file file(path);
  const auto refused = [&](std::string_view sentence, auto&& question) {
    check_error<file_error>(path + ": " + std::string(sentence), question);
  };
  refused("has no metadata 'more'", [&] { file.value<int>("more"); });
  refused("has no metadata 'more'", [&] { file.values<int>("more"); });
  refused("the metadata 'text' are a string and not an integer from 0 to 255",
          [&] { file.value<std::uint8_t>("text"); });
  refused("the metadata 'u8' are an unsigned 8-bit integer (200) and not a bool",
          [&] { file.value<bool>("u8"); });
  refused("the metadata 'u8' are an unsigned 8-bit integer (200) and not a float",
          [&] { file.value<float>("u8"); });
  refused("the metadata 'yes' are a bool and not a string",
          [&] { file.value<std::string>("yes"); });
  refused("the metadata 'maybe' are a bool of 2 and not a bool",
          [&] { file.value<bool>("maybe"); });
  refused("the metadata 'f64' are a double and not an integer from 0 to 255",
          [&] { file.value<std::uint8_t>("f64"); });
  refused("the metadata 'large' are a double and not a float", [&] { file.value<float>("large"); });
  BOOST_TEST(std::isinf(file.value<float>("infinite")));
  refused("the metadata 'floats' are an array of 2 of: a float and not a float",
          [&] { file.value<float>("floats"); });
  refused("the metadata 'f32' are a float and not an array of a float",
          [&] { file.values<float>("f32"); });
  refused("the metadata 'words' are an array of 3 of: a string and not an array of a bool",
          [&] { file.values<bool>("words"); });
}

BOOST_AUTO_TEST_CASE(tensors_by_hand) {
  const temporary_folder folder;
  const gguf_file file(folder.write("all.gguf", one_of_each().bytes()));
  BOOST_TEST((file.contains("Q4_0") && !file.contains("q4_0")));
  std::string order;
  for (const auto& tensor : file.tensors()) order += tensor.name + ' ';
  BOOST_TEST(order == "F32 F16 BF16 Q4_0 Q4_1 Q8_0 Q4_K Q6_K IQ3_S ");
  for (const auto& tensor : file.tensors()) BOOST_TEST(tensor.type_name == tensor.name);

  const gguf_rows f32 = file.tensor("F32");
  BOOST_TEST((f32.name() == "F32" && f32.type() == "F32" && f32.rows() == 2 && f32.cols() == 3));
  BOOST_TEST((f32.shape() == std::vector<std::size_t>{2, 3}));
  BOOST_TEST((row(f32, 0) == std::vector<float>{1, 2, 3}));
  BOOST_TEST((row(f32, 1) == std::vector<float>{4, 5, 6}));
  const gguf_rows half = file.tensor("F16");
  BOOST_TEST((half.shape() == std::vector<std::size_t>{2, 1, 2}));
  BOOST_TEST((half.rows() == 2 && half.cols() == 2));
  BOOST_TEST((row(half, 0) == std::vector<float>{1.5f, -2}));
  BOOST_TEST((row(half, 1) == std::vector<float>{0.25f, 8}));
  const gguf_rows vector = file.tensor("BF16");
  BOOST_TEST((vector.rows() == 1 && vector.shape().size() == 1));
  BOOST_TEST((row(vector, 0) == std::vector<float>{3, -4}));

  const auto check = [&](const char* name, std::size_t i, std::size_t first, float low,
                         float high) {
    const auto values = row(file.tensor(name), i);
    BOOST_TEST(values[first] == low, name);
    BOOST_TEST(values[first + 16] == high, name);
  };
  check("Q4_0", 0, 0, -8, 0);    // 1 * (0 - 8), 1 * (8 - 8)
  check("Q4_0", 1, 3, 4, 2);     // 2 * (10 - 8), 2 * (9 - 8)
  check("Q4_1", 0, 15, 3, 5);    // 2 * 1 + 1, 2 * 2 + 1
  check("Q8_0", 0, 0, 5, 5);     // 1 * 5
  check("Q8_0", 0, 32, -2, -2);  // 2 * -1
  check("Q4_K", 0, 0, 5, 5);     // 2 * 1 * 3 - 1 * 1
  check("Q6_K", 0, 0, 3, 3);     // 1 * 3 * ((1 | 2 << 4) - 32)
  BOOST_TEST(row(file.tensor("Q8_0"), 0).size() == 64u);
}

// Two experts of three rows: expert e, row i is row 3 e + i.
BOOST_AUTO_TEST_CASE(the_rows_of_experts_follow_one_another) {
  std::string data;
  for (int k = 0; k < 6; ++k) data += bytes_of(f16(1.0f)) + std::string(32, static_cast<char>(k));
  gguf_bytes bytes;
  bytes.tensor("blk.0.ffn_gate_exps.weight", {32, 3, 2}, 8, data);
  const temporary_folder folder;
  const gguf_file file(folder.write("experts.gguf", bytes.bytes()));
  const gguf_rows rows = file.tensor("blk.0.ffn_gate_exps.weight");
  BOOST_TEST((rows.shape() == std::vector<std::size_t>{2, 3, 32}));
  BOOST_TEST((rows.rows() == 6u && rows.cols() == 32u));
  for (std::size_t k = 0; k < 6; ++k)
    BOOST_TEST((row(rows, k) == std::vector<float>(32, static_cast<float>(k))));
}

BOOST_AUTO_TEST_CASE(rows_are_checked_before_they_are_read) {
  const temporary_folder folder;
  const std::string path = folder.write("all.gguf", one_of_each().bytes());
  const gguf_file file(path);
  const gguf_rows rows = file.tensor("F32");
  std::vector<float> out(3, 7.0f), short_out(2);
  check_error<shape_error>(path + ": tensor 'F32' has 2 rows of 3: row 2 of 3 cannot be read",
                           [&] { rows.read_row(2, out); });
  check_error<shape_error>(path + ": tensor 'F32' has 2 rows of 3: row 0 of 2 cannot be read",
                           [&] { rows.read_row(0, short_out); });
  BOOST_TEST((out == std::vector<float>(3, 7.0f)));
}

BOOST_AUTO_TEST_CASE(other_types_are_listed_but_cannot_be_read) {
  const temporary_folder folder;
  gguf_bytes bytes = one_of_each();
  bytes.tensor("later", {7}, 99, "1234567");
  const std::string path = folder.write("all.gguf", bytes.bytes());
  const gguf_file file(path);
  BOOST_TEST(file.tensors()[8].type_name == "IQ3_S");
  BOOST_TEST(file.tensors()[9].type_name == "unknown");
  BOOST_TEST(file.tensors()[9].type == 99u);
  check_error<file_error>(path + ": tensor 'IQ3_S' is of type IQ3_S (21), which tamp does not read",
                          [&] { file.tensor("IQ3_S"); });
  check_error<file_error>(
      path + ": tensor 'later' is of type unknown (99), which tamp does not read",
      [&] { file.tensor("later"); });
  check_error<file_error>(path + ": has no tensor named 'w'", [&] { file.tensor("w"); });
}

BOOST_AUTO_TEST_CASE(a_moved_file_keeps_its_rows) {
  const temporary_folder folder;
  gguf_file a(folder.write("all.gguf", one_of_each().bytes()));
  const gguf_rows rows = a.tensor("F32");
  const gguf_file b(std::move(a));
  BOOST_TEST((row(rows, 1) == std::vector<float>{4, 5, 6}));
  BOOST_TEST(rows.name() == "F32");
  BOOST_TEST((row(b.tensor("F32"), 1) == std::vector<float>{4, 5, 6}));
}

BOOST_AUTO_TEST_CASE(the_alignment_may_be_any_power_of_two) {
  for (const std::uint32_t alignment : {1u, 8u, 64u, 4096u}) {
    gguf_bytes bytes;
    bytes.alignment = alignment;
    bytes.value("general.alignment", alignment);
    bytes.tensor("odd", {3}, 30, bytes_of(bf16(1.0f), bf16(2.0f), bf16(3.0f)));
    bytes.tensor("w", {2}, 0, bytes_of(1.5f, 2.5f));
    const temporary_folder folder;
    const gguf_file file(folder.write("aligned.gguf", bytes.bytes()));
    BOOST_TEST((row(file.tensor("odd"), 0) == std::vector<float>{1, 2, 3}), alignment);
    BOOST_TEST((row(file.tensor("w"), 0) == std::vector<float>{1.5f, 2.5f}), alignment);
  }
  for (const std::uint32_t alignment : {0u, 3u, 48u, 0xffffffffu}) {
    gguf_bytes bytes;
    bytes.value("general.alignment", alignment);
    check_refused(
        tamp::detail::sentence("has an alignment of ", alignment, ", which is no power of two"),
        bytes);
  }
  gguf_bytes text;
  text.value<std::string>("general.alignment", "32");
  check_refused(
      "the metadata 'general.alignment' are a string and not an integer from 0 to "
      "4294967295",
      text);
}

BOOST_AUTO_TEST_CASE(files_without_tensors_are_files) {
  const temporary_folder folder;
  const gguf_file none(folder.write("none.gguf", gguf_bytes{}.bytes()));
  BOOST_TEST((none.tensors().empty() && none.keys().empty()));
}

BOOST_AUTO_TEST_CASE(version_2_is_read_like_version_3) {
  const temporary_folder folder;
  gguf_bytes bytes;
  bytes.version = 2;
  bytes.tensor("w", {1}, 0, bytes_of(1.0f));
  const gguf_file file(folder.write("two.gguf", bytes.bytes()));
  BOOST_TEST(row(file.tensor("w"), 0)[0] == 1);
}

BOOST_AUTO_TEST_CASE(empty_tensors_are_listed_and_hide_no_other) {
  const temporary_folder folder;
  gguf_bytes bytes;
  bytes.describe("no rows", {4, 0}, 0, 0)
      .describe("no columns", {0, 3}, 0, 0)
      .describe("far", {0}, 0, 4096)
      .describe("of an unknown type", {0}, 99, 32);
  bytes.tensor("w", {2}, 0, bytes_of(1.5f, 2.5f));
  const std::string path = folder.write("empty.gguf", bytes.bytes());
  const gguf_file file(path);
  BOOST_TEST(file.tensors().size() == 5u);
  BOOST_TEST((row(file.tensor("w"), 0) == std::vector<float>{1.5f, 2.5f}));
  for (const auto& tensor : file.tensors())
    BOOST_TEST(tensor.bytes.size() == (tensor.name == "w" ? 8u : 0u));
  BOOST_TEST((file.tensor("no rows").rows() == 0u && file.tensor("no rows").cols() == 4u));
  const gguf_rows none = file.tensor("no columns");
  BOOST_TEST((none.rows() == 3u && none.cols() == 0u));
  BOOST_TEST(row(none, 2).empty());
  BOOST_TEST(file.tensor("far").cols() == 0u);
  check_error<file_error>(
      path + ": tensor 'of an unknown type' is of type unknown (99), which tamp does not read",
      [&] { file.tensor("of an unknown type"); });
}

// 2^60 numbers of nothing need no bytes, yet who reads a row makes room for it.
BOOST_AUTO_TEST_CASE(empty_tensors_do_not_claim_what_no_file_holds) {
  const temporary_folder folder;
  for (const auto& shape : {std::vector<std::uint64_t>{huge, 0}, {0, huge}, {0, 1, huge}}) {
    const std::string path =
        folder.write("empty.gguf", gguf_bytes{}.describe("w", shape, 0, 0).bytes());
    const gguf_file file(path);
    BOOST_TEST(file.tensors().size() == 1u);
    check_error<file_error>(
        path + ": tensor 'w' is empty, but has an extent of 1152921504606846976",
        [&] { file.tensor("w"); });
  }
}

BOOST_AUTO_TEST_CASE(a_tensor_of_an_unknown_type_ends_where_the_next_begins) {
  const temporary_folder folder;
  gguf_bytes bytes;
  bytes.tensor("a", {7}, 99, std::string(40, 'a')).tensor("b", {2}, 0, bytes_of(1.0f, 2.0f));
  bytes.tensor("c", {3, 5}, 1000, std::string(50, 'c'));
  const gguf_file file(folder.write("unknown.gguf", bytes.bytes()));
  BOOST_TEST(file.tensors()[0].bytes.size() == 64u);
  BOOST_TEST((file.tensors()[0].bytes[39] == std::byte{'a'}));
  BOOST_TEST(file.tensors()[1].bytes.size() == 8u);
  BOOST_TEST(file.tensors()[2].bytes.size() == 50u);
  BOOST_TEST(file.tensors()[2].type_name == "unknown");
  BOOST_TEST((row(file.tensor("b"), 0) == std::vector<float>{1, 2}));
  gguf_bytes within;
  within.describe("w", {20}, 0, 0).describe("unknown", {1}, 99, 32);
  within.data = std::string(80, ' ');
  check_refused("tensor 'unknown' overlaps the one before it", within);
}

BOOST_AUTO_TEST_CASE(only_versions_2_and_3_are_read) {
  gguf_bytes file;
  file.magic = "GGML";
  check_refused("is not a GGUF file", file);
  file.magic = "GGUF";
  for (const std::uint32_t version : {0u, 1u, 4u, 0x03000000u}) {
    file.version = version;
    check_refused(tamp::detail::sentence("is a GGUF file of version ", version,
                                         "; tamp reads 2 and 3, little-endian"),
                  file);
  }
}

BOOST_AUTO_TEST_CASE(counts_that_lie_run_into_the_end_of_the_file) {
  gguf_bytes file;
  file.pair_count = huge;
  check_refused("a metadata key has 8 bytes at byte 24, but only 0 are left", file);
  file.pair_count = 0;
  file.tensor_count = ~std::uint64_t{0};
  // The padding before the data is an empty name.
  check_refused("a number of dimensions has 4 bytes at byte 32, but only 0 are left", file);
}

BOOST_AUTO_TEST_CASE(lengths_that_lie_are_refused_before_anything_is_allocated) {
  gguf_bytes key;
  key.pairs = bytes_of(huge) + "key";
  key.pair_count = 1;
  check_refused("a metadata key has 1152921504606846976 bytes at byte 32, but only 3 are left",
                key);
  check_refused("a string has 18446744073709551615 bytes at byte 45, but only 2 are left",
                gguf_bytes{}.raw("k", 8, bytes_of(~std::uint64_t{0}) + "ab"));
  check_refused(
      "an array at byte 49 claims 1152921504606846976 elements, but only 2 bytes are left",
      gguf_bytes{}.raw("k", 9, bytes_of(std::uint32_t{0}, huge) + "ab"));
  check_refused("a value has 24 bytes at byte 49, but only 23 are left",
                gguf_bytes{}.raw(
                    "k", 9, bytes_of(std::uint32_t{10}, std::uint64_t{3}) + std::string(23, 'x')));
  check_refused("a string has 8 bytes at byte 58, but only 1 are left",
                gguf_bytes{}.raw(
                    "k", 9, bytes_of(std::uint32_t{8}, std::uint64_t{2}) + gguf_string("a") + "b"));
  gguf_bytes name;
  name.descriptions = bytes_of(huge);
  name.tensor_count = 1;
  check_refused("a tensor's name has 1152921504606846976 bytes at byte 32, but only 0 are left",
                name);
}

BOOST_AUTO_TEST_CASE(types_of_value_that_do_not_exist_are_refused) {
  check_refused("the metadata at byte 37 are of type 13, which does not exist",
                gguf_bytes{}.raw("k", 13, ""));
  check_refused("the metadata at byte 41 are of type 4294967295, which does not exist",
                gguf_bytes{}.raw("k", 9, bytes_of(~std::uint32_t{0}, std::uint64_t{0})));
  std::string nested;
  for (int depth = 0; depth < 100'000; ++depth)
    nested += bytes_of(std::uint32_t{9}, std::uint64_t{1});
  check_refused("the metadata at byte 133 are arrays nested more than 8 deep",
                gguf_bytes{}.raw("k", 9, nested));
}

BOOST_AUTO_TEST_CASE(arrays_of_arrays_are_passed_over_and_hide_nothing) {
  const std::string inner = bytes_of(std::uint32_t{4}, std::uint64_t{1}, std::uint32_t{7});
  const std::string words = bytes_of(std::uint32_t{8}, std::uint64_t{2}) +
                            support::gguf_string("a") + support::gguf_string("");
  gguf_bytes bytes;
  bytes.raw("pairs", 9, bytes_of(std::uint32_t{9}, std::uint64_t{3}) + inner + words + inner);
  bytes.value("after", 5);
  const temporary_folder folder;
  const std::string path = folder.write("nested.gguf", bytes.bytes());
  const gguf_file file(path);
  BOOST_TEST(file.value<int>("after") == 5);
  check_error<file_error>(path +
                              ": the metadata 'pairs' are an array of 3 of: an array and not an "
                              "array of a string",
                          [&] { file.values<std::string>("pairs"); });
  BOOST_CHECK_THROW(file.value<int>("pairs"), file_error);
}

BOOST_AUTO_TEST_CASE(names_and_keys_are_unique) {
  check_refused("has the metadata 'k' twice",
                gguf_bytes{}.value("k", true).value("k", std::uint8_t{1}));
  check_refused("has two tensors named 'w'",
                gguf_bytes{}.tensor("w", {1}, 0, "1234").tensor("w", {1}, 0, "1234"));
}

// ggml has four dimensions at most; those who write more are not hidden either.
BOOST_AUTO_TEST_CASE(a_tensor_has_any_number_of_dimensions_within_reason) {
  const temporary_folder folder;
  gguf_bytes bytes;
  bytes.tensor("one", {}, 0, bytes_of(7.0f));
  bytes.tensor("five", {1, 2, 1, 1, 1}, 0, bytes_of(1.0f, 2.0f));
  const gguf_file file(folder.write("dimensions.gguf", bytes.bytes()));
  BOOST_TEST((file.tensor("one").rows() == 1u && file.tensor("one").cols() == 1u));
  BOOST_TEST((row(file.tensor("one"), 0) == std::vector<float>{7}));
  BOOST_TEST((file.tensor("five").shape() == std::vector<std::size_t>{1, 1, 1, 2, 1}));
  BOOST_TEST((row(file.tensor("five"), 1) == std::vector<float>{2}));
  gguf_bytes lying;
  lying.descriptions = gguf_string("w") + bytes_of(~std::uint32_t{0});
  lying.tensor_count = 1;
  check_refused("tensor 'w' has 4294967295 dimensions, more than 64", lying);
}

BOOST_AUTO_TEST_CASE(rows_are_whole_blocks) {
  check_refused(
      "tensor 'w' has rows of 33 values, which is no multiple of the 32 in a block of Q4_1",
      gguf_bytes{}.tensor("w", {33, 2}, 3, std::string(100, ' ')));
  check_refused(
      "tensor 'w' has rows of 128 values, which is no multiple of the 256 in a block of Q6_K",
      gguf_bytes{}.tensor("w", {128, 2}, 14, std::string(210, ' ')));
}

BOOST_AUTO_TEST_CASE(tensors_lie_within_the_file) {
  check_refused("tensor 'w' is larger than the 15 bytes from its start to the end of the file",
                gguf_bytes{}.tensor("w", {2, 2}, 0, std::string(15, ' ')));
  check_refused("tensor 'w' is larger than the 17 bytes from its start to the end of the file",
                gguf_bytes{}.tensor("w", {32}, 2, std::string(17, ' ')));
  check_refused("tensor 'w' is larger than the 4 bytes from its start to the end of the file",
                gguf_bytes{}.tensor("w", {huge, huge, huge, huge}, 0, "1234"));
  // in 64 bits 2^62 * 4, 2^31 * 2^31 * 4 and 2^63 * 2 are 0
  check_refused("tensor 'w' is larger than the 0 bytes from its start to the end of the file",
                gguf_bytes{}.tensor("w", {1, huge * 4}, 0, ""));
  check_refused("tensor 'w' is larger than the 64 bytes from its start to the end of the file",
                gguf_bytes{}.tensor("w", {1u << 31, 1u << 31}, 0, std::string(64, ' ')));
  check_refused("tensor 'w' is larger than the 64 bytes from its start to the end of the file",
                gguf_bytes{}.tensor("w", {2, huge * 8}, 0, std::string(64, ' ')));
  check_refused("tensor 'Q5_1' is larger than the 23 bytes from its start to the end of the file",
                gguf_bytes{}.tensor("Q5_1", {32}, 7, std::string(23, ' ')));
}

BOOST_AUTO_TEST_CASE(offsets_are_aligned_and_within_the_data) {
  check_refused("tensor 'w' starts at byte 16 of the data, which is no multiple of 32",
                gguf_bytes{}.describe("w", {1}, 0, 16));
  check_refused("tensor 'w' starts at byte 64 of 0 of data",
                gguf_bytes{}.describe("w", {1}, 0, 64));
  check_refused(
      "tensor 'w' starts at byte 1152921504606846976 of the data, past the end of the file",
      gguf_bytes{}.describe("w", {1}, 0, huge));
  check_refused("tensor 'later' starts at byte 32 of 0 of data",
                gguf_bytes{}.describe("later", {1}, 99, 32));
}

BOOST_AUTO_TEST_CASE(tensors_do_not_overlap) {
  gguf_bytes same;
  same.describe("a", {2}, 0, 0).describe("b", {2}, 0, 0);
  same.data = "12345678";
  check_refused("tensor 'b' overlaps the one before it", same);
  gguf_bytes partly;
  partly.describe("late", {4}, 0, 32).describe("early", {9}, 0, 0);
  partly.data = std::string(64, ' ');
  check_refused("tensor 'late' overlaps the one before it", partly);
  gguf_bytes unread;  // the size of a type that is not read counts as well
  unread.describe("a", {64}, 13 - 7, 0).describe("b", {2}, 0, 32);
  unread.data = std::string(64, ' ');
  check_refused("tensor 'b' overlaps the one before it", unread);
}

BOOST_AUTO_TEST_CASE(a_damaged_file_is_refused_or_used_but_never_trusted) {
  const std::string whole = one_of_each().bytes();
  support::damage(whole, use_all, [](std::size_t) { return true; });
}

BOOST_AUTO_TEST_SUITE_END()
