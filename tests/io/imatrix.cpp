#include <tamp/io/imatrix.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/stat/column_norm.hpp>
#include <tamp/tensor/view.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "gguf_bytes.hpp"

BOOST_AUTO_TEST_SUITE(io_imatrix)

using support::bytes_of;
using support::check_error;
using support::gguf_bytes;
using support::temporary_folder;
using tamp::file_error;
using tamp::io::named_norms;
using tamp::io::norms_per;
using tamp::io::read_imatrix;

namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

std::string floats(const std::vector<float>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), 4 * numbers.size()};
}
std::string text_of(std::string_view text) {
  return bytes_of(static_cast<std::int32_t>(text.size())) + std::string(text);
}
// An entry of the .dat form. A count that lies replaces the number of values.
std::string entry(std::string_view name, std::int32_t calls, const std::vector<float>& values) {
  return text_of(name) + bytes_of(calls, static_cast<std::int32_t>(values.size())) + floats(values);
}

gguf_bytes header() {
  gguf_bytes file;
  file.value<std::string>("general.type", "imatrix");
  file.array<std::string>("imatrix.datasets", {"wiki.txt"});
  file.value<std::uint32_t>("imatrix.chunk_count", 3).value<std::uint32_t>("imatrix.chunk_size", 4);
  return file;
}
// Extents are in ggml's order.
void add(gguf_bytes& file, const std::string& name, std::uint64_t columns,
         const std::vector<float>& sums, const std::vector<float>& counts) {
  file.tensor(name + ".in_sum2", {columns, sums.size() / columns}, 0, floats(sums));
  file.tensor(name + ".counts", {1, counts.size()}, 0, floats(counts));
}

std::vector<float> values(const named_norms& norms, std::string_view name) {
  return norms.at(name).values;
}

void check_refused(std::string_view sentence, std::string_view bytes,
                   norms_per unit = norms_per::token) {
  const temporary_folder folder;
  const std::string path = folder.write("bad", bytes);
  check_error<file_error>(path + ": " + std::string(sentence),
                          [&] { (void)read_imatrix(path, unit); });
}
void check_gguf_refused(std::string_view sentence, const gguf_bytes& file,
                        norms_per unit = norms_per::token) {
  check_refused(sentence, file.bytes(), unit);
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_older_form_by_hand) {
  // Two entries. "q" was called 2 times: in_sum2 / count is 9 and 4, times 2.
  const std::string bytes = bytes_of(std::int32_t{2}) +                                    //
                            bytes_of(std::int32_t{1}) + "q" +                              //
                            bytes_of(std::int32_t{2}, std::int32_t{2}, 18.0f, 8.0f) +      //
                            bytes_of(std::int32_t{3}) + "out" +                            //
                            bytes_of(std::int32_t{1}, std::int32_t{3}, 1.0f, 0.0f, 16.0f)  //
                            + bytes_of(std::int32_t{7}) +                                  //
                            bytes_of(std::int32_t{8}) + "wiki.txt";
  const temporary_folder folder;
  const std::string path = folder.write("imatrix.dat", bytes);
  const named_norms norms = read_imatrix(path);
  BOOST_TEST(norms.size() == 2u);
  BOOST_TEST((values(norms, "q") == std::vector<float>{3, 2}));
  BOOST_TEST((values(norms, "out") == std::vector<float>{1, 0, 4}));
  BOOST_TEST((norms.at("q").tokens == std::vector<std::uint64_t>{0}), "they are unknown");
  BOOST_TEST(norms.about().at("imatrix.datasets") == "wiki.txt");
  BOOST_TEST(norms.about().at("imatrix.chunk_count") == "7");
  BOOST_TEST(norms.origin() == path);

  // The oldest files end after the entries, later ones after the number of chunks.
  const std::size_t end = bytes.size() - 12;
  const named_norms oldest = read_imatrix(folder.write("oldest.dat", bytes.substr(0, end - 4)));
  BOOST_TEST((oldest == norms && oldest.about().empty()));
  const named_norms older = read_imatrix(folder.write("older.dat", bytes.substr(0, end)));
  BOOST_TEST((older == norms && older.about().size() == 1u));
}

