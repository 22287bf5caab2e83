#include <tamp/sparse/pack.hpp>

#include <algorithm>
#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <tamp/tamp.hpp>
#include <tuple>
#include <type_traits>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/floating_point.hpp"
#include "../support/instructions.hpp"
#include "../support/sparse.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(sparse_pack)

using support::check_error;
using support::matrix;
using support::with_every_instructions;
using tamp::mask::bitmask;
using tamp::sparse::pack;
using tamp::sparse::pack_as;

namespace {

using stored_types =
    std::tuple<float, tamp::f16, tamp::bf16, support::host_f16, support::host_bf16>;

constexpr std::size_t widths[] = {0, 1, 5, 63, 64, 65, 128, 200};

// Numbers with any bits at all: zeros of both signs, subnormals, infinities, NaN with payloads.
template <class T>
matrix<T> any_bits(std::size_t rows, std::size_t cols, unsigned seed) {
  using bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint16_t>;
  std::mt19937 random(seed);
  constexpr bits sign = static_cast<bits>(bits{1} << (8 * sizeof(T) - 1));
  constexpr bits one = std::bit_cast<bits>(tamp::element_traits<T>::store(1.0f));
  constexpr bits infinity = std::bit_cast<bits>(tamp::element_traits<T>::store(support::infinity));
  const bits special[] = {0,
                          sign,
                          1,
                          static_cast<bits>(sign | 3),
                          infinity,
                          static_cast<bits>(infinity | 1),
                          static_cast<bits>(~bits{0}),
                          one};
  matrix<T> m(rows, cols);
  for (std::size_t k = 0; k < rows * cols; ++k)
    m.data()[k] = std::bit_cast<T>(random() % 2 != 0 ? special[random() % std::size(special)]
                                                     : static_cast<bits>(random()));
  return m;
}

// The kept weights, one after the other.
template <class T>
std::vector<T> kept_of(const matrix<T>& weight, const bitmask& keep) {
  std::vector<T> kept;
  for (std::size_t i = 0; i < weight.rows(); ++i)
    for (std::size_t j = 0; j < weight.cols(); ++j)
      if (keep(i, j)) kept.push_back(weight(i, j));
  return kept;
}

// Ranges of a few rows, the last first. Each finds the one behind it finished.
struct backwards {
  std::size_t length;

