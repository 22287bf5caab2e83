#include <tamp/io/safetensors_file.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../support/errors.hpp"
#include "files.hpp"

BOOST_AUTO_TEST_SUITE(io_safetensors_file)

using support::bytes_of;
using support::check_error;
using support::temporary_folder;
using tamp::bf16;
using tamp::f16;
using tamp::file_error;
using tamp::shape_error;
using tamp::io::dtype;
using tamp::io::safetensors_file;

namespace {

std::string file_of(std::string_view header, std::string_view data) {
  return bytes_of(std::uint64_t{header.size()}) + std::string(header) + std::string(data);
}

// Every type, in an order that keeps all aligned if the header ends at a multiple of 8.
std::string one_of_each() {
  std::string header = R"({"__metadata__":{"format":"pt","note":"\u00fc"},)"
                       R"("f64":{"dtype":"F64","shape":[2],"data_offsets":[0,16]},)"
                       R"("i64":{"dtype":"I64","shape":[1,2],"data_offsets":[16,32]},)"
                       R"("f32":{"dtype":"F32","shape":[2,3],"data_offsets":[32,56]},)"
                       R"("i32":{"dtype":"I32","shape":[],"data_offsets":[56,60]},)"
                       R"("f16":{"dtype":"F16","shape":[2],"data_offsets":[60,64]},)"
                       R"("bf16":{"dtype":"BF16","shape":[1,1,2],"data_offsets":[64,68]},)"
                       R"("u8":{"dtype":"U8","shape":[3],"data_offsets":[68,71]},)"
                       R"("none":{"dtype":"F32","shape":[0,7],"data_offsets":[71,71]},)"
                       R"("bool":{"dtype":"BOOL","shape":[2],"data_offsets":[71,73]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  return file_of(header, bytes_of(0.5, -2.0, std::int64_t{-7}, std::int64_t{1} << 40, 1.0f, 2.0f,
                                  3.0f, 4.0f, 5.0f, 6.0f, std::int32_t{-9}, f16(1.5f), f16(-0.25f),
                                  bf16(3.0f), bf16(-4.0f), std::uint8_t{0}, std::uint8_t{1},
                                  std::uint8_t{255}, true, false));
}

template <class T>
std::vector<T> vector_of(std::span<const T> values) {
  return {values.begin(), values.end()};
}

// Everything that a file can be asked for, so that a bad answer meets the sanitizers.
void use_all(const std::string& path) {
  const safetensors_file file(path);
  for (const auto& tensor : file.tensors()) {
    std::size_t sum = tensor.size();
    for (const std::byte b : tensor.bytes) sum += std::to_integer<std::size_t>(b);
    BOOST_TEST(sum >= tensor.size());
    BOOST_TEST((&file.at(tensor.name) == &tensor));
    if (tensor.type == dtype::f32 || tensor.type == dtype::f16)
      BOOST_TEST(file.read_floats(tensor.name).size() == tensor.size());
  }
}

void check_refused(std::string_view sentence, std::string_view header, std::string_view data = "") {
  const temporary_folder folder;
  const std::string path = folder.write("bad", file_of(header, data));
  check_error<file_error>(path + ": " + std::string(sentence), [&] { safetensors_file{path}; });
}