BOOST_AUTO_TEST_CASE(the_gguf_form_by_hand) {
  gguf_bytes file = header();
  add(file, "q", 2, {36, 16}, {4});
  // Three experts, of which the second saw no token.
  add(file, "experts", 2, {2, 8, 0, 0, 45, 20}, {2, 0, 5});
  file.tensor("q.in_sum", {2}, 0, floats({-1, nan}));  // another tool's business
  const temporary_folder folder;
  const std::string path = folder.write("imatrix.gguf", file.bytes());
  const named_norms norms = read_imatrix(path);
  BOOST_TEST(norms.size() == 2u);
  BOOST_TEST((values(norms, "q") == std::vector<float>{3, 2}));
  BOOST_TEST((norms.at("q").tokens == std::vector<std::uint64_t>{4}));
  BOOST_TEST((values(norms, "experts") == std::vector<float>{1, 2, 1, 1, 3, 2}));
  BOOST_TEST((norms.at("experts").tokens == std::vector<std::uint64_t>{2, 0, 5}));
  BOOST_TEST(norms.at("experts").columns == 2u);
  BOOST_TEST(norms.of("experts", 2, 3).size() == 6u);
  BOOST_TEST(norms.about().at("imatrix.datasets") == "wiki.txt");
  BOOST_TEST(norms.about().at("imatrix.chunk_count") == "3");
  BOOST_TEST(norms.about().at("imatrix.chunk_size") == "4");

  // Per sequence of 4 tokens the mean is 4 times as large, but not where there is none.
  const named_norms sequences = read_imatrix(path, norms_per::sequence);
  BOOST_TEST((values(sequences, "q") == std::vector<float>{6, 4}));
  BOOST_TEST((values(sequences, "experts") == std::vector<float>{2, 4, 1, 1, 6, 4}));
}

BOOST_AUTO_TEST_CASE(per_sequence_they_are_the_norms_of_an_accumulator) {
  const std::vector<float> first{1, 2, 3, 4}, second{5, 6, 7, 8};  // 2 tokens of 2 features
  tamp::stat::column_norm seen;
  seen.add(tamp::view(first, 2, 2)).add(tamp::view(second, 2, 2));
  gguf_bytes file;
  file.value<std::string>("general.type", "imatrix");
  file.value<std::uint32_t>("imatrix.chunk_size", 2);
  add(file, "w", 2, {1 + 9 + 25 + 49, 4 + 16 + 36 + 64}, {4});
  const temporary_folder folder;
  const auto norms = read_imatrix(folder.write("i.gguf", file.bytes()), norms_per::sequence);
  BOOST_TEST((values(norms, "w") == seen.values()));
}

BOOST_AUTO_TEST_CASE(entries_without_calls_are_ones) {
  const temporary_folder folder;
  const std::string bytes = bytes_of(std::int32_t{1}) + entry("w", 0, {5, 0});
  BOOST_TEST((values(read_imatrix(folder.write("i.dat", bytes)), "w") == std::vector<float>{1, 1}));
}

BOOST_AUTO_TEST_CASE(shapes_of_the_gguf_form) {
  const temporary_folder folder;
  const auto norms_of = [&](const std::vector<std::uint64_t>& sums,
                            const std::vector<std::uint64_t>& counts) {
    gguf_bytes file = header();
    file.tensor("w.in_sum2", sums, 0, floats({4, 16, 36, 64}));
    std::uint64_t matrices = 1;
    for (const auto extent : counts) matrices *= extent;
    file.tensor("w.counts", counts, 0, floats(std::vector<float>(matrices, 4)));
    const named_norms norms = read_imatrix(folder.write("i.gguf", file.bytes()));
    return norms.at("w");
  };
  // Trailing extents of 1 may be there or not.
  BOOST_TEST(norms_of({4}, {1}).columns == 4u);
  BOOST_TEST(norms_of({4, 1}, {1, 1}).columns == 4u);
  BOOST_TEST(norms_of({4, 1, 1, 1}, {}).columns == 4u);
  BOOST_TEST(norms_of({2, 2}, {1, 2}).matrices() == 2u);
  BOOST_TEST(norms_of({2, 2}, {2}).matrices() == 2u);
  BOOST_TEST(norms_of({1, 4}, {1, 4}).matrices() == 4u);
  BOOST_TEST((norms_of({2, 2}, {1, 2}).values == std::vector<float>{1, 2, 3, 4}));
}

