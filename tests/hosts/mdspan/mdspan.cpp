#include <tamp/adapt/mdspan.hpp>

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <mdspan>
#include <numeric>
#include <tamp/tamp.hpp>
#include <type_traits>
#include <vector>

#include "../../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(adapt_mdspan)

namespace {

using support::check_error;
using matrix_extents = std::dextents<std::size_t, 2>;

/// A layout of one's own: both dimensions run backwards, so that element (0, 0) is the last.
struct layout_backwards {
  template <class Extents>
  struct mapping {
    using extents_type = Extents;
    using index_type = typename Extents::index_type;
    using size_type = typename Extents::size_type;
    using rank_type = typename Extents::rank_type;
    using layout_type = layout_backwards;

    Extents extents_;

    constexpr const Extents& extents() const noexcept { return extents_; }
    constexpr index_type operator()(index_type i, index_type j) const noexcept {
      return required_span_size() - 1 - i * extents_.extent(1) - j;
    }
    constexpr index_type required_span_size() const noexcept {
      return extents_.extent(0) * extents_.extent(1);
    }
    constexpr index_type stride(rank_type d) const noexcept {
      return d == 0 ? -extents_.extent(1) : index_type{-1};
    }
    static constexpr bool is_always_unique() noexcept { return true; }
    static constexpr bool is_always_exhaustive() noexcept { return true; }
    static constexpr bool is_always_strided() noexcept { return true; }
    static constexpr bool is_unique() noexcept { return true; }
    static constexpr bool is_exhaustive() noexcept { return true; }
    static constexpr bool is_strided() noexcept { return true; }
  };
};

/// An accessor that changes nothing and converts to the default one, as C++26's aligned_accessor.
template <class T>
struct plain_accessor {
  using offset_policy = std::default_accessor<T>;
  using element_type = T;
  using reference = T&;
  using data_handle_type = T*;

  constexpr reference access(T* data, std::size_t k) const noexcept { return data[k]; }
  constexpr T* offset(T* data, std::size_t k) const noexcept { return data + k; }
  constexpr operator std::default_accessor<T>() const noexcept { return {}; }
};

std::vector<float> numbered(std::size_t count) {
  std::vector<float> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0.0f);
  return numbers;
}

/// The elements of the view are those of the mdspan, one by one, at the same addresses.
template <class Mdspan>
void check_view(const Mdspan& m) {
  const auto view = tamp::view(m);
  const auto extent = [&](std::size_t d) { return static_cast<std::size_t>(m.extent(d)); };
  using index = typename Mdspan::index_type;
  if constexpr (Mdspan::rank() == 1) {
    BOOST_REQUIRE_EQUAL(view.rows(), 1u);
    BOOST_REQUIRE_EQUAL(view.cols(), extent(0));
    for (std::size_t j = 0; j < view.cols(); ++j)
      BOOST_REQUIRE_EQUAL(&view(0, j), &m[static_cast<index>(j)]);
  } else {
    BOOST_REQUIRE_EQUAL(view.rows(), extent(0));
    BOOST_REQUIRE_EQUAL(view.cols(), extent(1));
    for (std::size_t i = 0; i < view.rows(); ++i)
      for (std::size_t j = 0; j < view.cols(); ++j) {
        const std::array at{static_cast<index>(i), static_cast<index>(j)};
        BOOST_REQUIRE_EQUAL(&view(i, j), &m[at]);
      }
  }
}

template <class Mdspan>
using viewed = std::remove_reference_t<decltype(tamp::view(std::declval<Mdspan>())(0, 0))>;

const auto halved = tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{});

}  // namespace

BOOST_AUTO_TEST_CASE(two_dimensions_are_rows_and_columns) {
  auto numbers = numbered(12);
  const std::mdspan m(numbers.data(), 3, 4);
  const auto view = tamp::view(m);
  BOOST_TEST(view.rows() == 3u);
  BOOST_TEST(view.cols() == 4u);
  BOOST_TEST(view(1, 2) == 6.0f);
  BOOST_TEST(view.contiguous_rows());
  check_view(m);
}

BOOST_AUTO_TEST_CASE(one_dimension_is_a_single_row) {
  auto numbers = numbered(6);
  const std::mdspan m(numbers.data(), 6);
  const auto view = tamp::view(m);
  BOOST_TEST(view.rows() == 1u);
  BOOST_TEST(view.cols() == 6u);
  BOOST_TEST(view.contiguous_rows());
  check_view(m);
}

BOOST_AUTO_TEST_CASE(extents_are_static_or_dynamic_and_of_any_type_of_index) {
  auto numbers = numbered(12);
  check_view(std::mdspan<float, std::extents<std::size_t, 3, 4>>(numbers.data()));
  check_view(std::mdspan<float, std::extents<int, std::dynamic_extent, 4>>(numbers.data(), 3));
  check_view(std::mdspan<float, std::extents<std::uint8_t, 3, std::dynamic_extent>>(
      numbers.data(), std::uint8_t{4}));
  check_view(std::mdspan<float, std::dextents<std::int64_t, 2>>(numbers.data(), 2, 6));
  check_view(std::mdspan<float, std::extents<short, 5>>(numbers.data()));
}

BOOST_AUTO_TEST_CASE(columns_side_by_side_are_layout_left) {
  auto numbers = numbered(12);
  const std::mdspan<float, matrix_extents, std::layout_left> m(numbers.data(), 3, 4);
  BOOST_TEST(tamp::view(m)(1, 2) == 7.0f);
  BOOST_TEST(tamp::view(m).row_stride() == 1);
  BOOST_TEST(tamp::view(m).col_stride() == 3);
  check_view(m);
  check_view(std::mdspan<float, std::extents<int, 3, 4>, std::layout_left>(numbers.data()));
}

