#include <tamp/io/ggml_rows.hpp>

#include <algorithm>
#include <bit>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <tamp/tamp.hpp>
#include <type_traits>
#include <vector>

#include "../support/errors.hpp"
#include "ggml_bytes.hpp"

BOOST_AUTO_TEST_SUITE(io_ggml_rows)

using support::check_error;
using support::type_named;
using tamp::compose;
using tamp::shape_error;
using tamp::value_error;
using tamp::allocate::uniform;
using tamp::io::ggml_rows;
using tamp::pattern::n_of_m;
using tamp::pattern::per_row;
using tamp::score::magnitude;
using tamp::score::wanda;

using writable = ggml_rows<std::byte>;
using readable = ggml_rows<const std::byte>;
static_assert(tamp::zeroable_row_tensor<writable> && tamp::prunable_tensor<writable>);
static_assert(tamp::row_tensor<readable> && !tamp::prunable_tensor<readable>);
static_assert(!tamp::prunable_tensor<const writable>);
static_assert(std::is_nothrow_move_constructible_v<writable>);

namespace {

// Rows of a type, in memory of their own. No 16-bit scale is infinite.
struct owned_rows {
  owned_rows(std::string_view type, std::size_t rows_, std::size_t cols_)
      : name(type), rows(rows_), cols(cols_) {
    const std::vector<std::size_t> scales = type == "Q6_K"   ? std::vector<std::size_t>{208}
                                            : type == "Q3_K" ? std::vector<std::size_t>{108}
                                            : type == "F32"  ? std::vector<std::size_t>{2}
                                            : type == "F64"  ? std::vector<std::size_t>{6}
                                                             : std::vector<std::size_t>{0};
    const auto random =
        support::random_blocks(type, rows * cols / type_named(type).values, scales, 11);
    for (const std::uint8_t byte : random) bytes.push_back(std::byte{byte});
  }
  writable tensor() {
    return ggml_rows(type_named(name).id, std::span(bytes), rows, cols, "blk.0.ffn_up.weight");
  }
  std::vector<float> numbers() {
    std::vector<float> all(rows * cols);
    const writable tensor_ = tensor();
    for (std::size_t i = 0; i < rows; ++i)
      tensor_.read_row(i, std::span(all).subspan(i * cols, cols));
    return all;
  }

  std::string_view name;
  std::size_t rows, cols;
  std::vector<std::byte> bytes;
};

constexpr std::string_view zeroable[] = {"F32",  "F16",  "BF16", "F64",  "Q4_0",
                                         "Q5_0", "Q8_0", "Q3_K", "Q6_K", "MXFP4"};
constexpr std::string_view without_zero[] = {"Q4_1", "Q5_1",   "Q2_K",  "Q4_K",
                                             "Q5_K", "IQ4_NL", "IQ4_XS"};

// Prunes in place. The result is that of the same weights as floats, and kept weights are what
// they were.
template <class Statistics, class Recipe>
void check_prunes(std::string_view type, const Statistics& statistics, const Recipe& recipe) {
  owned_rows owned(type, 5, 512);
  if (type == "MXFP4")  // moderate scales
    for (std::size_t k = 0; k < owned.bytes.size(); k += 17)
      owned.bytes[k] = std::byte(120 + std::to_integer<unsigned>(owned.bytes[k]) % 16);
  const std::vector<float> before = owned.numbers();
  std::vector<float> expected = before;
  tamp::prune(tamp::view(expected, 5, 512), statistics, recipe);

  auto tensor = owned.tensor();
  const auto result = tamp::prune(tensor, statistics, recipe);
  const std::vector<float> after = owned.numbers();
  BOOST_TEST(result.kept == tamp::select(tamp::view(before, 5, 512), statistics, recipe).count());
  BOOST_TEST((after == expected), type);  // -0 is 0
  for (std::size_t k = 0; k < after.size(); ++k)
    if (after[k] != 0)
      BOOST_TEST(std::bit_cast<std::uint32_t>(after[k]) == std::bit_cast<std::uint32_t>(before[k]));
}

}  // namespace