BOOST_AUTO_TEST_CASE(matrices_that_are_no_experts_share_a_count) {
  // llama.cpp writes a dense weight of (2, out, 3) as one row of 6 columns.
  gguf_bytes file = header();
  add(file, "w", 6, {4, 16, 36, 64, 100, 144}, {4});
  const temporary_folder folder;
  const named_norms norms = read_imatrix(folder.write("i.gguf", file.bytes()));
  const auto second = norms.of("w", 3, 2).subspan(3, 3);
  BOOST_TEST((std::vector(second.begin(), second.end()) == std::vector<float>{4, 5, 6}));
}

BOOST_AUTO_TEST_CASE(extreme_numbers) {
  const temporary_folder folder;
  const float most = (std::numeric_limits<float>::max)(), least = 1e-45f;
  gguf_bytes file = header();
  add(file, "w", 3, {most, least, -0.0f}, {1});
  add(file, "v", 1, {most}, {18446742974197923840.0f});  // the last float below 2^64
  const auto norms = read_imatrix(folder.write("i.gguf", file.bytes()));
  const auto root = [](double square) { return static_cast<float>(std::sqrt(square)); };
  BOOST_TEST((values(norms, "w") == std::vector<float>{root(most), root(least), 0}));
  BOOST_TEST(norms.at("v").tokens[0] == 18446742974197923840u);
}

BOOST_AUTO_TEST_CASE(damaged_entries_are_refused) {
  const auto i = [](std::int32_t number) { return bytes_of(number); };
  check_refused("the number of entries has 4 bytes at byte 0, but only 0 are left", "");
  check_refused("is no importance matrix: it claims 0 entries", i(0));
  check_refused("is no importance matrix: it claims -2147483648 entries", i(INT32_MIN) + i(1));
  // None of what is claimed is believed before it is there.
  check_refused("entry 0 has 4 bytes at byte 4, but only 0 are left", i(INT32_MAX));
  check_refused(
      "is cut off, or no importance matrix: the name of entry 0 has 2147483647 bytes, but only 3 "
      "are left",
      i(1) + i(INT32_MAX) + "abc");
  check_refused("entry 0 has a name of 0 bytes", i(1) + entry("", 1, {1}));
  check_refused("entry 0 has a name of -1 bytes", i(1) + i(-1) + "abc");
  check_refused("entry 0, 'w', has 8589934588 bytes at byte 17, but only 8 are left",
                i(1) + text_of("w") + i(1) + i(INT32_MAX) + floats({1, 2}));
  check_refused("entry 0, 'w', has 0 values", i(1) + entry("w", 1, {}));
  check_refused("entry 0, 'w', has -3 values", i(1) + text_of("w") + i(1) + i(-3));
  check_refused("entry 0, 'w', was called -1 times", i(1) + entry("w", -1, {1}));
  check_refused("entry 1 has 4 bytes at byte 21, but only 0 are left", i(2) + entry("w", 1, {1}));
  check_refused("entry 1, 'w', is there twice", i(2) + entry("w", 1, {1}) + entry("w", 1, {1}));

  const std::string whole = i(2) + entry("a", 1, {1}) + entry("w", 1, {1, 2});
  check_refused("the number of chunks has 4 bytes at byte 42, but only 1 are left", whole + "x");
  check_refused("claims -1 chunks", whole + i(-1));
  check_refused("the name of the dataset has -1 bytes", whole + i(1) + i(-1));
  check_refused("the name of the dataset has 9 bytes at byte 50, but only 2 are left",
                whole + i(1) + i(9) + "ab");
  check_refused("goes on for 5 bytes after its end", whole + i(1) + text_of("t") + "extra");
}

