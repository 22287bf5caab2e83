#include <tamp/sparse/view.hpp>

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <tamp/sparse/matrix.hpp>
#include <tamp/sparse/pack.hpp>
#include <tamp/tamp.hpp>
#include <utility>
#include <vector>

#include "../support/errors.hpp"
#include "../support/preconditions.hpp"
#include "../support/sparse.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(sparse_view)

using support::check_error;
using support::matrix;
using tamp::shape_error;
using tamp::sparse::view;

namespace {

constexpr std::byte operator""_bits(unsigned long long bits) {
  return static_cast<std::byte>(bits);
}

// The weight of the first test:
//
//     1 . . 2   . . . .   . 3
//     . . . .   . . . .   . .
//     . 4 . .   . . . 5   6 .
struct by_hand {
  std::vector<std::byte> bits{0b00001001_bits, 0b10_bits, 0_bits, 0_bits, 0b10000010_bits, 1_bits};
  std::size_t bits_pitch = 2;
  std::vector<float> values{1, 2, 3, 4, 5, 6};
  std::vector<std::int64_t> row_offsets{0, 3, 3};
  std::vector<tamp::f16> scales{};

  tamp::sparse::arrays<float> parts() const {
    return {bits, bits_pitch, values, row_offsets, scales};
  }
  view<float> of(std::size_t rows = 3, std::size_t cols = 10) const {
    return {rows, cols, parts()};
  }
};

// Has the tensor's numbers in the order of its rows, as any other of tamp's readers sees them.
template <class S>
std::vector<float> numbers_of(const S& s) {
  const auto dense = support::dense_of(s);
  return {dense.data(), dense.data() + dense.rows() * dense.cols()};
}

}  // namespace

BOOST_AUTO_TEST_CASE(bits_say_which_columns_the_kept_weights_stand_for) {
  const by_hand given;
  const view<float> s = given.of();
  BOOST_TEST(s.rows() == 3u);
  BOOST_TEST(s.cols() == 10u);
  BOOST_TEST(s.size() == 30u);
  BOOST_TEST(s.kept() == 6u);
  BOOST_TEST(s.kept(0) == 3u);
  BOOST_TEST(s.kept(1) == 0u);
  BOOST_TEST(s.kept(2) == 3u);
  BOOST_TEST(s.sparsity() == 0.8);
  BOOST_TEST(s.values(2).front() == 4);
  BOOST_TEST(s.values(2).back() == 6);
  BOOST_TEST(s.word(0, 0) == 0b1000001001u);
  BOOST_TEST(s.word(1, 0) == 0u);
  BOOST_TEST((s.bits(2).size() == 2 && s.bits(2)[1] == std::byte{1}));
  BOOST_TEST(numbers_of(s) == (std::vector<float>{1, 0, 0, 2, 0, 0, 0, 0, 0, 3,  //
                                                  0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  //
                                                  0, 4, 0, 0, 0, 0, 0, 5, 6, 0}),
             boost::test_tools::per_element());

  std::vector<std::pair<std::size_t, std::size_t>> visited;
  s.for_each_kept(2, [&](std::size_t j, std::size_t place) { visited.emplace_back(j, place); });
  BOOST_TEST((visited == std::vector<std::pair<std::size_t, std::size_t>>{{1, 0}, {7, 1}, {8, 2}}));
}

BOOST_AUTO_TEST_CASE(a_weight_of_8_bits_is_a_multiple_of_its_blocks_scale) {
  // 34 columns are two blocks: 32 columns with the scale 0.5, two with the scale 8.
  std::vector<std::byte> bits{1_bits, 0_bits, 0_bits, 0b10000000_bits, 0b10_bits};
  const std::vector<std::int8_t> values{3, -127, 5};
  const std::vector<std::int64_t> offsets{0};
  const std::vector<tamp::f16> scales{tamp::f16(0.5f), tamp::f16(8.0f)};
  const view<std::int8_t> s(1, 34, {bits, 5, values, offsets, scales});
  std::vector<float> expected(34);
  expected[0] = 1.5f, expected[31] = -63.5f, expected[33] = 40;
  BOOST_TEST(numbers_of(s) == expected, boost::test_tools::per_element());
  BOOST_TEST(s.scales(0).size() == 2u);
  BOOST_TEST(s.bytes() == 5u + 3 + 8 + 4);
}