std::string tensor(std::string_view type, std::string_view shape, std::string_view offsets) {
  return tamp::detail::sentence(R"({"dtype":)", type, R"(,"shape":)", shape, R"(,"data_offsets":)",
                                offsets, "}");
}
std::string one(std::string_view type, std::string_view shape, std::string_view offsets) {
  return tamp::detail::sentence(R"({"w":)", tensor(type, shape, offsets), "}");
}
std::string two(std::string_view offsets_a, std::string_view offsets_b) {
  return tamp::detail::sentence(R"({"a":)", tensor(R"("U8")", "[4]", offsets_a), R"(,"b":)",
                                tensor(R"("U8")", "[4]", offsets_b), "}");
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const temporary_folder folder;
  const safetensors_file file(folder.write("all.safetensors", one_of_each()));
  BOOST_TEST((vector_of(file.values<double>("f64")) == std::vector<double>{0.5, -2}));
  BOOST_TEST((vector_of(file.values<std::int64_t>("i64")) ==
              std::vector<std::int64_t>{-7, std::int64_t{1} << 40}));
  BOOST_TEST((vector_of(file.values<float>("f32")) == std::vector<float>{1, 2, 3, 4, 5, 6}));
  BOOST_TEST((vector_of(file.values<std::int32_t>("i32")) == std::vector<std::int32_t>{-9}));
  BOOST_TEST((vector_of(file.values<f16>("f16")) == std::vector<f16>{f16(1.5f), f16(-0.25f)}));
  BOOST_TEST((vector_of(file.values<bf16>("bf16")) == std::vector<bf16>{bf16(3.0f), bf16(-4.0f)}));
  BOOST_TEST((vector_of(file.values<std::uint8_t>("u8")) == std::vector<std::uint8_t>{0, 1, 255}));
  BOOST_TEST((vector_of(file.values<bool>("bool")) == std::vector<bool>{true, false}));
  BOOST_TEST(file.values<float>("none").empty());

  BOOST_TEST((file.metadata() ==
              std::map<std::string, std::string>{{"format", "pt"}, {"note", "\xc3\xbc"}}));
  BOOST_TEST((file.contains("f32") && !file.contains("F32") && !file.contains("__metadata__")));
  BOOST_TEST((file.at("f32").shape == std::vector<std::size_t>{2, 3}));
  BOOST_TEST((file.at("f32").type == dtype::f32));
  BOOST_TEST(file.at("f32").size() == 6u);
  BOOST_TEST(file.at("f32").bytes.size() == 24u);
  BOOST_TEST(file.at("i32").size() == 1u);
  BOOST_TEST(file.at("none").size() == 0u);
}

BOOST_AUTO_TEST_CASE(tensors_are_listed_in_the_order_of_their_bytes) {
  const temporary_folder folder;
  const safetensors_file file(folder.write("all", one_of_each()));
  std::string order;
  for (const auto& tensor : file.tensors()) order += tensor.name + ' ';
  BOOST_TEST(order == "f64 i64 f32 i32 f16 bf16 u8 none bool ");
}

BOOST_AUTO_TEST_CASE(a_matrix_has_two_dimensions_or_is_one_row) {
  const temporary_folder folder;
  const safetensors_file file(folder.write("all", one_of_each()));
  const tamp::matrix_view<const float> m = file.matrix<float>("f32");
  BOOST_TEST((m.rows() == 2 && m.cols() == 3 && m(1, 0) == 4));
  BOOST_TEST((m.data() == file.values<float>("f32").data()));
  const auto row = file.matrix<f16>("f16");
  BOOST_TEST((row.rows() == 1 && row.cols() == 2 && float(row(0, 1)) == -0.25f));
  const auto none = file.matrix<float>("none");
  BOOST_TEST((none.rows() == 0 && none.cols() == 7));
  const std::string path = (folder / "all").string();
  const std::string sentence = path + ": tensor 'bf16' has 3 dimensions and is no matrix";
  check_error<shape_error>(sentence, [&] { file.matrix<bf16>("bf16"); });
  check_error<shape_error>(sentence, [&] { file.any_matrix("bf16"); });
}

BOOST_AUTO_TEST_CASE(a_matrix_of_any_type_is_viewed_in_the_file) {
  const temporary_folder folder;
  const safetensors_file file(folder.write("all", one_of_each()));
  const tamp::any_view m = file.any_matrix("f32");
  BOOST_TEST((m.type() == dtype::f32 && m.rows() == 2 && m.cols() == 3 && m.read_only()));
  BOOST_TEST(m.data() == file.values<float>("f32").data());
  BOOST_TEST(m.visit([](auto typed) { return float(typed(1, 0)); }) == 4.0f);
  const tamp::any_view integers = file.any_matrix("i64");
  BOOST_TEST((integers.type() == dtype::i64 && integers.rows() == 1 && integers.cols() == 2));
  BOOST_TEST((file.any_matrix("none").rows() == 0 && file.any_matrix("none").cols() == 7));
}