// Two rows of Q8_0: d = 1, q = 0 to 31, and d = 2, q = -16 to 15.
BOOST_AUTO_TEST_CASE(rows_by_hand) {
  std::vector<std::byte> bytes(2 * 34);
  bytes[1] = std::byte{0x3c};
  bytes[34 + 1] = std::byte{0x40};
  for (int k = 0; k < 32; ++k) {
    bytes[static_cast<std::size_t>(2 + k)] = static_cast<std::byte>(k);
    bytes[static_cast<std::size_t>(34 + 2 + k)] = static_cast<std::byte>(k - 16);
  }
  ggml_rows rows(8, std::span(bytes), 2, 32, "w");
  static_assert(std::is_same_v<decltype(rows), writable>);
  BOOST_TEST((rows.rows() == 2u && rows.cols() == 32u && rows.has_zero()));
  BOOST_TEST((rows.type().name == "Q8_0" && rows.type().id == 8u));
  std::vector<float> row(32);
  rows.read_row(1, row);
  for (int k = 0; k < 32; ++k)
    BOOST_TEST(row[static_cast<std::size_t>(k)] == static_cast<float>(2 * (k - 16)));

  // Bits past the last weight mean nothing.
  rows.zero(1, std::vector<std::uint64_t>{0xffffffff00000006u});
  rows.read_row(1, row);
  for (std::size_t k = 0; k < 32; ++k)
    BOOST_TEST(row[k] == (k == 1 ? -30.0f : k == 2 ? -28.0f : 0.0f));
  const ggml_rows<const std::byte> read_only(8, bytes, 2, 32, "w");
  read_only.read_row(0, row);  // the other row is as it was
  for (std::size_t k = 0; k < 32; ++k) BOOST_TEST(row[k] == static_cast<float>(k));
}

BOOST_AUTO_TEST_CASE(types_with_a_zero_are_pruned_like_their_floats) {
  tamp::stat::column_norm norms;
  std::vector<float> inputs;
  for (int j = 0; j < 512; ++j) inputs.push_back(static_cast<float>(j * 37 % 101) / 16);
  norms.add(tamp::view(inputs, 1, 512));
  for (const std::string_view type : zeroable) {
    check_prunes(type, norms, compose(magnitude{}, per_row{}, uniform{0.5}));
    check_prunes(type, norms, compose(magnitude{}, n_of_m<2, 4>{}));
    check_prunes(type, norms, compose(wanda{}, per_row{}, uniform{0.7}));
    check_prunes(type, norms, compose(wanda{}, n_of_m<2, 4>{}));
  }
}

BOOST_AUTO_TEST_CASE(types_without_a_zero_are_refused_before_anything_is_written) {
  for (const std::string_view type : without_zero) {
    owned_rows owned(type, 3, 512);
    for (std::size_t k = 0; k < owned.bytes.size(); ++k) owned.bytes[k] &= std::byte{0x3f};
    const auto before = owned.bytes;
    auto rows = owned.tensor();
    BOOST_TEST(!rows.has_zero());
    check_error<value_error>(
        "blk.0.ffn_up.weight: " + std::string(type) +
            " has no code for zero; convert the file to Q8_0 or F16 first",
        [&] { tamp::prune(rows, compose(magnitude{}, per_row{}, uniform{0.5})); });
    BOOST_TEST((owned.bytes == before), type);
  }
}

// d is infinite in row 1 of Q8_0: none of its weights is finite, and no code would be zero.
BOOST_AUTO_TEST_CASE(weights_that_are_not_finite_are_refused_before_anything_is_written) {
  owned_rows owned("Q8_0", 3, 64);
  owned.bytes[2 * 34] = std::byte{0};
  owned.bytes[2 * 34 + 1] = std::byte{0x7c};
  owned.bytes[2 * 34 + 2] = std::byte{0xff};
  const auto before = owned.bytes;
  auto rows = owned.tensor();
  check_error<value_error>("prune: the weight in row 1, column 0 is -inf", [&] {
    tamp::prune(rows, compose(magnitude{}, per_row{}, uniform{0.5}));
  });
  BOOST_TEST((owned.bytes == before));
  // A mask of other origin is applied, and what did not become zero is reported: infinity times 0,
  // whose sign is the processor's.
  BOOST_CHECK_EXCEPTION(
      tamp::apply(rows, tamp::mask::bitmask(3, 64, false)), value_error, [](const auto& problem) {
        const std::string_view said = problem.what();
        return said.starts_with(
                   "apply: the weight in row 1, column 0 was set to 0 and reads back as ") &&
               said.ends_with("nan; the tensor's zero(row, keep) makes it no zero");
      });
}