BOOST_AUTO_TEST_CASE(memory_is_counted_in_bytes_and_bits_for_each_weight) {
  const by_hand given;
  BOOST_TEST(given.of().bytes() == 3 * 2 + 6 * 4 + 3 * 8u);
  BOOST_TEST(given.of().bits_per_weight() == 8.0 * 54 / 30);
  // Half of 64 x 4096 weights of bf16: 8 bits each, 1 for the mask, and 8 bytes a row.
  tamp::mask::bitmask keep(64, 4096, false);
  for (std::size_t i = 0; i < 64; ++i)
    for (std::size_t j = 0; j < 4096; j += 2) keep.set(i, j, true);
  const std::vector<tamp::bf16> values(64 * 2048);
  BOOST_TEST(tamp::sparse::matrix<tamp::bf16>(keep, values).bits_per_weight() == 9 + 64.0 / 4096);
}

BOOST_AUTO_TEST_CASE(a_view_of_nothing_is_empty) {
  const view<float> none;
  BOOST_TEST(none.rows() == 0u);
  BOOST_TEST(none.kept() == 0u);
  BOOST_TEST(none.sparsity() == 0);
  BOOST_TEST(none.bits_per_weight() == 0);
  BOOST_TEST((none == view<float>(0, 0, {})));

  const view<float> wide(0, 1000, {});
  BOOST_TEST(wide.cols() == 1000u);
  BOOST_TEST((wide != none));

  // Rows without columns have offsets, and no bits at any distance.
  const std::vector<std::int64_t> offsets(3);
  const view<float> tall(3, 0, {{}, std::numeric_limits<std::size_t>::max(), {}, offsets});
  BOOST_TEST(tall.kept(2) == 0u);
  BOOST_TEST(tall.bits(2).empty());
  tall.for_each_kept(2, [](auto, auto) { BOOST_FAIL("a row without columns keeps something"); });
  BOOST_TEST(tall.bytes() == 24u);
  BOOST_TEST(tall.bits_per_weight() == 0);
  tall.read_row(1, {});
}

BOOST_AUTO_TEST_CASE(bits_past_the_last_column_and_between_rows_mean_nothing) {
  for (const std::size_t cols : {1u, 7u, 8u, 9u, 63u, 64u, 65u, 100u, 128u, 200u})
    for (const std::size_t gap : {0u, 1u, 7u, 64u}) {
      const auto w = support::random_matrix(6, cols, 1);
      const auto s = tamp::sparse::pack(w, support::random_mask(6, cols, 0.5, 2));
      const support::sparse_arrays<float> arrays(s, gap);
      BOOST_TEST((arrays.view() == s));
      BOOST_TEST(arrays.view().kept() == s.kept());
      BOOST_TEST((support::dense_of(arrays.view()) == support::dense_of(s)));
      BOOST_TEST((arrays.view().word(1, (cols - 1) / 64) == s.mask().row(1).back()));
    }
}