BOOST_AUTO_TEST_CASE(an_empty_matrix_of_impossible_extents_is_refused_by_name) {
  const temporary_folder folder;
  const std::string path =
      folder.write("empty", file_of(one(R"("F32")", "[18446744073709551615,0]", "[0,0]"), ""));
  const safetensors_file file(path);
  BOOST_TEST(file.values<float>("w").empty());
  BOOST_TEST(file.read_floats("w").empty());
  check_error<shape_error>(path +
                               ": tensor 'w': a shape of 18446744073709551615 x 0 is too large; "
                               "was one of the numbers negative?",
                           [&] { file.matrix<float>("w"); });
}

BOOST_AUTO_TEST_CASE(floating_point_numbers_of_any_type_are_read_as_floats) {
  const temporary_folder folder;
  const safetensors_file file(folder.write("all", one_of_each()));
  BOOST_TEST((file.read_floats("f64") == std::vector<float>{0.5f, -2}));
  BOOST_TEST((file.read_floats("f32") == std::vector<float>{1, 2, 3, 4, 5, 6}));
  BOOST_TEST((file.read_floats("f16") == std::vector<float>{1.5f, -0.25f}));
  BOOST_TEST((file.read_floats("bf16") == std::vector<float>{3, -4}));
  BOOST_TEST(file.read_floats("none").empty());
  const std::string path = (folder / "all").string();
  for (const std::string name : {"i64", "i32", "u8", "bool"})
    check_error<file_error>(path + ": tensor '" + name + "' holds " +
                                (name == "i64"   ? "I64"
                                 : name == "i32" ? "I32"
                                 : name == "u8"  ? "U8"
                                                 : "BOOL") +
                                ", and only F64, F32, F16 and BF16 are read as float",
                            [&] { file.read_floats(name); });
}

BOOST_AUTO_TEST_CASE(another_type_or_name_is_refused_with_both_in_the_sentence) {
  const temporary_folder folder;
  const std::string path = folder.write("all", one_of_each());
  const safetensors_file file(path);
  check_error<file_error>(path + ": tensor 'f32' holds F32, not F64",
                          [&] { file.values<double>("f32"); });
  check_error<file_error>(path + ": tensor 'u8' holds U8, not BOOL",
                          [&] { file.values<bool>("u8"); });
  check_error<file_error>(path + ": tensor 'f16' holds F16, not BF16",
                          [&] { file.matrix<bf16>("f16"); });
  check_error<file_error>(path + ": has no tensor named 'w'", [&] { file.at("w"); });
  check_error<file_error>(path + ": has no tensor named 'w'", [&] { file.values<float>("w"); });
  check_error<file_error>(path + ": has no tensor named 'w'", [&] { file.read_floats("w"); });
}

BOOST_AUTO_TEST_CASE(a_moved_file_keeps_its_views) {
  const temporary_folder folder;
  safetensors_file a(folder.write("all", one_of_each()));
  const auto values = a.values<float>("f32");
  const safetensors_file b(std::move(a));
  BOOST_TEST(values[5] == 6);
  BOOST_TEST((b.values<float>("f32").data() == values.data()));
  static_assert(!std::is_copy_constructible_v<safetensors_file>);
}

// A header may have any length, and then nothing behind it is aligned.
BOOST_AUTO_TEST_CASE(misaligned_numbers_can_be_copied_but_not_viewed) {
  const temporary_folder folder;
  std::string header = one(R"("F32")", "[2]", "[0,8]");
  while (header.size() % 8 != 1) header += ' ';
  const std::string path = folder.write("odd", file_of(header, bytes_of(1.25f, -8.0f)));
  const safetensors_file file(path);
  BOOST_TEST((file.read_floats("w") == std::vector<float>{1.25f, -8}));
  const std::string sentence =
      path + ": tensor 'w' does not lie at a multiple of 4 bytes and has to be copied to be read";
  check_error<file_error>(sentence, [&] { file.values<float>("w"); });
  check_error<file_error>(sentence, [&] { file.matrix<float>("w"); });
  check_error<file_error>(
      path + ": tensor 'w' of F32 does not lie at a multiple of the size of its elements",
      [&] { file.any_matrix("w"); });
}