BOOST_AUTO_TEST_CASE(gaps_are_layout_stride) {
  auto numbers = numbered(40);
  using strided = std::layout_stride::mapping<matrix_extents>;
  const auto with = [&](std::size_t rows, std::size_t cols, std::array<std::size_t, 2> strides) {
    return std::mdspan<float, matrix_extents, std::layout_stride>(
        numbers.data(), strided(matrix_extents(rows, cols), strides));
  };
  check_view(with(3, 4, {10, 1}));
  check_view(with(4, 3, {1, 10}));
  check_view(with(3, 4, {11, 2}));
  BOOST_TEST(tamp::view(with(3, 4, {11, 2}))(2, 3) == 28.0f);

  using row_extents = std::dextents<std::size_t, 1>;
  const std::layout_stride::mapping<row_extents> every_third(row_extents(5), std::array{3});
  check_view(std::mdspan<float, row_extents, std::layout_stride>(numbers.data(), every_third));
}

BOOST_AUTO_TEST_CASE(a_layout_of_ones_own_may_begin_at_the_end) {
  auto numbers = numbered(6);
  using extents = std::extents<int, 2, 3>;
  const std::mdspan<float, extents, layout_backwards> m(
      numbers.data(), layout_backwards::mapping<extents>{extents{}});
  BOOST_TEST(tamp::view(m)(0, 0) == 5.0f);
  BOOST_TEST(tamp::view(m)(1, 2) == 0.0f);
  check_view(m);
}

BOOST_AUTO_TEST_CASE(an_accessor_that_converts_to_the_default_one_is_plain_memory) {
  auto numbers = numbered(12);
  check_view(std::mdspan<float, matrix_extents, std::layout_right, plain_accessor<float>>(
      numbers.data(), 3, 4));
}

BOOST_AUTO_TEST_CASE(an_mdspan_decides_as_a_span_does_whether_it_is_written_through) {
  using of_floats = std::mdspan<float, matrix_extents>;
  using of_const = std::mdspan<const float, matrix_extents>;
  static_assert(std::is_same_v<viewed<of_floats&>, float>);
  static_assert(std::is_same_v<viewed<const of_floats&>, float>);
  static_assert(std::is_same_v<viewed<of_floats>, float>);
  static_assert(std::is_same_v<viewed<of_const&>, const float>);
  static_assert(tamp::prunable_tensor<const of_floats> && tamp::prunable_tensor<of_floats>);
  static_assert(tamp::tensor<of_const> && !tamp::prunable_tensor<of_const>);
  static_assert(tamp::strided_tensor<std::mdspan<tamp::bf16, matrix_extents>>);
  static_assert(!tamp::strided_tensor<std::mdspan<int, matrix_extents>>);
  static_assert(tamp::strided_tensor<of_floats>);
}

BOOST_AUTO_TEST_CASE(an_empty_mdspan_keeps_its_shape) {
  const std::mdspan<float, matrix_extents> no_rows(nullptr, 0, 5), no_cols(nullptr, 5, 0);
  BOOST_TEST(tamp::view(no_rows).cols() == 5u);
  BOOST_TEST(tamp::view(no_cols).rows() == 5u);
  BOOST_TEST(tamp::view(no_rows).empty());
  const std::mdspan<float, matrix_extents> untouched;
  BOOST_TEST(tamp::view(untouched).empty());
}

BOOST_AUTO_TEST_CASE(elements_at_a_null_pointer_are_refused) {
  const std::mdspan<float, matrix_extents> nowhere(nullptr, 2, 4);
  check_error<tamp::shape_error>("tensor: 2 x 4 elements lie at a null pointer",
                                 [&] { tamp::select(nowhere, halved); });
}

BOOST_AUTO_TEST_CASE(elements_that_share_their_memory_are_read_and_not_pruned) {
  std::vector<float> numbers{4, 3, 2, 1};
  const std::layout_stride::mapping<matrix_extents> broadcast(matrix_extents(3, 4),
                                                              std::array<std::size_t, 2>{0, 1});
  const std::mdspan<float, matrix_extents, std::layout_stride> m(numbers.data(), broadcast);
  const auto keep = tamp::select(m, halved);
  BOOST_TEST(keep.count() == 6u);
  check_error<tamp::shape_error>(
      "apply: the elements (0, 0) and (1, 0) of the weight share their memory: its strides are 0 "
      "and 1",
      [&] { tamp::apply(m, keep); });
  BOOST_TEST(numbers[3] == 1.0f);
}

BOOST_AUTO_TEST_CASE(pruning_happens_in_place_and_as_on_a_view) {
  const std::vector<float> dense{1, -2, 3, -4, 4, 3, 2, 1, 1, 3, 2, 4};
  auto by_row = dense;
  tamp::apply(std::mdspan(by_row.data(), 3, 4),
              tamp::select(std::mdspan(by_row.data(), 3, 4), halved));
  BOOST_TEST(by_row == (std::vector<float>{0, 0, 3, -4, 4, 3, 0, 0, 0, 3, 0, 4}),
             boost::test_tools::per_element());

  // The same matrix, columns first, whose activations are an mdspan, too.
  std::vector<float> by_column(12);
  const std::mdspan<float, matrix_extents, std::layout_left> W(by_column.data(), 3, 4);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 4; ++j) W[i, j] = dense[i * 4 + j];
  const std::vector<float> activations{1, 1, 1, 1};
  const auto norms = tamp::observe<tamp::stat::column_norm>(std::mdspan(activations.data(), 1, 4));
  tamp::prune(W, norms, tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{}));
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 4; ++j) BOOST_TEST((W[i, j] == by_row[i * 4 + j]));
}

BOOST_AUTO_TEST_SUITE_END()