BOOST_AUTO_TEST_CASE(arrays_that_contradict_each_other_are_refused) {
  const auto refused = [](std::string_view sentence, auto&& spoil) {
    by_hand given;
    spoil(given);
    check_error<shape_error>(sentence, [&] { static_cast<void>(given.of()); });
  };
  refused("sparse::view: 2 row offsets for a weight of 3 x 10, which has 3",
          [](by_hand& g) { g.row_offsets.pop_back(); });
  refused("sparse::view: row 1 begins at kept weight 4, but the rows before it keep 3",
          [](by_hand& g) { g.row_offsets[1] = 4; });
  refused("sparse::view: row 0 begins at kept weight 1, but the rows before it keep 0",
          [](by_hand& g) { g.row_offsets[0] = 1; });
  refused("sparse::view: row 2 begins at kept weight -3, but the rows before it keep 3",
          [](by_hand& g) { g.row_offsets[2] = -3; });
  refused(
      "sparse::view: row 1 begins at kept weight -9223372036854775808, but the rows before it "
      "keep 3",
      [](by_hand& g) { g.row_offsets[1] = std::numeric_limits<std::int64_t>::min(); });
  refused("sparse::view: row 1 begins at kept weight 3, but the rows before it keep 4",
          [](by_hand& g) { g.bits[0] |= 0b100_bits; });
  refused("sparse::view: 6 kept weights for a weight of 3 x 10, which has 7",
          [](by_hand& g) { g.bits[5] |= 0b10_bits; });
  refused("sparse::view: 7 kept weights for a weight of 3 x 10, which has 6",
          [](by_hand& g) { g.values.push_back(7); });
  refused("sparse::view: 1 scales for a weight of 3 x 10, which has 0",
          [](by_hand& g) { g.scales.emplace_back(1.0f); });
  refused("sparse::view: 5 bytes of a mask, with rows 2 apart, for a weight of 3 x 10",
          [](by_hand& g) { g.bits.pop_back(); });
  refused("sparse::view: 6 bytes of a mask, with rows 1 apart, for a weight of 3 x 10",
          [](by_hand& g) { g.bits_pitch = 1; });
  refused("sparse::view: 6 bytes of a mask, with rows 3 apart, for a weight of 3 x 10",
          [](by_hand& g) { g.bits_pitch = 3; });
  refused("sparse::view: 0 bytes of a mask, with rows 2 apart, for a weight of 3 x 10",
          [](by_hand& g) { g.bits.clear(); });
}

BOOST_AUTO_TEST_CASE(weights_of_8_bits_need_their_scales) {
  const std::vector<std::byte> bits(10);
  const std::vector<std::int64_t> offsets(2);
  const std::vector<tamp::f16> scales(4);
  const auto with = [&](std::span<const tamp::f16> some) {
    return view<std::int8_t>(2, 33, {bits, 5, {}, offsets, some});
  };
  BOOST_TEST(with(scales).scales(1).size() == 2u);
  check_error<shape_error>("sparse::view: 0 scales for a weight of 2 x 33, which has 4",
                           [&] { with({}); });
  check_error<shape_error>("sparse::view: 3 scales for a weight of 2 x 33, which has 4",
                           [&] { with(std::span(scales).first(3)); });
}

BOOST_AUTO_TEST_CASE(arrays_without_memory_are_refused) {
  const auto nowhere = [](auto& pointer, std::size_t size) { return std::span(pointer, size); };
  const std::byte* no_bits = nullptr;
  const float* no_values = nullptr;
  const std::int64_t* no_offsets = nullptr;
  const tamp::f16* no_scales = nullptr;
  const by_hand given;
  const auto refused = [&](std::string_view sentence, auto&& spoil) {
    auto parts = given.parts();
    spoil(parts);
    check_error<shape_error>(sentence, [&] { static_cast<void>(view<float>(3, 10, parts)); });
  };
  refused("sparse::view: 6 bytes of the mask lie at a null pointer",
          [&](auto& parts) { parts.bits = nowhere(no_bits, 6); });
  refused("sparse::view: 6 kept weights lie at a null pointer",
          [&](auto& parts) { parts.values = nowhere(no_values, 6); });
  refused("sparse::view: 3 row offsets lie at a null pointer",
          [&](auto& parts) { parts.row_offsets = nowhere(no_offsets, 3); });
  refused("sparse::view: 2 scales lie at a null pointer",
          [&](auto& parts) { parts.scales = nowhere(no_scales, 2); });
}