BOOST_AUTO_TEST_CASE(a_bool_is_zero_or_one) {
  const temporary_folder folder;
  const std::string path = folder.write(
      "bool", file_of(one(R"("BOOL")", "[3]", "[0,3]"), std::string_view("\0\1\2", 3)));
  const safetensors_file file(path);
  check_error<file_error>(path + ": tensor 'w' holds a BOOL that is 2",
                          [&] { file.values<bool>("w"); });
}

BOOST_AUTO_TEST_CASE(files_without_tensors_are_files) {
  const temporary_folder folder;
  BOOST_TEST(safetensors_file(folder.write("none", file_of("{}", ""))).tensors().empty());
  const safetensors_file file(folder.write("note", file_of(R"({"__metadata__":{"a":""}} )", "")));
  BOOST_TEST(file.metadata().at("a").empty());
}

BOOST_AUTO_TEST_CASE(what_a_later_format_adds_to_a_tensor_is_ignored) {
  const temporary_folder folder;
  const std::string header =
      R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"more":{"a":[1]}}})";
  const safetensors_file file(folder.write("later", file_of(header, "x")));
  BOOST_TEST(file.values<std::uint8_t>("w")[0] == 'x');
}

BOOST_AUTO_TEST_CASE(the_length_of_the_header_must_be_true) {
  const temporary_folder folder;
  const auto refused = [&](const std::string& bytes, std::string_view sentence) {
    const std::string path = folder.write("bad", bytes);
    check_error<file_error>(path + ": " + std::string(sentence), [&] { safetensors_file{path}; });
  };
  refused("", "has 0 bytes and is too short for a safetensors file");
  refused("1234567", "has 7 bytes and is too short for a safetensors file");
  refused(bytes_of(std::uint64_t{3}) + "{}", "the header claims 3 bytes, but only 2 follow");
  refused(bytes_of(std::uint64_t{100'000'001}) + "{}",
          "the header claims 100000001 bytes, the format allows 100000000");
  refused(bytes_of(~std::uint64_t{0}) + "{}",
          "the header claims 18446744073709551615 bytes, the format allows 100000000");
}

BOOST_AUTO_TEST_CASE(the_header_must_be_a_json_object) {
  check_refused("the header is not valid JSON", "");
  check_refused("the header is not valid JSON", "{");
  check_refused("the header is not valid JSON", "{}x");
  check_refused("the header is not valid JSON", std::string_view("{}\0", 3));
  check_refused("the header is not valid JSON", R"({"w":})");
  check_refused("the header is not valid JSON", R"({"__metadata__":{}"b":{}})");
  check_refused("the header is not a JSON object", "[]");
  check_refused("the header is not a JSON object", "7");
  check_refused("the header is not a JSON object", "null");
}

BOOST_AUTO_TEST_CASE(the_header_must_be_utf_8) {
  check_refused("the header is not valid JSON", "{\"\xff\":0}");
  check_refused("the header is not valid JSON", "{\"__metadata__\":{\"a\":\"\xc3\"}}");
  check_refused("the header is not valid JSON", "{\"__metadata__\":{\"a\":\"\xed\xa0\x80\"}}");
  check_refused("the header is not valid JSON", R"({"\ud800":0})");
}

