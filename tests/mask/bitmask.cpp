#include <tamp/mask/bitmask.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <utility>

#include "../support/errors.hpp"
#include "../support/preconditions.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(mask_bitmask)

using support::matrix;
using tamp::mask::bitmask;

namespace {

const std::pair<std::size_t, std::size_t> shapes[] = {{1, 1},  {2, 4},   {1, 63},  {3, 63}, {3, 64},
                                                      {3, 65}, {2, 128}, {5, 129}, {7, 0},  {0, 7}};

matrix<std::uint8_t> random_flags(std::size_t rows, std::size_t cols, unsigned seed) {
  std::mt19937 random(seed);
  matrix<std::uint8_t> flags(rows, cols);
  for (std::size_t k = 0; k < rows * cols; ++k) flags.data()[k] = random() % 2 != 0;
  return flags;
}

std::string printed(const bitmask& mask) {
  std::ostringstream out;
  out << mask;
  return out.str();
}

// The bits past the last column stay zero under all operations.
void check_rest_is_zero(const bitmask& mask) {
  std::size_t counted = 0;
  for (std::size_t i = 0; i < mask.rows(); ++i)
    for (std::size_t j = 0; j < mask.cols(); ++j) counted += mask(i, j);
  BOOST_TEST(mask.count() == counted);
}

// Checks a mask against a function of two masks' flags.
template <class Expected>
void check_bits(const bitmask& mask, const matrix<std::uint8_t>& a, const matrix<std::uint8_t>& b,
                Expected&& expected) {
  check_rest_is_zero(mask);
  for (std::size_t i = 0; i < a.rows(); ++i)
    for (std::size_t j = 0; j < a.cols(); ++j)
      if (mask(i, j) != expected(a(i, j) != 0, b(i, j) != 0))
        BOOST_FAIL("bit " << i << ", " << j << " is wrong");
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  bitmask mask(2, 4);
  mask.set(0, 1, false);
  mask.set(1, 0, false);
  mask.set(1, 3, false);
  BOOST_TEST(printed(mask) == "#.##\n.##.\n");
  BOOST_TEST(mask.rows() == 2u);
  BOOST_TEST(mask.cols() == 4u);
  BOOST_TEST(mask.size() == 8u);
  BOOST_TEST(mask.count() == 5u);
  BOOST_TEST(mask.count(0) == 3u);
  BOOST_TEST(mask.count(1) == 2u);
  BOOST_TEST(mask.sparsity() == 0.375);
  BOOST_TEST(mask(0, 0));
  BOOST_TEST(!mask(0, 1));
  BOOST_TEST(mask.row(0)[0] == 0b1101u);
  BOOST_TEST(mask.row(1)[0] == 0b0110u);
  mask.set(1, 3, true);
  mask.set(1, 3, true);
  BOOST_TEST(mask.count() == 6u);
  BOOST_TEST(printed(~mask) == ".#..\n#...\n");
}

BOOST_AUTO_TEST_CASE(it_starts_with_everything_or_nothing) {
  for (const auto& [rows, cols] : shapes) {
    BOOST_TEST(bitmask(rows, cols).count() == rows * cols);
    BOOST_TEST(bitmask(rows, cols, false).count() == 0u);
    BOOST_TEST(bitmask(rows, cols).sparsity() == 0.0);
    BOOST_TEST(bitmask(rows, cols, false).sparsity() == (rows * cols == 0 ? 0.0 : 1.0));
    check_rest_is_zero(bitmask(rows, cols));
  }
  BOOST_TEST(bitmask().size() == 0u);
  BOOST_TEST(printed(bitmask()) == "");
  BOOST_TEST(bitmask(3, 0).row(2).empty());
}

BOOST_AUTO_TEST_CASE(rows_start_with_a_new_word) {
  for (const auto& [cols, words] :
       {std::pair{1u, 1u}, {63u, 1u}, {64u, 1u}, {65u, 2u}, {129u, 3u}}) {
    const bitmask mask(3, cols);
    BOOST_TEST(mask.row(0).size() == words);
    BOOST_TEST(mask.row(1).data() == mask.row(0).data() + words);
    const auto last = cols % 64 == 0 ? ~std::uint64_t{0} : (std::uint64_t{1} << cols % 64) - 1;
    BOOST_TEST(mask.row(2).back() == last);
  }
}

BOOST_AUTO_TEST_CASE(bits_on_both_sides_of_a_word_are_independent) {
  bitmask mask(2, 130, false);
  for (const std::size_t j : {0u, 63u, 64u, 127u, 128u, 129u}) {
    mask.set(1, j, true);
    BOOST_TEST(mask.count() == 1u);
    BOOST_TEST(mask(1, j));
    BOOST_TEST(!mask(0, j));
    mask.set(1, j, false);
    BOOST_TEST(mask.count() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(masks_combine_bit_by_bit) {
  for (const auto& [rows, cols] : shapes) {
    const auto a = random_flags(rows, cols, 1), b = random_flags(rows, cols, 2);
    const auto left = bitmask::from(a), right = bitmask::from(b);
    check_bits(left, a, b, [](bool x, bool) { return x; });
    check_bits(left & right, a, b, [](bool x, bool y) { return x && y; });
    check_bits(left | right, a, b, [](bool x, bool y) { return x || y; });
    check_bits(left ^ right, a, b, [](bool x, bool y) { return x != y; });
    check_bits(~left, a, b, [](bool x, bool) { return !x; });
    BOOST_TEST(~~left == left);
    BOOST_TEST((left ^ left).count() == 0u);
    BOOST_TEST(~(left & right) == (~left | ~right));
    auto changed = left;
    changed |= right;
    changed &= left;
    BOOST_TEST(changed == left);
    changed ^= changed;
    BOOST_TEST(changed.count() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(masks_are_equal_if_shape_and_bits_are) {
  BOOST_TEST(bitmask(2, 3) == bitmask(2, 3));
  BOOST_TEST(bitmask(2, 3) != bitmask(3, 2));
  BOOST_TEST(bitmask(2, 0) != bitmask(0, 2));
  BOOST_TEST(bitmask(2, 65, false) != bitmask(2, 66, false));
  auto one_less = bitmask(2, 65);
  one_less.set(1, 64, false);
  BOOST_TEST(one_less != bitmask(2, 65));
}

BOOST_AUTO_TEST_CASE(shapes_that_differ_are_refused_with_all_numbers) {
  bitmask mask(2, 3);
  const bitmask other(3, 2, false);
  constexpr auto sentence = "bitmask: a mask of 2 x 3 cannot be combined with one of 3 x 2";
  support::check_error<tamp::shape_error>(sentence, [&] { mask &= other; });
  support::check_error<tamp::shape_error>(sentence, [&] { mask |= other; });
  support::check_error<tamp::shape_error>(sentence, [&] { mask ^= other; });
  support::check_error<tamp::shape_error>(sentence, [&] { static_cast<void>(mask & other); });
  matrix<std::uint8_t> flags(3, 2, 7);
  support::check_error<tamp::shape_error>(
      "bitmask: a mask of 2 x 3 cannot be copied to a matrix of 3 x 2",
      [&] { mask.copy_to(flags); });
  BOOST_TEST((flags == matrix<std::uint8_t>(3, 2, 7)));
  BOOST_TEST(mask == bitmask(2, 3));
}

BOOST_AUTO_TEST_CASE(flags_come_back_from_every_layout) {
  for (const auto& [rows, cols] : shapes) {
    const auto flags = random_flags(rows, cols, 3);
    const auto mask = bitmask::from(flags);
    support::in_every_layout(flags, [&, rows = rows, cols = cols](auto m) {
      BOOST_TEST(bitmask::from(m) == mask);
      for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < cols; ++j) m(i, j) = 9;
      mask.copy_to(m);
      BOOST_TEST((support::copy_of(m) == flags));
    });
  }
}

BOOST_AUTO_TEST_CASE(flags_may_be_bools_or_numbers) {
  const auto bools = std::make_unique<bool[]>(6);
  bools[1] = bools[5] = true;
  const tamp::matrix_view<bool> m(bools.get(), 2, 3);
  BOOST_TEST(printed(bitmask::from(m)) == ".#.\n..#\n");
  (~bitmask::from(m)).copy_to(m);
  BOOST_TEST(bools[0]);
  BOOST_TEST(!bools[5]);

  // Zero of either sign is dropped, anything else kept.
  matrix<float> numbers{{0, -0.0f, 1e-45f}, {-2, 0.5f, 0}};
  BOOST_TEST(printed(bitmask::from(numbers)) == "..#\n##.\n");
  bitmask(2, 3).copy_to(numbers);
  BOOST_TEST((numbers == matrix<float>(2, 3, 1.0f)));
  const auto halves = support::as<tamp::f16>(matrix<float>{{-0.0f, 3}});
  BOOST_TEST(printed(bitmask::from(halves)) == ".#\n");
}

BOOST_AUTO_TEST_CASE(large_masks_print_as_one_line) {
  BOOST_TEST(printed(bitmask(65, 2)) == "bitmask of 65 x 2, 130 kept\n");
  BOOST_TEST(printed(bitmask(1, 129, false)) == "bitmask of 1 x 129, 0 kept\n");
  BOOST_TEST(printed(bitmask(1, 128)) == std::string(128, '#') + "\n");
}

BOOST_AUTO_TEST_CASE(a_mask_that_memory_cannot_hold_is_refused) {
  constexpr std::size_t large = std::size_t{1} << 62;
  support::check_error<tamp::shape_error>(
      "bitmask: 4611686018427387904 x 4 elements are more than memory can hold",
      [&] { static_cast<void>(bitmask(large, 4)); });
  support::check_error<tamp::shape_error>(
      "bitmask: 288230376151711744 numbers of 8 bytes are more than memory can hold",
      [&] { static_cast<void>(bitmask(large / 16, 1)); });
  support::check_error<tamp::shape_error>(
      "bitmask: a shape of 18446744073709551615 x 1 is too large; was one of the numbers negative?",
      [&] { static_cast<void>(bitmask(static_cast<std::size_t>(-1), 1)); });
  support::check_error<tamp::shape_error>(
      "bitmask: a shape of 0 x 18446744073709551553 is too large; was one of the numbers negative?",
      [&] { static_cast<void>(bitmask(0, static_cast<std::size_t>(-63))); });
}

BOOST_AUTO_TEST_CASE(a_mask_of_long_extents_without_elements_is_made_at_once) {
  constexpr std::size_t large = std::size_t{1} << 62;
  for (const auto& [rows, cols] : {std::pair{large, std::size_t{0}}, {std::size_t{0}, large}}) {
    const bitmask mask(rows, cols);
    BOOST_TEST(mask.size() == 0u);
    BOOST_TEST(mask.count() == 0u);
    BOOST_TEST(mask.sparsity() == 0.0);
    BOOST_TEST(~mask == mask);
    const tamp::matrix_view<std::uint8_t> flags(nullptr, rows, cols);
    BOOST_TEST(bitmask::from(flags) == mask);
    mask.copy_to(flags);
  }
}

BOOST_AUTO_TEST_CASE(flags_at_a_null_pointer_are_refused) {
  const tamp::matrix_view<std::uint8_t> flags(nullptr, 2, 3);
  support::check_error<tamp::shape_error>("tensor: 2 x 3 elements lie at a null pointer",
                                          [&] { (void)bitmask::from(flags); });
  support::check_error<tamp::shape_error>("tensor: 2 x 3 elements lie at a null pointer",
                                          [&] { static_cast<void>(bitmask(2, 3).copy_to(flags)); });
}

BOOST_AUTO_TEST_CASE(flags_that_share_memory_are_not_written) {
  std::uint8_t flag = 7;
  support::check_error<tamp::shape_error>(
      "bitmask: the elements (0, 1) and (0, 0) of the matrix of flags share their memory: its "
      "strides are 0 and 0",
      [&] { bitmask(2, 3).copy_to(tamp::matrix_view<std::uint8_t>(&flag, 2, 3, 0, 0)); });
  BOOST_TEST(flag == 7);
}

BOOST_AUTO_TEST_CASE(a_debug_build_says_which_weight_is_none) {
  bitmask mask(2, 65);
  support::check_aborts("bitmask: weight (2, 0) of a mask of 2 x 65", [&] { (void)mask(2, 0); });
  support::check_aborts("bitmask: weight (0, 65) of a mask of 2 x 65", [&] { (void)mask(0, 65); });
  support::check_aborts("bitmask: weight (1, 127) of a mask of 2 x 65",
                        [&] { mask.set(1, 127, true); });
  support::check_aborts("bitmask: row 2 of a mask of 2 x 65", [&] { (void)mask.row(2); });
  support::check_aborts("bitmask: row 3 of a mask of 2 x 65", [&] { (void)mask.count(3); });
}

BOOST_AUTO_TEST_SUITE_END()