BOOST_AUTO_TEST_CASE(sizes_that_wrap_are_refused) {
  constexpr std::size_t largest = std::numeric_limits<std::size_t>::max(), half = largest / 2 + 1;
  const by_hand given;
  check_error<shape_error>(
      "sparse::view: a shape of 18446744073709551615 x 10 is too large; was one of the numbers "
      "negative?",
      [&] { static_cast<void>(given.of(largest)); });
  check_error<shape_error>(
      "sparse::view: 3 x 9223372036854775807 elements are more than memory can hold",
      [&] { static_cast<void>(given.of(3, half - 1)); });
  check_error<shape_error>("sparse::view: 2 times 9223372036854775808 is too large to be counted",
                           [&] {
                             auto parts = given.parts();
                             parts.bits_pitch = half;
                             static_cast<void>(view<float>(3, 10, parts));
                           });
  // (rows - 1) * bits_pitch + 2 would wrap to 0.
  const std::vector<std::int64_t> two(2);
  check_error<shape_error>(
      "sparse::view: 6 bytes of a mask, with rows 18446744073709551614 apart, for a weight of 2 x "
      "10",
      [&] { static_cast<void>(view<float>(2, 10, {given.bits, largest - 1, given.values, two})); });
}

BOOST_AUTO_TEST_CASE(views_are_equal_bit_by_bit) {
  const by_hand given;
  by_hand other;
  BOOST_TEST((given.of() == other.of()));
  other.values[1] = support::not_a_number;
  BOOST_TEST((given.of() != other.of()));
  by_hand same = other;
  BOOST_TEST((same.of() == other.of()));
  same.bits[0] = 0b00010001_bits;  // the same number of kept weights, elsewhere
  BOOST_TEST((same.of() != other.of()));
  other.values[1] = 0.0f;
  by_hand negative = other;
  negative.values[1] = -0.0f;
  BOOST_TEST((negative.of() != other.of()));
  // The same arrays can be read as another shape: 3 x 10 and 3 x 9 with a column less.
  other.bits[1] = 0_bits, other.values.erase(other.values.begin() + 2),
  other.row_offsets = {0, 2, 2};
  BOOST_TEST((other.of(3, 10) != other.of(3, 9)));
}

BOOST_AUTO_TEST_CASE(all_of_tamp_reads_a_sparse_weight_as_a_row_tensor) {
  static_assert(tamp::row_tensor<view<float>> && tamp::row_tensor<view<std::int8_t>>);
  static_assert(!tamp::prunable_tensor<view<float>>);
  const auto w = support::random_matrix(9, 130, 3);
  const auto s = tamp::sparse::pack(w, support::random_mask(9, 130, 0.3, 4));
  const support::sparse_arrays<float> arrays(s);
  const auto dense = support::dense_of(s);
  const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{},
                                    tamp::allocate::uniform{0.6});
  BOOST_TEST((tamp::select(arrays.view(), recipe) == tamp::select(dense, recipe)));

  tamp::stat::column_norm of_dense, of_sparse;
  of_dense.add(dense);
  of_sparse.add(arrays.view());
  BOOST_TEST((of_dense.values() == of_sparse.values()), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(indices_are_checked_in_debug_builds) {
  const by_hand given;
  const auto s = given.of();
  support::check_aborts("sparse::view: row 3 of a weight of 3 x 10",
                        [&] { static_cast<void>(s.values(3)); });
  support::check_aborts("sparse::view: row 4 of a weight of 3 x 10",
                        [&] { static_cast<void>(s.bits(4)); });
  support::check_aborts("sparse::view: word 1 of a row of 10 columns",
                        [&] { static_cast<void>(s.word(0, 1)); });
}

BOOST_AUTO_TEST_SUITE_END()