BOOST_AUTO_TEST_CASE(rows_are_encoded_in_types_that_tamp_writes) {
  // The largest of 32 numbers is 127 steps of the scale: 0.5, so that -1.25 is -2.5 steps.
  std::vector<float> numbers(64);
  numbers[0] = 63.5f;
  numbers[1] = -1.25f;
  numbers[31] = 0.2f;
  numbers[63] = -2e-40f;  // its scale is too small for f16
  std::vector<std::byte> bytes(2 * 68);
  tamp::io::ggml_rows rows(8, std::span(bytes), 2, 64, "W");
  rows.encode_row(1, numbers);
  std::vector<float> read(64);
  rows.read_row(1, read);
  std::vector<float> expected(64);
  expected[0] = 63.5f;
  expected[1] = -1.5f;
  BOOST_TEST(read == expected, boost::test_tools::per_element());
  rows.read_row(0, read);
  BOOST_TEST(read == std::vector<float>(64), boost::test_tools::per_element());

  for (const std::uint32_t type : {0u, 1u, 28u, 30u}) {
    std::vector<std::byte> plain(64 * tamp::io::ggml::find_type(type)->bytes);
    tamp::io::ggml_rows as_plain(type, std::span(plain), 1, 64, "W");
    as_plain.encode_row(0, expected);
    as_plain.read_row(0, read);
    BOOST_TEST(read == expected, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(numbers_that_a_type_cannot_hold_are_refused_before_anything_is_written) {
  std::vector<std::byte> bytes(2 * 32, std::byte{1});
  const auto before = bytes;
  tamp::io::ggml_rows halves(1, std::span(bytes), 1, 32, "W");
  std::vector<float> numbers(32);
  const auto refused = [&](float number, const std::string& as_text) {
    numbers[3] = number;
    support::check_error<tamp::value_error>(
        "W: the number in row 0, column 3 is " + as_text + ", and the largest of F16 is 65504",
        [&] { halves.encode_row(0, numbers); });
    BOOST_TEST((bytes == before));
  };
  refused(65505, "65505");
  refused(-1e10f, "-1e+10");
  refused(std::numeric_limits<float>::quiet_NaN(), "nan");
  std::vector<std::byte> blocks(18);
  tamp::io::ggml_rows q4_0(2, std::span(blocks), 1, 32, "W");
  support::check_error<tamp::value_error>("W is of type Q4_0, which tamp does not write",
                                          [&] { q4_0.encode_row(0, numbers); });
  support::check_error<tamp::shape_error>("W has 1 rows of 32: row 1 of 32 cannot be written",
                                          [&] { halves.encode_row(1, numbers); });
  support::check_error<tamp::shape_error>("W has 1 rows of 32: row 0 of 31 cannot be written", [&] {
    halves.encode_row(0, std::span<const float>(numbers).first(31));
  });
}

BOOST_AUTO_TEST_CASE(types_that_cannot_be_read_are_refused) {
  std::vector<std::byte> bytes(110);
  check_error<value_error>("w is of type IQ3_S (21), which tamp does not read",
                           [&] { ggml_rows(21, std::span(bytes), 1, 256, "w"); });
  check_error<value_error>("w is of type unknown (99), which tamp does not read",
                           [&] { ggml_rows(99, std::span(bytes), 1, 256, "w"); });
}

BOOST_AUTO_TEST_CASE(rows_are_whole_blocks) {
  std::vector<std::byte> bytes(64);
  check_error<shape_error>(
      "w has rows of 48 values, which is no multiple of the 32 in a block of Q8_0",
      [&] { ggml_rows(8, std::span(bytes), 1, 48, "w"); });
  check_error<shape_error>(
      "w has rows of 32 values, which is no multiple of the 256 in a block of Q6_K",
      [&] { ggml_rows(14, std::span(bytes), 8, 32, "w"); });
}

BOOST_AUTO_TEST_CASE(the_bytes_are_those_of_the_rows) {
  std::vector<std::byte> bytes(3 * 68);
  for (const std::size_t size : {0u, 67u, 68u, 203u})
    check_error<shape_error>(tamp::detail::sentence("w has ", size,
                                                    " bytes, but 3 rows of 64 values of Q8_0 have "
                                                    "204"),
                             [&] { ggml_rows(8, std::span(bytes).first(size), 3, 64, "w"); });
  check_error<shape_error>("w has 204 bytes, but 2 rows of 64 values of Q8_0 have 136",
                           [&] { ggml_rows(8, std::span(bytes), 2, 64, "w"); });
  check_error<shape_error>("w has 204 bytes, but 0 rows of 64 values of Q8_0 have 0",
                           [&] { ggml_rows(8, std::span(bytes), 0, 64, "w"); });
  ggml_rows(8, std::span(bytes), 3, 64, "w");
}

BOOST_AUTO_TEST_CASE(sizes_that_wrap_are_refused) {
  constexpr std::size_t large = std::size_t{1} << 62;
  std::vector<std::byte> bytes(34);
  const auto refused = [&](std::string_view sentence, std::uint32_t type, std::size_t rows,
                           std::size_t cols) {
    check_error<shape_error>(sentence, [&] { ggml_rows(type, std::span(bytes), rows, cols, "w"); });
  };
  // Sizes in bytes of 2^65, which would be 0.
  refused("w: 4611686018427387904 times 8 is too large to be counted", 28, 1, large);
  refused("w: 4611686018427387904 times 8 is too large to be counted", 28, large, 1);
  refused("w: 4611686018427387904 x 32 elements are more than memory can hold", 8, large, 32);
  refused("w: a shape of 18446744073709551615 x 32 is too large; was one of the numbers negative?",
          8, std::size_t{0} - 1, 32);
}

BOOST_AUTO_TEST_CASE(tensors_without_weights_are_tensors) {
  for (const auto& [rows, cols] : {std::pair<std::size_t, std::size_t>{0, 32}, {3, 0}, {0, 5}}) {
    ggml_rows none(8, std::span<std::byte>(), rows, cols, "w");
    BOOST_TEST((none.rows() == rows && none.cols() == cols));
    const auto pruned = tamp::prune(none, compose(magnitude{}, per_row{}, uniform{0.5}));
    BOOST_TEST(pruned.size == 0u);
  }
}

BOOST_AUTO_TEST_CASE(rows_and_masks_are_checked_before_they_are_used) {
  owned_rows owned("Q8_0", 2, 96);
  const auto before = owned.bytes;
  auto rows = owned.tensor();
  const std::string_view has = "blk.0.ffn_up.weight has 2 rows of 96: row ";
  std::vector<float> out(96, 7), short_out(95);
  const auto refused = [&](std::string_view rest, auto&& body) {
    check_error<shape_error>(std::string(has) + std::string(rest), body);
  };
  refused("2 of 96 cannot be read", [&] { rows.read_row(2, out); });
  refused("0 of 95 cannot be read", [&] { rows.read_row(0, short_out); });
  BOOST_TEST((out == std::vector<float>(96, 7)));
  const std::vector<std::uint64_t> one(1), two(2), three(3);
  refused("0 cannot be pruned with 1 words of a mask", [&] { rows.zero(0, one); });
  refused("0 cannot be pruned with 3 words of a mask", [&] { rows.zero(0, three); });
  refused("2 cannot be pruned with 2 words of a mask", [&] { rows.zero(2, two); });
  BOOST_TEST((owned.bytes == before));
}

BOOST_AUTO_TEST_SUITE_END()