BOOST_AUTO_TEST_CASE(deep_nesting_is_refused_at_any_depth) {
  const std::string sentence = "the header's JSON is nested more than 4 levels deep";
  check_refused(sentence, R"({"a":{"b":{"c":{"d":{"e":{}}}}}})");
  for (const std::size_t depth : {6u, 100'000u, 3'000'000u}) {
    check_refused(sentence, std::string(depth, '['));
    check_refused(sentence, std::string(depth, '[') + std::string(depth, ']'));
    std::string objects;
    for (std::size_t k = 0; k < depth / 5; ++k) objects += R"({"a":)";
    if (depth > 6) check_refused(sentence, objects);
    if (depth > 6) check_refused(sentence, objects + '1' + std::string(depth / 5, '}'));
  }
}

BOOST_AUTO_TEST_CASE(a_name_can_stand_for_one_tensor_only) {
  const std::string w = tensor(R"("U8")", "[0]", "[0,0]");
  check_refused("the header has the key 'w' twice", R"({"w":)" + w + R"(,"w":)" + w + "}");
  check_refused("the header has the key 'w' twice", R"({"w":)" + w + R"(,"\u0077":)" + w + "}");
  check_refused("the header has the key 'a' twice", R"({"__metadata__":{"a":"","a":""}})");
  check_refused("the header has the key 'shape' twice",
                R"({"w":{"dtype":"U8","shape":[0],"shape":[1],"data_offsets":[0,0]}})");
}

BOOST_AUTO_TEST_CASE(metadata_are_strings) {
  check_refused("__metadata__ is not a JSON object", R"({"__metadata__":[]})");
  check_refused("__metadata__ is not a JSON object", R"({"__metadata__":null})");
  check_refused("the metadata 'a' is not a string", R"({"__metadata__":{"a":1}})");
}

BOOST_AUTO_TEST_CASE(a_tensor_needs_type_shape_and_offsets) {
  const std::string sentence = "tensor 'w' is not described by dtype, shape and data_offsets";
  check_refused(sentence, R"({"w":0})");
  check_refused(sentence, R"({"w":[]})");
  check_refused(sentence, R"({"w":{}})");
  check_refused(sentence, R"({"w":{"shape":[0],"data_offsets":[0,0]}})");
  check_refused(sentence, R"({"w":{"dtype":"U8","data_offsets":[0,0]}})");
  check_refused(sentence, R"({"w":{"dtype":"U8","shape":[0]}})");
}

// In place of a dtype that was never heard of there is one that tamp has only heard of.
BOOST_AUTO_TEST_CASE(a_tensor_of_a_foreign_type_is_listed_and_hides_no_other) {
  const temporary_folder folder;
  const struct {
    const char* name;
    dtype type;
    std::size_t bytes;  // of four numbers
  } foreign[] = {{"F8_E4M3", dtype::f8_e4m3, 4},
                 {"F8_E5M2", dtype::f8_e5m2, 4},
                 {"F8_E8M0", dtype::f8_e8m0, 4},
                 {"F8_E4M3FNUZ", dtype::f8_e4m3fnuz, 4},
                 {"F8_E5M2FNUZ", dtype::f8_e5m2fnuz, 4},
                 {"F6_E2M3", dtype::f6_e2m3, 3},
                 {"F6_E3M2", dtype::f6_e3m2, 3},
                 {"F4", dtype::f4, 2},
                 {"C64", dtype::c64, 32},
                 {"Q7_NEW", dtype::unknown, 5},
                 {"f32", dtype::unknown, 16},
                 {"", dtype::unknown, 1},
                 {"unknown", dtype::unknown, 1}};
  for (const auto& [name, type, bytes] : foreign) {
    const std::string header =
        tamp::detail::sentence(R"({"good":)", tensor(R"("F32")", "[2]", "[0,8]"), R"(,"other":)",
                               tensor(tamp::detail::sentence('"', name, '"'), "[2,2]",
                                      tamp::detail::sentence("[8,", 8 + bytes, "]")),
                               "}");
    const std::string path =
        folder.write("foreign", file_of(header, bytes_of(1.5f, -2.0f) + std::string(bytes, 'x')));
    const safetensors_file file(path);
    BOOST_TEST((file.read_floats("good") == std::vector<float>{1.5f, -2}));
    const auto& other = file.at("other");
    BOOST_TEST((other.type == type), name);
    BOOST_TEST(other.type_name == name);
    BOOST_TEST((other.shape == std::vector<std::size_t>{2, 2}));
    BOOST_TEST(other.bytes.size() == bytes);
    BOOST_TEST((other.bytes.back() == std::byte{'x'}));
    BOOST_TEST(file.tensors().size() == 2u);
    const std::string holds = path + ": tensor 'other' holds " + name;
    check_error<file_error>(holds + ", and only F64, F32, F16 and BF16 are read as float",
                            [&] { file.read_floats("other"); });
    check_error<file_error>(holds + ", not F32", [&] { file.values<float>("other"); });
    check_error<file_error>(holds + ", not U8", [&] { file.values<std::uint8_t>("other"); });
    check_error<file_error>(holds + ", not F32", [&] { file.matrix<float>("other"); });
    if (bytes % 4 != 0 || type == dtype::unknown)
      check_error<file_error>(path + ": tensor 'other' of " + name +
                                  " has no elements of whole bytes that could be viewed",
                              [&] { file.any_matrix("other"); });
    else if (type != dtype::c64)
      BOOST_TEST((file.any_matrix("other").type() == type));
  }
}

BOOST_AUTO_TEST_CASE(integers_of_every_width_are_read) {
  const temporary_folder folder;
  const std::string header = R"({"i16":)" + tensor(R"("I16")", "[1]", "[24,26]") + R"(,"i8":)" +
                             tensor(R"("I8")", "[2]", "[28,30]") + R"(,"u64":)" +
                             tensor(R"("U64")", "[2]", "[0,16]") + R"(,"u32":)" +
                             tensor(R"("U32")", "[2]", "[16,24]") + R"(,"u16":)" +
                             tensor(R"("U16")", "[1]", "[26,28]") + "}";
  std::string padded = header;
  padded.resize((header.size() + 7) / 8 * 8, ' ');
  const safetensors_file file(folder.write(
      "integers", file_of(padded, bytes_of(~std::uint64_t{0}, std::uint64_t{1}, ~std::uint32_t{0},
                                           std::uint32_t{2}, std::int16_t{-3}, std::uint16_t{65535},
                                           std::int8_t{-128}, std::int8_t{127}))));
  BOOST_TEST(file.values<std::uint64_t>("u64")[0] == ~std::uint64_t{0});
  BOOST_TEST(file.values<std::uint32_t>("u32")[0] == ~std::uint32_t{0});
  BOOST_TEST(file.values<std::int16_t>("i16")[0] == -3);
  BOOST_TEST(file.values<std::uint16_t>("u16")[0] == 65535);
  BOOST_TEST(file.values<std::int8_t>("i8")[0] == -128);
}

BOOST_AUTO_TEST_CASE(a_name_of_any_length_and_with_any_character_is_a_name) {
  const temporary_folder folder;
  const std::string long_name(3'000'000, 'n');
  const std::string header = R"({"":)" + tensor(R"("U8")", "[1]", "[0,1]") + R"(,"a\u0000b":)" +
                             tensor(R"("U8")", "[1]", "[1,2]") + ",\"" + long_name +
                             "\":" + tensor(R"("U8")", "[1]", "[2,3]") + "}";
  const std::string path = folder.write("names", file_of(header, "abc"));
  const safetensors_file file(path);
  BOOST_TEST(file.values<std::uint8_t>("")[0] == 'a');
  BOOST_TEST(file.values<std::uint8_t>(std::string_view("a\0b", 3))[0] == 'b');
  BOOST_TEST(file.values<std::uint8_t>(long_name)[0] == 'c');
  check_error<file_error>(
      path + ": tensor '" + long_name.substr(0, 200) + "... (3000000 bytes)' holds U8, not F32",
      [&] { file.values<float>(long_name); });
  check_error<file_error>(path + ": has no tensor named 'a\\x00'",
                          [&] { file.at(std::string_view("a\0", 2)); });
}

// Twenty thousand tensors, in an order of names, bytes and header that differ.
BOOST_AUTO_TEST_CASE(many_tensors_are_found_by_name) {
  constexpr std::size_t count = 20'000;
  std::string header = "{";
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t at = k * 7919 % count;
    header += tamp::detail::sentence(
        k == 0 ? "" : ",", '"', k * 104729 % count,
        "\":", tensor(R"("U8")", "[1]", tamp::detail::sentence('[', at, ',', at + 1, ']')));
  }
  std::string data(count, ' ');
  for (std::size_t k = 0; k < count; ++k)
    data[k * 7919 % count] = static_cast<char>(k * 104729 % count % 251);
  const temporary_folder folder;
  const safetensors_file file(folder.write("many", file_of(header + "}", data)));
  BOOST_TEST(file.tensors().size() == count);
  std::size_t wrong = 0;
  for (std::size_t name = 0; name < count; ++name)
    wrong += file.values<std::uint8_t>(std::to_string(name))[0] != name % 251;
  BOOST_TEST(wrong == 0u);
  BOOST_TEST((!file.contains("20000") && !file.contains("-1") && !file.contains("")));
}

