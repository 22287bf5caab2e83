#include <tamp/prune/apply.hpp>

#include <algorithm>
#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <set>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"
#include "../support/thorough.hpp"

using support::matrix;
using tamp::mask::bitmask;

namespace {

// A host's own 16-bit number without arithmetic.
struct host_half {
  std::uint16_t bits;
};

bitmask random_mask(std::size_t rows, std::size_t cols, unsigned seed) {
  std::mt19937 random(seed);
  bitmask keep(rows, cols);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; ++j) keep.set(i, j, random() % 3 != 0);
  return keep;
}

// Any bits at all: signalling NaNs, negative zeros, subnormals.
template <class T>
matrix<T> random_bits(std::size_t rows, std::size_t cols, unsigned seed) {
  std::mt19937 random(seed);
  matrix<T> m(rows, cols);
  std::vector<unsigned char> bytes(rows * cols * sizeof(T));
  for (auto& byte : bytes) byte = static_cast<unsigned char>(random() % 4 == 0 ? 0xff : random());
  if (!bytes.empty()) std::memcpy(m.data(), bytes.data(), bytes.size());
  return m;
}

template <class T>
matrix<T> zeroed(const matrix<T>& weight, const bitmask& keep) {
  matrix<T> expected = weight;
  for (std::size_t i = 0; i < weight.rows(); ++i)
    for (std::size_t j = 0; j < weight.cols(); ++j)
      if (!keep(i, j)) std::memset(static_cast<void*>(&expected(i, j)), 0, sizeof(T));
  return expected;
}

}  // namespace

template <>
struct tamp::element_traits<host_half> : tamp::element_like<host_half, tamp::bf16> {};

BOOST_AUTO_TEST_SUITE(prune_apply)

BOOST_AUTO_TEST_CASE(by_hand) {
  matrix<float> weight{{4, -1, 2, -3}, {0.5f, -8, -7, 3}};
  const matrix<float> flags{{1, 0, 0, 1}, {0, 1, 1, 0}};
  tamp::apply(weight, bitmask::from(flags));
  BOOST_TEST((weight == matrix<float>{{4, 0, 0, -3}, {0, -8, -7, 0}}));
}