BOOST_AUTO_TEST_CASE(numbers_that_are_no_sums_of_squares_are_refused) {
  const auto dat = [](const std::vector<float>& numbers) {
    return bytes_of(std::int32_t{1}) + entry("w", 1, numbers);
  };
  check_refused("entry 0, 'w', has a sum of squares of nan in column 1", dat({1, nan}));
  check_refused("entry 0, 'w', has a sum of squares of -1 in column 0", dat({-1, 1}));
  check_refused("entry 0, 'w', has a sum of squares of inf in column 2", dat({0, 1, infinity}));
  const auto gguf = [](const std::vector<float>& sums, const std::vector<float>& counts) {
    gguf_bytes file = header();
    add(file, "w", 2, sums, counts);
    return file.bytes();
  };
  const std::string tensor = "tensor 'w.in_sum2' has a sum of squares of ";
  check_refused(tensor + "nan in column 1 of matrix 0", gguf({1, nan}, {1}));
  check_refused(tensor + "-1 in column 0 of matrix 1", gguf({1, 1, -1, 1}, {1, 1}));
  check_refused(tensor + "inf in column 1 of matrix 1", gguf({1, 1, 1, infinity}, {1, 0}));
  const std::string counts = "tensor 'w.counts' has a count of ";
  check_refused(counts + "-1 for matrix 0", gguf({1, 1}, {-1}));
  check_refused(counts + "nan for matrix 1", gguf({1, 1, 1, 1}, {1, nan}));
  check_refused(counts + "inf for matrix 0", gguf({1, 1}, {infinity}));
  check_refused(counts + "2.5 for matrix 0", gguf({1, 1}, {2.5f}));
  check_refused(counts + "1.8446744e+19 for matrix 0", gguf({1, 1}, {18446744073709551616.0f}));
}

BOOST_AUTO_TEST_CASE(other_gguf_files_are_refused) {
  gguf_bytes model;
  check_gguf_refused("is no importance matrix: its metadata have no 'general.type'", model);
  model.value<std::string>("general.type", "model");
  check_gguf_refused("is no importance matrix: its general.type is 'model'", model);
  check_gguf_refused("holds no tensor NAME.in_sum2", header());
  gguf_bytes number;
  number.value<std::uint8_t>("general.type", 7);
  check_gguf_refused(
      "the metadata 'general.type' are an unsigned 8-bit integer (7) and not a string", number);
}

