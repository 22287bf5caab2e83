#include <tamp/io/sparse_file.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <tamp/io/safetensors.hpp>
#include <tamp/sparse/multiply.hpp>
#include <tamp/sparse/pack.hpp>
#include <tamp/sparse/unpack.hpp>
#include <utility>
#include <vector>

#include "../support/errors.hpp"
#include "../support/sparse.hpp"
#include "files.hpp"

BOOST_AUTO_TEST_SUITE(io_sparse_file)

using support::check_error;
using support::read_bytes;
using support::temporary_folder;
using tamp::bf16;
using tamp::f16;
using tamp::file_error;
using tamp::shape_error;
using tamp::io::declaration;
using tamp::io::dtype;
using tamp::io::read_sparse;
using tamp::io::safetensors_file;
using tamp::io::safetensors_writer;
using tamp::io::sparse_view;

namespace {

template <class S>
std::string save(const temporary_folder& folder, const S& weight) {
  const std::string path = (folder / "sparse.safetensors").string();
  safetensors_writer out(path, tamp::io::declare_sparse("p", weight));
  tamp::io::write_sparse(out, "p", weight);
  out.commit();
  return path;
}

// The tensors of a weight that keeps three of 2 x 10, to be spoiled one at a time.
struct parts {
  std::vector<std::int64_t> shape{2, 10};
  std::vector<std::size_t> bitmask_shape{2, 2};
  std::vector<std::uint8_t> bitmask{0b10000010, 0b00, 0b0, 0b10};
  std::vector<float> compressed{1, 2, 3};
  std::vector<std::int64_t> row_offsets{0, 2};