  void for_each_range(std::size_t count,
                      const std::function<void(std::size_t, std::size_t)>& body) const {
    for (std::size_t piece = (count + length - 1) / length; piece-- > 0;)
      body(piece * length, std::min((piece + 1) * length, count));
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_kept_weights_of_a_small_weight_by_hand) {
  const matrix<float> w{{1, 2, 3}, {4, 5, 6}};
  bitmask keep(2, 3, false);
  keep.set(0, 2, true);
  keep.set(1, 0, true);
  keep.set(1, 1, true);
  const auto s = pack(w, keep);
  static_assert(std::same_as<decltype(s), const tamp::sparse::matrix<float>>);
  BOOST_TEST((s == tamp::sparse::matrix<float>(keep, std::vector<float>{3, 4, 5})));
}

BOOST_AUTO_TEST_CASE(without_a_mask_what_is_not_zero_is_kept) {
  const float tiny = std::numeric_limits<float>::denorm_min();
  const matrix<float> w{{0.0f, -0.0f, 1, tiny, -tiny, support::not_a_number, support::infinity}};
  bitmask expected(1, 7);
  expected.set(0, 0, false);
  expected.set(0, 1, false);
  BOOST_TEST((pack(w).mask() == expected));
  BOOST_TEST((pack(w) == pack(w, expected)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(kept_weights_are_copied_to_the_bit, T, stored_types) {
  with_every_instructions([] {
    for (const std::size_t cols : widths)
      for (const double sparsity : {0.0, 0.5, 0.97, 1.0}) {
        const auto w = any_bits<T>(9, cols, unsigned(cols));
        const auto keep = support::random_mask(9, cols, sparsity, 5);
        const auto s = pack(w, keep);
        static_assert(std::same_as<typename decltype(s)::value_type, T>);
        BOOST_TEST((s == tamp::sparse::matrix<T>(keep, kept_of(w, keep))));
      }
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_equals_zero_is_dropped_and_nothing_else, T, stored_types) {
  with_every_instructions([] {
    for (const std::size_t cols : widths) {
      const auto w = any_bits<T>(7, cols, unsigned(cols) + 1);
      bitmask keep(7, cols, false);
      for (std::size_t i = 0; i < 7; ++i)
        for (std::size_t j = 0; j < cols; ++j)
          keep.set(i, j, tamp::element_traits<T>::load(w(i, j)) != 0);
      BOOST_TEST((pack(w).mask() == keep));
      BOOST_TEST((pack(w) == pack(w, keep)));
    }
  });
}

BOOST_AUTO_TEST_CASE(subnormal_weights_are_kept_although_the_host_flushes_them) {
  matrix<float> w(2, 70, 1e-42f);
  const support::flushed_subnormals flushed;
  BOOST_TEST(pack(w).kept() == 140u);
  BOOST_TEST(pack_as<tamp::bf16>(w).kept() == 140u);
}

BOOST_AUTO_TEST_CASE(every_layout_and_every_executor_give_the_same_matrix) {
  const auto w = support::random_matrix(11, 70, 1);
  const auto keep = support::random_mask(11, 70, 0.6, 2);
  const auto expected = pack(support::one_thread, w, keep);
  const auto of_halves = pack(support::as<tamp::f16>(w), keep);
  const auto in_8_bits = pack_as<std::int8_t>(w, keep);
  for (const auto& exec : support::every_executor) {
    support::in_every_layout(w, [&](auto m) {
      BOOST_TEST((pack(exec, m, keep) == expected));
      BOOST_TEST((pack_as<std::int8_t>(exec, m, keep) == in_8_bits));
      BOOST_TEST((pack(exec, m) == pack(w, bitmask(11, 70))));
    });
    support::in_every_layout(support::as<tamp::f16>(w),
                             [&](auto m) { BOOST_TEST((pack(exec, m, keep) == of_halves)); });
    BOOST_TEST((pack(exec, support::readable_rows{w}, keep) == expected));
  }
}

// Whole vectors are written, which reach past the end of short rows. Those of another range of
// rows, which is perhaps finished already, must not change.
BOOST_AUTO_TEST_CASE(ranges_of_rows_leave_each_others_weights_alone) {
  with_every_instructions([] {
    for (const std::size_t length : {1u, 2u, 3u, 5u})
      for (unsigned seed = 0; seed < 4; ++seed) {
        const auto w = support::random_matrix(40, 192, seed);
        bitmask keep(40, 192, false);
        std::mt19937 random(seed);
        for (std::size_t i = 0; i < 40; ++i)  // rows of none, one or three, and a few full ones
          for (unsigned k = 0; k < (i % 8 == 6 ? 192u : i % 3 == 0 ? 0u : i % 3 * 2 - 1); ++k)
            keep.set(i, random() % 192, true);
        const auto halves = support::as<tamp::bf16>(w);
        const backwards exec{length};
        BOOST_TEST((pack(exec, w, keep) == tamp::sparse::matrix<float>(keep, kept_of(w, keep))));
        BOOST_TEST((pack(exec, halves, keep) ==
                    tamp::sparse::matrix<tamp::bf16>(keep, kept_of(halves, keep))));
        BOOST_TEST((pack_as<std::int8_t>(exec, w, keep) == pack_as<std::int8_t>(w, keep)));
      }
  });
}

BOOST_AUTO_TEST_CASE(weights_of_another_type_are_converted) {
  const auto w = support::random_matrix(5, 70, 4);
  const auto keep = support::random_mask(5, 70, 0.5, 4);
  BOOST_TEST((pack_as<tamp::bf16>(w, keep) == pack(support::as<tamp::bf16>(w), keep)));
  BOOST_TEST((pack_as<tamp::f16>(w, keep) == pack(support::as<tamp::f16>(w), keep)));
  BOOST_TEST((pack_as<float>(w, keep) == pack(w, keep)));
  BOOST_TEST((pack_as<float>(support::as<double>(w), keep) == pack(w, keep)));
  const auto halves = support::as<tamp::f16>(w);
  BOOST_TEST((pack_as<float>(halves, keep) == pack(support::as<float>(halves), keep)));
  BOOST_TEST((pack_as<tamp::bf16>(support::readable_rows{w}) ==
              pack(support::as<tamp::bf16>(w), bitmask(5, 70))));
  // A weight that is not zero, but whose conversion is, is kept.
  const matrix<double> tiny{{1e-300, 1}};
  BOOST_TEST(pack_as<float>(tiny).kept() == 2u);
  BOOST_TEST(pack_as<float>(tiny).values(0)[0] == 0);
}

BOOST_AUTO_TEST_CASE(a_sparse_matrix_is_packed_as_any_rows_are) {
  const auto w = support::random_matrix(5, 70, 4);
  const auto s = pack(w, support::random_mask(5, 70, 0.5, 4));
  BOOST_TEST((pack(s) == s));
  BOOST_TEST((pack_as<tamp::bf16>(s) == pack_as<tamp::bf16>(w, s.mask())));
}

BOOST_AUTO_TEST_CASE(eight_bits_are_rounded_multiples_of_the_largest_weight_of_their_block) {
  // 127 steps make the largest kept weight, 63.5: a step is 0.5. The dropped 900 does not count.
  const matrix<float> w{{63.5f, -1.3f, 900, 0.2f, -63.5f, 0.25f, -0.75f, 1.3f}};
  bitmask keep(1, 8);
  keep.set(0, 2, false);
  const auto s = pack_as<std::int8_t>(w, keep);
  BOOST_TEST(float(s.scales(0)[0]) == 0.5f);
  const std::vector<int> found(s.values(0).begin(), s.values(0).end());
  BOOST_TEST(found == (std::vector<int>{127, -3, 0, -127, 1, -2, 3}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(every_block_of_32_columns_has_a_scale_of_its_own) {
  for (const std::size_t cols : {1u, 31u, 32u, 33u, 64u, 65u, 100u}) {
    auto w = support::random_matrix(6, cols, unsigned(cols));
    for (std::size_t i = 0; i < 6; ++i)
      for (std::size_t j = 0; j < cols; ++j) w(i, j) *= std::exp2(float(j / 32) * 6 - float(i));
    const auto keep = support::random_mask(6, cols, 0.5, 3);
    const auto s = pack_as<std::int8_t>(w, keep);
    const auto read = support::dense_of(s);
    for (std::size_t i = 0; i < 6; ++i) {
      BOOST_TEST(s.scales(i).size() == (cols + 31) / 32);
      for (std::size_t block = 0; block < s.scales(i).size(); ++block) {
        float largest = 0;
        for (std::size_t j = block * 32; j < std::min(cols, block * 32 + 32); ++j)
          if (keep(i, j)) largest = std::max(largest, std::fabs(w(i, j)));
        const float scale{s.scales(i)[block]};
        BOOST_TEST(scale == float(tamp::f16(largest / 127)));
        for (std::size_t j = block * 32; j < std::min(cols, block * 32 + 32); ++j)
          BOOST_TEST(std::fabs(read(i, j) - (keep(i, j) ? w(i, j) : 0)) <= 0.55f * scale);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_block_of_zeros_or_of_dropped_weights_has_no_scale) {
  matrix<float> w(2, 40);
  w(0, 33) = 5;
  bitmask keep(2, 40);
  keep.set(0, 33, false);
  const auto s = pack_as<std::int8_t>(w, keep);
  for (std::size_t i = 0; i < 2; ++i)
    for (const tamp::f16 scale : s.scales(i)) BOOST_TEST(scale.bits == 0);
  BOOST_TEST((support::dense_of(s) == matrix<float>(2, 40)));
  // So has one of weights below half a step of the smallest scale, 2^-24.
  const matrix<float> tiny(1, 32, 127 * 0x1p-26f);
  BOOST_TEST((support::dense_of(pack_as<std::int8_t>(tiny)) == matrix<float>(1, 32)));
}

BOOST_AUTO_TEST_CASE(what_eight_bits_cannot_hold_is_refused) {
  auto w = support::random_matrix(40, 70, 8);
  const auto refused = [&](const std::string& number) {
    for (const auto& exec : support::every_executor)
      check_error<tamp::value_error>("pack: the weight in row 7, column 66 is " + number +
                                         ", which 8 bits with a scale of 16 bits cannot hold",
                                     [&] { pack_as<std::int8_t>(exec, w); });
  };
  w(30, 2) = support::infinity;  // the first row is named
  for (const auto& [number, name] : {std::pair<float, std::string>{support::not_a_number, "nan"},
                                     {support::infinity, "inf"},
                                     {-support::infinity, "-inf"},
                                     {-127 * 65520.0f, "-8321040"}}) {
    w(7, 66) = number;
    refused(name);
  }
  // Dropped weights may be anything, and the largest scale is finite.
  bitmask keep(40, 70);
  keep.set(30, 2, false);
  w(7, 66) = 127 * 65504.0f;
  BOOST_TEST(support::dense_of(pack_as<std::int8_t>(w, keep))(7, 66) == 127 * 65504.0f);
}

BOOST_AUTO_TEST_CASE(a_mask_of_another_shape_is_refused) {
  const auto w = support::random_matrix(3, 4, 1);
  check_error<tamp::shape_error>("pack: the mask is 4 x 3, the weight 3 x 4",
                                 [&] { pack(w, bitmask(4, 3)); });
  check_error<tamp::shape_error>("pack: the mask is 3 x 5, the weight 3 x 4",
                                 [&] { pack_as<tamp::bf16>(w, bitmask(3, 5)); });
  check_error<tamp::shape_error>("pack: the mask is 0 x 4, the weight 3 x 4",
                                 [&] { pack_as<std::int8_t>(w, bitmask(0, 4)); });
}

BOOST_AUTO_TEST_CASE(a_weight_without_memory_or_of_impossible_size_is_refused) {
  const tamp::matrix_view<float> nowhere(nullptr, 3, 4);
  check_error<tamp::shape_error>("tensor: 3 x 4 elements lie at a null pointer",
                                 [&] { pack(nowhere); });
  struct {
    std::size_t rows() const { return std::size_t{1} << 40; }
    std::size_t cols() const { return std::size_t{1} << 20; }
    void read_row(std::size_t, std::span<float>) const { BOOST_FAIL("a row was read"); }
  } const huge;
  check_error<tamp::shape_error>(
      "bitmask: 18014398509481984 numbers of 8 bytes are more than memory can hold",
      [&] { pack(huge); });
}

BOOST_AUTO_TEST_CASE(weights_without_elements_are_packed) {
  for (const auto& [rows, cols] : {std::pair<std::size_t, std::size_t>{0, 0}, {0, 70}, {5, 0}})
    for (const auto& exec : support::every_executor) {
      const matrix<float> w(rows, cols);
      BOOST_TEST(pack(exec, w).rows() == rows);
      BOOST_TEST(pack(exec, w).cols() == cols);
      BOOST_TEST((pack(exec, w) == pack(exec, w, bitmask(rows, cols))));
      BOOST_TEST(pack_as<std::int8_t>(exec, w).kept() == 0u);
    }
}

BOOST_AUTO_TEST_SUITE_END()