BOOST_AUTO_TEST_CASE(dropped_is_plus_zero_and_kept_is_kept_to_the_bit) {
  const float strange_nan = std::bit_cast<float>(0xffa12345u);  // negative, signalling, a payload
  matrix<float> weight{{-1, -0.0f, strange_nan, -2}, {-0.0f, strange_nan, -1e-45f, 3}};
  bitmask keep(2, 4);
  keep.set(0, 0, false), keep.set(0, 1, false), keep.set(1, 1, false), keep.set(1, 2, false);
  tamp::apply(weight, keep);
  for (const auto& [i, j] : {std::pair{0u, 0u}, {0u, 1u}, {1u, 1u}, {1u, 2u}})
    BOOST_TEST(std::bit_cast<std::uint32_t>(weight(i, j)) == 0u);
  BOOST_TEST(std::bit_cast<std::uint32_t>(weight(0, 2)) == 0xffa12345u);
  BOOST_TEST(std::bit_cast<std::uint32_t>(weight(1, 0)) == 0x80000000u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    type_layout_and_threads_make_no_difference, T,
    decltype(std::tuple<float, double, tamp::f16, tamp::bf16, host_half>{})) {
  std::size_t k = 0;
  for (const auto& [rows, cols] : {std::pair{1u, 1u},
                                   {2u, 4u},
                                   {1u, 65u},
                                   {65u, 1u},
                                   {63u, 64u},
                                   {64u, 63u},
                                   {65u, 129u},
                                   {130u, 3u},
                                   {0u, 5u},
                                   {5u, 0u}}) {
    const auto weight = random_bits<T>(rows, cols, 1);
    for (const auto& keep :
         {random_mask(rows, cols, 2), bitmask(rows, cols), bitmask(rows, cols, false)}) {
      const auto expected = zeroed(weight, keep);
      for (const auto& exec : support::every_executor)
        support::in_every_layout(
            weight,
            [&](auto m) {
              tamp::apply(exec, m, keep);
              BOOST_TEST((support::copy_of(m) == expected));
            },
            [&] { return support::is_run(k++, 5); });
    }
  }
}

BOOST_AUTO_TEST_CASE(openmp_is_one_executor_among_others) {
  const auto weight = random_bits<float>(130, 70, 3);
  const auto keep = random_mask(130, 70, 4);
  for (const int threads : {1, 2, 3, 8})
    support::in_every_layout(weight, [&](auto m) {
      tamp::apply(tamp::execute::openmp{threads, 0}, m, keep);
      BOOST_TEST((support::copy_of(m) == zeroed(weight, keep)));
    });
}

BOOST_AUTO_TEST_CASE(a_row_tensor_drops_itself_or_is_written_back) {
  const auto weight = support::random_matrix(11, 70, 5);
  const auto keep = random_mask(11, 70, 6);
  for (const auto& exec : support::every_executor) {
    support::writable_rows written{{weight}};
    tamp::apply(exec, written, keep);
    BOOST_TEST((written.numbers == zeroed(weight, keep)));
    support::zeroable_rows dropped{{weight}};
    tamp::apply(exec, dropped, keep);
    BOOST_TEST((dropped.numbers == zeroed(weight, keep)));
  }
}

BOOST_AUTO_TEST_CASE(what_is_written_back_keeps_its_bits) {
  support::writable_rows rows{{{{std::bit_cast<float>(0x7fa12345u), -0.0f, -3}}}};
  bitmask keep(1, 3);
  keep.set(0, 2, false);
  tamp::apply(rows, keep);
  BOOST_TEST(std::bit_cast<std::uint32_t>(rows.numbers(0, 0)) == 0x7fa12345u);
  BOOST_TEST(std::signbit(rows.numbers(0, 1)));
  BOOST_TEST(std::bit_cast<std::uint32_t>(rows.numbers(0, 2)) == 0u);
}

BOOST_AUTO_TEST_CASE(applying_twice_is_applying_once) {
  auto weight = random_bits<float>(9, 70, 7);
  const auto keep = random_mask(9, 70, 8);
  tamp::apply(weight, keep);
  const auto once = weight;
  tamp::apply(weight, keep);
  BOOST_TEST((weight == once));
}

BOOST_AUTO_TEST_CASE(shapes_that_differ_are_refused_with_all_numbers) {
  matrix<float> weight(2, 4, 1.0f);
  constexpr auto sentence = "apply: the mask is 4 x 2, the weight is 2 x 4";
  support::check_error<tamp::shape_error>(sentence,
                                          [&] { tamp::apply(weight, bitmask(4, 2, false)); });
  support::writable_rows rows{{weight}};
  support::check_error<tamp::shape_error>(sentence,
                                          [&] { tamp::apply(rows, bitmask(4, 2, false)); });
  support::check_error<tamp::shape_error>("apply: the mask is 0 x 4, the weight is 2 x 4",
                                          [&] { tamp::apply(weight, bitmask(0, 4)); });
  BOOST_TEST((weight == matrix<float>(2, 4, 1.0f)));
  BOOST_TEST((rows.numbers == weight));
}

BOOST_AUTO_TEST_CASE(a_weight_whose_elements_share_their_memory_is_refused) {
  std::vector<float> numbers(8, 1.0f);
  const auto check_refused = [&](std::ptrdiff_t row_stride, std::ptrdiff_t col_stride,
                                 std::string_view shared) {
    support::check_error<tamp::shape_error>(
        tamp::detail::sentence("apply: the elements ", shared,
                               " of the weight share their memory: its strides are ", row_stride,
                               " and ", col_stride),
        [&] {
          tamp::apply(tamp::matrix_view<float>(numbers.data() + 4, 2, 4, row_stride, col_stride),
                      bitmask(2, 4, false));
        });
  };
  check_refused(0, 1, "(0, 0) and (1, 0)");   // one row, broadcast
  check_refused(1, 0, "(0, 1) and (0, 0)");   // one column, broadcast
  check_refused(3, 1, "(0, 3) and (1, 0)");   // rows of four, three apart
  check_refused(1, 1, "(0, 1) and (1, 0)");   // a Hankel matrix
  check_refused(-3, 1, "(0, 0) and (1, 3)");  // upside down
  BOOST_TEST(numbers == std::vector<float>(8, 1.0f), boost::test_tools::per_element());
  // A stride along which there is but one element is nobody's business.
  tamp::apply(tamp::matrix_view<float>(numbers.data(), 1, 4, 0, 1), bitmask(1, 4, false));
  tamp::apply(tamp::matrix_view<float>(numbers.data() + 4, 2, 1, 2, 0), bitmask(2, 1, false));
  BOOST_TEST(numbers == (std::vector<float>{0, 0, 0, 0, 0, 1, 0, 1}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(rows_that_interleave_without_sharing_memory_are_pruned) {
  // Elements 0, 2, 4 and 3, 5, 7 of eight: rows begin before others end.
  std::vector<float> numbers(8, 1.0f);
  tamp::apply(tamp::matrix_view<float>(numbers.data(), 2, 3, 3, 2), bitmask(2, 3, false));
  BOOST_TEST(numbers == (std::vector<float>{0, 1, 0, 0, 0, 0, 1, 0}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(exactly_the_strides_that_share_memory_are_refused) {
  // All small shapes and strides, against the definition.
  std::vector<float> numbers(400);
  std::size_t apart = 0, shared = 0;
  for (std::size_t rows = 1; rows < 5; ++rows)
    for (std::size_t cols = 1; cols < 5; ++cols)
      for (std::ptrdiff_t r = -9; r < 10; ++r)
        for (std::ptrdiff_t c = -9; c < 10; ++c) {
          const tamp::matrix_view<float> weight(numbers.data() + 200, rows, cols, r, c);
          std::set<const float*> places;
          for (std::size_t i = 0; i < rows; ++i)
            for (std::size_t j = 0; j < cols; ++j) places.insert(&weight(i, j));
          const bool is_apart = places.size() == weight.size();
          ++(is_apart ? apart : shared);
          bool is_refused = false;
          std::fill(numbers.begin(), numbers.end(), 1.0f);
          try {
            tamp::apply(weight, bitmask(rows, cols, false));
          } catch (const tamp::shape_error&) {
            is_refused = true;
          }
          if (is_refused == is_apart)
            BOOST_ERROR(rows << " x " << cols << " with strides " << r << " and " << c);
          if (is_apart)
            BOOST_TEST(std::count(numbers.begin(), numbers.end(), 0.0f) ==
                       static_cast<std::ptrdiff_t>(weight.size()));
        }
  BOOST_TEST(apart > 1000u);
  BOOST_TEST(shared > 500u);
}

BOOST_AUTO_TEST_CASE(strides_of_any_size_are_decided_without_wrapping) {
  float x = 1;
  constexpr auto lowest = (std::numeric_limits<std::ptrdiff_t>::min)();
  tamp::apply(tamp::matrix_view<float>(&x, 1, 1, lowest, lowest), bitmask(1, 1, false));
  BOOST_TEST(x == 0.0f);
  for (const auto& [r, c] : {std::pair{lowest, lowest}, {lowest, std::ptrdiff_t{1}}})
    support::check_error<tamp::shape_error>(
        tamp::detail::sentence("tensor: 2 x 2 elements with strides of ", r, " and ", c,
                               " do not fit into memory"),
        [&, rows = r, cols = c] {
          tamp::apply(tamp::matrix_view<float>(&x, 2, 2, rows, cols), bitmask(2, 2));
        });
}

BOOST_AUTO_TEST_CASE(a_weight_at_a_null_pointer_is_refused) {
  support::check_error<tamp::shape_error>("tensor: 2 x 3 elements lie at a null pointer", [] {
    tamp::apply(tamp::matrix_view<float>(nullptr, 2, 3), bitmask(2, 3));
  });
  constexpr std::size_t large = std::size_t{1} << 62;
  tamp::apply(tamp::matrix_view<float>(nullptr, 0, large), bitmask(0, large));
  tamp::apply(tamp::matrix_view<float>(nullptr, large, 0), bitmask(large, 0));
}

BOOST_AUTO_TEST_SUITE_END()