  std::string save(const temporary_folder& folder) const {
    const std::string path = (folder / "parts.safetensors").string();
    safetensors_writer out(path, {{"p.shape", dtype::i64, {shape.size()}},
                                  {"p.bitmask", dtype::u8, bitmask_shape},
                                  {"p.compressed", dtype::f32, {compressed.size()}},
                                  {"p.row_offsets", dtype::i64, {row_offsets.size()}}});
    out.write<std::int64_t>("p.shape", shape);
    out.write<std::uint8_t>("p.bitmask", bitmask);
    out.write<float>("p.compressed", compressed);
    out.write<std::int64_t>("p.row_offsets", row_offsets);
    out.commit();
    return path;
  }
};

template <class Error = file_error, class Spoil>
void check_refused(const std::string& sentence, const Spoil& spoil) {
  const temporary_folder folder;
  parts p;
  spoil(p);
  const std::string path = p.save(folder);
  const safetensors_file file(path);
  check_error<Error>(path + ": sparse weight 'p'" + sentence,
                     [&] { static_cast<void>(sparse_view<float>(file, "p")); });
  check_error<Error>(path + ": sparse weight 'p'" + sentence,
                     [&] { static_cast<void>(read_sparse<float>(file, "p")); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const temporary_folder folder;
  const std::vector<float> W{0, 1, 0, 0, 0, 0, 0, 2, 0, 0,  //
                             0, 0, 0, 0, 0, 0, 0, 0, 0, 3};
  const auto S = tamp::sparse::pack(tamp::view(W, 2, 10));
  const std::string path = save(folder, S);

  // As parts has it, tensor by tensor.
  const safetensors_file file(path);
  const parts expected;
  const auto equal = [](const auto& found, const auto& wanted) {
    BOOST_TEST(std::vector(found.begin(), found.end()) == wanted, boost::test_tools::per_element());
  };
  equal(file.values<std::int64_t>("p.shape"), expected.shape);
  equal(file.values<std::uint8_t>("p.bitmask"), expected.bitmask);
  equal(file.values<float>("p.compressed"), expected.compressed);
  equal(file.values<std::int64_t>("p.row_offsets"), expected.row_offsets);
  BOOST_TEST(file.at("p.bitmask").shape == expected.bitmask_shape,
             boost::test_tools::per_element());
  BOOST_TEST(file.tensors().size() == 4u);

  BOOST_TEST((tamp::io::sparse_weights(file) == std::vector<std::string>{"p"}));
  BOOST_TEST((read_sparse<float>(file, "p") == S));
  const auto mapped = sparse_view<float>(file, "p");
  BOOST_TEST((mapped == S.view()));

  // It is multiplied where it is mapped.
  const std::vector<float> x{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  std::vector<float> y(2);
  tamp::sparse::multiply(mapped, x, y);
  BOOST_TEST(y[0] == 2 * 1 + 8 * 2);
  BOOST_TEST(y[1] == 10 * 3);
}

BOOST_AUTO_TEST_CASE(a_weight_is_declared_before_it_is_there) {
  const auto text_of = [](const std::vector<tamp::io::declaration>& tensors) {
    std::string text;
    for (const auto& t : tensors) {
      text += t.name + ' ' + std::string(tamp::io::detail::entry(t.type).name);
      for (const std::size_t extent : t.shape) text += ' ' + std::to_string(extent);
      text += '\n';
    }
    return text;
  };
  BOOST_TEST(text_of(tamp::io::declare_sparse<tamp::bf16>("p", 2, 10, 3)) ==
             "p.compressed BF16 3\np.bitmask U8 2 2\np.row_offsets I64 2\np.shape I64 2\n");
  BOOST_TEST(text_of(tamp::io::declare_sparse<std::int8_t>("p", 2, 33, 3)) ==
             "p.compressed I8 3\np.bitmask U8 2 5\np.row_offsets I64 2\np.shape I64 2\n"
             "p.scales F16 2 2\n");
  const std::vector<float> W{0, 1, 0, 2, 3, 0};
  const auto S = tamp::sparse::pack(tamp::view(W, 2, 3));
  BOOST_TEST(text_of(tamp::io::declare_sparse("p", S)) ==
             text_of(tamp::io::declare_sparse<float>("p", 2, 3, 3)));
}

BOOST_AUTO_TEST_CASE(every_type_and_shape_comes_back_to_the_bit) {
  const auto check = []<class T>(T, std::size_t rows, std::size_t cols) {
    const temporary_folder folder;
    std::vector<T> W(rows * cols);
    tamp::mask::bitmask keep(rows, cols, false);
    for (std::size_t k = 0; k < W.size(); ++k) {
      const float number = static_cast<float>(k * 37 % 101) - 50;
      W[k] = tamp::element_traits<T>::store(number);
      keep.set(k / cols, k % cols, k * k % 3 != 1);  // zeros, too
    }
    const auto S = tamp::sparse::pack(tamp::view(W, rows, cols), keep);
    const safetensors_file file(save(folder, S));
    BOOST_TEST((read_sparse<T>(file, "p") == S));
    BOOST_TEST((sparse_view<T>(file, "p") == S.view()));
    const auto bytes = tamp::sparse::pack_as<std::int8_t>(tamp::view(W, rows, cols), keep);
    const safetensors_file quantised(save(folder, bytes));
    BOOST_TEST((read_sparse<std::int8_t>(quantised, "p") == bytes));
    BOOST_TEST((sparse_view<std::int8_t>(quantised, "p") == bytes.view()));
  };
  for (const auto& [rows, cols] : std::vector<std::pair<std::size_t, std::size_t>>{
           {1, 1}, {3, 8}, {3, 9}, {5, 64}, {5, 65}, {2, 300}, {0, 5}, {5, 0}}) {
    check(float{}, rows, cols);
    check(f16{}, rows, cols);
    check(bf16{}, rows, cols);
  }
}

BOOST_AUTO_TEST_CASE(many_rows_are_written_in_pieces) {
  const temporary_folder folder;
  const std::size_t rows = 3000, cols = 4000;  // 1.5 MB of bits
  tamp::mask::bitmask keep(rows, cols, false);
  for (std::size_t i = 0; i < rows; ++i) keep.set(i, i * 7 % cols, true);
  const std::vector<float> values(rows, 1.5f);
  const tamp::sparse::matrix<float> S(keep, values);
  const safetensors_file file(save(folder, S));
  BOOST_TEST((sparse_view<float>(file, "p") == S.view()));
}

BOOST_AUTO_TEST_CASE(bits_past_the_last_column_are_not_looked_at) {
  const temporary_folder folder;
  parts p;
  p.bitmask = {0b10000010, 0b11111100, 0b0, 0b11111110};
  const safetensors_file file(p.save(folder));
  const safetensors_file clean(parts{}.save(folder));
  BOOST_TEST((sparse_view<float>(file, "p") == sparse_view<float>(clean, "p")));
  BOOST_TEST((read_sparse<float>(file, "p") == read_sparse<float>(clean, "p")));
}

BOOST_AUTO_TEST_CASE(a_file_without_alignment_is_copied) {
  const temporary_folder folder;
  std::string bytes = read_bytes(parts{}.save(folder));
  std::uint64_t length;
  std::memcpy(&length, bytes.data(), sizeof length);
  bytes.insert(8 + length, " ");  // one more byte of header
  ++length;
  std::memcpy(bytes.data(), &length, sizeof length);
  const safetensors_file aligned(parts{}.save(folder));
  const std::string path = folder.write("odd.safetensors", bytes);
  const safetensors_file file(path);
  BOOST_TEST((read_sparse<float>(file, "p") == read_sparse<float>(aligned, "p")));
  check_error<file_error>(path +
                              ": tensor 'p.compressed' does not lie at a multiple of 4 bytes and "
                              "has to be copied to be read",
                          [&] { static_cast<void>(sparse_view<float>(file, "p")); });
}

BOOST_AUTO_TEST_CASE(contradictions_are_refused) {
  check_refused(": 2 kept weights for a weight of 2 x 10, which has 3",
                [](parts& p) { p.compressed.pop_back(); });
  check_refused(": 3 kept weights for a weight of 2 x 10, which has 4",
                [](parts& p) { p.bitmask[2] = 1; });
  check_refused(": row 1 begins at kept weight 1, but the rows before it keep 2",
                [](parts& p) { p.row_offsets[1] = 1; });
  check_refused(": row 0 begins at kept weight -1, but the rows before it keep 0",
                [](parts& p) { p.row_offsets[0] = -1; });
  check_refused(" has 'row_offsets' of the shape ( 3 ), not ( 2 )",
                [](parts& p) { p.row_offsets.push_back(3); });
  check_refused(" has 'bitmask' of the shape ( 4 1 ), not ( 2 2 )",
                [](parts& p) { p.bitmask_shape = {4, 1}; });
  check_refused(" has 'shape' of the shape ( 3 ), not ( 2 )",
                [](parts& p) { p.shape.push_back(1); });
  check_refused(" has a shape of -2 x 10", [](parts& p) { p.shape[0] = -2; });
  const auto most = (std::numeric_limits<std::int64_t>::max)();
  check_refused<shape_error>(
      ": " + std::to_string(most) + " x 10 elements are more than memory can hold",
      [&](parts& p) { p.shape[0] = most; });
}

BOOST_AUTO_TEST_CASE(another_type_and_missing_tensors_are_named) {
  const temporary_folder folder;
  const std::string path = parts{}.save(folder);
  const safetensors_file file(path);
  check_error<file_error>(path + ": sparse weight 'p' has 'compressed' of F32, not BF16",
                          [&] { static_cast<void>(read_sparse<bf16>(file, "p")); });
  check_error<file_error>(path + ": has no tensor named 'q.shape'",
                          [&] { static_cast<void>(read_sparse<float>(file, "q")); });
  const auto bytes = read_bytes(path);
  BOOST_TEST(tamp::io::sparse_weights(
                 safetensors_file(folder.write("none", support::bytes_of(std::uint64_t{2}) + "{}")))
                 .empty());
}

BOOST_AUTO_TEST_CASE(types_of_a_host_are_read_as_their_twins) {
  const temporary_folder folder;
  const support::matrix<support::host_f16> weight{{{0x3c00}, {0}}, {{0}, {0x4000}}};  // 1 and 2
  tamp::mask::bitmask keep(2, 2, false);
  keep.set(0, 0, true);
  keep.set(1, 1, true);
  const std::string path = save(folder, tamp::sparse::pack(weight, keep));
  const safetensors_file file(path);
  const auto read = read_sparse<support::host_f16>(file, "p");
  BOOST_TEST(read.kept() == 2u);
  BOOST_TEST(read.values(1)[0].bits == 0x4000);
  BOOST_TEST(sparse_view<support::host_f16>(file, "p").values()[0].bits == 0x3c00);
  BOOST_TEST(file.values<support::host_f16>("p.compressed")[1].bits == 0x4000);
  BOOST_TEST(read_sparse<f16>(file, "p").kept() == 2u);
}

BOOST_AUTO_TEST_SUITE_END()