BOOST_AUTO_TEST_CASE(tensors_that_do_not_fit_together_are_refused) {
  const auto one = [](const std::string& name, const std::vector<std::uint64_t>& extents,
                      std::uint32_t type, const std::string& data) {
    gguf_bytes file = header();
    file.tensor(name, extents, type, data);
    return file;
  };
  check_gguf_refused("has a tensor 'w.in_sum2', but none named 'w.counts'",
                     one("w.in_sum2", {1}, 0, floats({1})));
  gguf_bytes alone = one("v.counts", {1}, 0, floats({1}));
  add(alone, "w", 1, {1}, {1});
  check_gguf_refused("has a tensor 'v.counts', but none named 'v.in_sum2'", alone);
  gguf_bytes nameless = header();
  add(nameless, "", 1, {1}, {1});
  check_gguf_refused("has a tensor '.in_sum2', which names no weight", nameless);

  gguf_bytes fewer = header();
  add(fewer, "w", 2, {1, 1, 1, 1}, {1});
  check_gguf_refused(
      "tensor 'w.in_sum2' has 2 matrices of 2 columns, but tensor 'w.counts' counts for 1", fewer);
  gguf_bytes more = header();
  add(more, "w", 2, {1, 1}, {1, 1});
  check_gguf_refused(
      "tensor 'w.in_sum2' has 1 matrices of 2 columns, but tensor 'w.counts' counts for 2", more);

  gguf_bytes half = one("w.in_sum2", {2}, 1, bytes_of(tamp::f16(1.0f), tamp::f16(1.0f)));
  half.tensor("w.counts", {1}, 0, floats({1}));
  check_gguf_refused("tensor 'w.in_sum2' is of type F16, not F32", half);
  gguf_bytes integers = one("w.in_sum2", {1}, 0, floats({1}));
  integers.tensor("w.counts", {1}, 26, bytes_of(std::int32_t{1}));
  check_gguf_refused("tensor 'w.counts' is of type I32, not F32", integers);

  // An extent of 2^40 with nothing to show for it.
  gguf_bytes empty = one("w.in_sum2", {std::uint64_t{1} << 40, 0}, 0, "");
  empty.tensor("w.counts", {1}, 0, floats({1}));
  check_gguf_refused("tensor 'w.in_sum2' is empty", empty);
  gguf_bytes none = one("w.in_sum2", {1}, 0, floats({1}));
  none.tensor("w.counts", {1, 0}, 0, "");
  check_gguf_refused("tensor 'w.counts' is empty", none);
}

BOOST_AUTO_TEST_CASE(norms_per_sequence_need_the_size_of_one) {
  gguf_bytes without;
  without.value<std::string>("general.type", "imatrix");
  add(without, "w", 1, {1}, {1});
  check_gguf_refused("has no metadata 'imatrix.chunk_size'", without, norms_per::sequence);
  gguf_bytes zero;
  zero.value<std::string>("general.type", "imatrix");
  zero.value<std::uint32_t>("imatrix.chunk_size", 0);
  add(zero, "w", 1, {1}, {1});
  check_gguf_refused("has an imatrix.chunk_size of 0, so that norms have no unit", zero,
                     norms_per::sequence);
  check_refused(
      "is an importance matrix without a chunk size (not GGUF), and has no norms per sequence",
      bytes_of(std::int32_t{1}) + entry("w", 1, {1}), norms_per::sequence);
  // Norms per token do without.
  const temporary_folder folder;
  BOOST_TEST(read_imatrix(folder.write("i.gguf", without.bytes())).size() == 1u);
  BOOST_TEST(read_imatrix(folder.write("i.gguf", zero.bytes())).size() == 1u);
}

BOOST_AUTO_TEST_CASE(cut_off_or_damaged_files_are_refused_or_usable) {
  const auto read = [](const std::string& path) {
    for (const auto& [name, norms] : read_imatrix(path)) BOOST_TEST(norms.matrices() != 0u);
  };
  const std::string entries =
      bytes_of(std::int32_t{2}) + entry("w", 2, {1, 2, 3}) + entry("blk", 0, {4});
  const std::string end = bytes_of(std::int32_t{3}) + text_of("wiki");
  support::damage(entries + end, read, [&](std::size_t length) {
    return length != entries.size() && length != entries.size() + 4;
  });
  gguf_bytes file = header();
  add(file, "w", 2, {1, 2, 3, 4}, {1, 0});
  support::damage(file.bytes(), read, [](std::size_t) { return true; });
}

BOOST_AUTO_TEST_CASE(both_forms_of_one_matrix_agree) {
  const std::string folder = TAMP_SOURCE_DIR "/tests/golden/imatrix";
  const named_norms gguf = read_imatrix(folder + ".gguf"), dat = read_imatrix(folder + ".dat");
  BOOST_TEST(gguf.size() == dat.size());
  for (const auto& [name, norms] : gguf) {
    const auto others = dat.of(name, norms.columns, norms.matrices());
    for (std::size_t k = 0; k < others.size(); ++k)
      BOOST_TEST(others[k] == norms.values[k], boost::test_tools::tolerance(1e-6f));
  }
}

BOOST_AUTO_TEST_SUITE_END()