BOOST_AUTO_TEST_CASE(metadata_are_bounded) {
  const auto many = [](std::size_t count) {
    std::string header = R"({"__metadata__":{)";
    for (std::size_t k = 0; k < count; ++k)
      header += tamp::detail::sentence(k == 0 ? "" : ",", '"', k, "\":\"\"");
    return header + "}}";
  };
  const temporary_folder folder;
  const safetensors_file file(folder.write("many", file_of(many(100'000), "")));
  BOOST_TEST(file.metadata().size() == 100'000u);
  check_refused("has more than 100000 metadata, which tamp does not read", many(100'001));
}

BOOST_AUTO_TEST_CASE(a_type_is_a_string) {
  for (const std::string bad : {"7", "null", "[]", "{}", "true", "[\"F32\"]"})
    check_refused("the dtype of tensor 'w' is not a string", one(bad, "[0]", "[0,0]"));
}

BOOST_AUTO_TEST_CASE(the_number_of_dimensions_is_bounded) {
  const auto ones = [](std::size_t count) {
    std::string shape = "[";
    for (std::size_t k = 0; k < count; ++k) shape += k == 0 ? "1" : ",1";
    return shape + "]";
  };
  const temporary_folder folder;
  const safetensors_file file(
      folder.write("deep", file_of(one(R"("U8")", ones(64), "[0,1]"), "x")));
  BOOST_TEST(file.at("w").shape.size() == 64u);
  for (const std::size_t count : {65u, 1'000'000u})
    check_refused("tensor 'w' has more than 64 dimensions", one(R"("U8")", ones(count), "[0,1]"),
                  "x");
}

BOOST_AUTO_TEST_CASE(shapes_and_offsets_are_lists_of_whole_numbers) {
  check_refused("the shape of tensor 'w' is not a list", one(R"("U8")", "4", "[0,0]"));
  check_refused("the data_offsets of tensor 'w' is not a list", one(R"("U8")", "[0]", "{}"));
  for (const std::string bad : {"-1", "1.0", "1e2", "\"1\"", "null", "[1]", "18446744073709551616"})
    check_refused("the shape of tensor 'w' holds something other than whole numbers",
                  one(R"("U8")", "[" + bad + "]", "[0,0]"));
  check_refused("the data_offsets of tensor 'w' holds something other than whole numbers",
                one(R"("U8")", "[0]", "[0,-1]"));
}

BOOST_AUTO_TEST_CASE(offsets_must_lie_within_the_data) {
  const std::string sentence =
      "the data_offsets of tensor 'w' do not lie within the 4 bytes of data";
  for (const std::string bad : {"[]", "[0]", "[0,1,2]", "[3,2]", "[0,5]", "[5,5]",
                                "[18446744073709551615,18446744073709551615]"})
    check_refused(sentence, one(R"("U8")", "[4]", bad), "data");
}

BOOST_AUTO_TEST_CASE(bytes_must_be_shape_times_size) {
  check_refused("tensor 'w' has 4 bytes, its shape asks for 3 numbers of 1",
                one(R"("U8")", "[3]", "[0,4]"), "data");
  check_refused("tensor 'w' has 4 bytes, its shape asks for 1 numbers of 2",
                one(R"("F16")", "[]", "[0,4]"), "data");
  check_refused("tensor 'w' has 3 bytes, its shape asks for 1 numbers of 2",
                one(R"("F16")", "[1]", "[0,3]"), "dat");
  check_refused("tensor 'w' has 4 bytes, its shape asks for 0 numbers of 4",
                one(R"("F32")", "[1,0]", "[0,4]"), "data");
  // 2^32 * 2^32 numbers are 0 in 64 bits, and (2^62 + 1) * 4 bytes are 4
  check_refused("tensor 'w' has 0 bytes, its shape asks for 18446744073709551615 numbers of 1",
                one(R"("U8")", "[4294967296,4294967296]", "[0,0]"));
  check_refused("tensor 'w' has 4 bytes, its shape asks for 4611686018427387905 numbers of 4",
                one(R"("F32")", "[4611686018427387905]", "[0,4]"), "data");
}

BOOST_AUTO_TEST_CASE(tensors_fill_the_data_without_overlaps_and_gaps) {
  const std::string eight = "12345678";
  check_refused("tensor 'b' overlaps the one before it", two("[0,4]", "[3,7]"), "1234567");
  check_refused("tensor 'b' overlaps the one before it", two("[0,4]", "[0,4]"), "1234");
  check_refused("tensor 'a' overlaps the one before it", two("[2,6]", "[0,4]"), "123456");
  check_refused("there are 1 unused bytes before tensor 'b'", two("[0,4]", "[5,9]"), eight + "9");
  check_refused("there are 2 unused bytes before tensor 'a'", two("[2,6]", "[6,10]"), eight + "90");
  check_refused("the tensors end after 8 bytes, but the file has 9", two("[0,4]", "[4,8]"),
                eight + "9");
  check_refused("the tensors end after 0 bytes, but the file has 8", "{}", eight);
  const temporary_folder folder;
  const safetensors_file file(folder.write("swapped", file_of(two("[4,8]", "[0,4]"), eight)));
  BOOST_TEST(file.values<std::uint8_t>("a")[0] == '5');
}

BOOST_AUTO_TEST_CASE(a_damaged_file_is_refused_or_used_but_never_trusted) {
  support::damage(one_of_each(), use_all, [](std::size_t) { return true; });
}

BOOST_AUTO_TEST_CASE(real_files) {
  const safetensors_file golden(TAMP_SOURCE_DIR "/tests/golden/weights_small.safetensors");
  BOOST_TEST(golden.metadata().contains("case"));
  const auto weight = golden.matrix<float>("in.weight");
  BOOST_TEST((golden.at("in.weight").shape == std::vector{weight.rows(), weight.cols()}));
  BOOST_TEST(golden.values<float>("out.norm").size() == weight.cols());
  for (const auto& tensor : golden.tensors()) {
    if (tensor.type != dtype::u8) continue;
    const auto flags = golden.values<std::uint8_t>(tensor.name);
    BOOST_TEST(flags.size() == weight.size());
    for (const std::uint8_t flag : flags) BOOST_TEST(flag <= 1);
  }
  const safetensors_file layers(TAMP_SOURCE_DIR "/tests/golden/redundancy_lens.safetensors");
  std::size_t integers = 0;
  for (const auto& tensor : layers.tensors())
    if (tensor.type == dtype::i64)
      for (const std::int64_t number : layers.values<std::int64_t>(tensor.name))
        integers += number >= 0 && number < 1'000'000;
  BOOST_TEST(integers > 0u);

  const safetensors_file model(TAMP_SOURCE_DIR "/examples/data/tiny_mllm/tiny_mllm.safetensors");
  BOOST_TEST(model.metadata().contains("config"));
  std::size_t numbers = 0;
  for (const auto& tensor : model.tensors()) {
    BOOST_TEST((tensor.type == dtype::f16));
    const std::vector<float> floats = model.read_floats(tensor.name);
    const auto halves = model.values<f16>(tensor.name);
    BOOST_TEST(floats.size() == halves.size());
    for (std::size_t k = 0; k < floats.size(); ++k) {
      if (floats[k] != float(halves[k]) || !tamp::is_finite(floats[k])) BOOST_ERROR(tensor.name);
      ++numbers;
    }
  }
  BOOST_TEST(numbers > 1'000'000u);
}

BOOST_AUTO_TEST_SUITE_END()
