#include "support.hpp"

#include <cstdint>
#include <set>
#include <tamp/cuda/compressed_2_of_4.cuh>
#include <vector>

#include "../support/by_sorting.hpp"
#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(cuda_compressed_2_of_4)

namespace {

using support::matrix, support::device_matrix, support::check_error;
using tamp::mask::bitmask, tamp::cuda::metadata_order;
using words = std::vector<std::uint16_t>;
const auto on = tamp::on(nullptr);

template <class T>
struct on_host {
  matrix<T> values;
  words metadata;

  explicit on_host(const tamp::cuda::compressed_2_of_4<T>& half)
      : values(half.rows(), half.cols() / 2), metadata(half.rows() * half.words_per_row()) {
    cudaMemcpyAsync(values.data(), half.values().data(), values.rows() * values.cols() * sizeof(T),
                    cudaMemcpyDeviceToHost, nullptr);
    cudaMemcpyAsync(metadata.data(), half.metadata(), metadata.size() * 2, cudaMemcpyDeviceToHost,
                    nullptr);
    half.check(on);
  }

  /// The weight with its zeros, from what is documented of the two.
  matrix<T> dense(std::size_t cols) const {
    matrix<T> w(values.rows(), cols);
    const std::size_t per_row = (cols + 15) / 16;
    for (std::size_t i = 0; i < w.rows(); ++i)
      for (std::size_t k = 0; k < cols / 2; ++k) {
        const unsigned word = metadata[i * per_row + k / 8];
        w(i, k / 2 * 4 + (word >> 2 * (k % 8) & 3u)) = values(i, k);
      }
    return w;
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand_two_of_each_four_and_their_places) {
  const device_matrix<float> W({{1, 2, 3, 4, 5, 6, 7, 8}, {9, 10, 11, 12, 13, 14, 15, 16}});
  bitmask keep(2, 8, false);
  for (const std::size_t j : {0u, 1u, 5u, 7u}) keep.set(0, j, true);
  for (const std::size_t j : {1u, 2u, 6u, 7u}) keep.set(1, j, true);
  const auto there = tamp::cuda::bitmask::from(on, keep);
  const on_host<float> half(tamp::cuda::compress(on, W.view(), there));
  BOOST_TEST((half.values == matrix<float>{{1, 2, 6, 8}, {10, 11, 15, 16}}));
  // Places 0 and 1 are 0100 in bits, 1 and 3 are 1101; 1 and 2 are 1001, 2 and 3 are 1110.
  BOOST_TEST(half.metadata == (words{0xd4, 0xe9}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_weight_can_be_made_of_it_again) {
  const auto check = [&]<class T>(T) {
    unsigned seed = 0;
    for (const auto& [rows, cols] : std::initializer_list<std::pair<std::size_t, std::size_t>>{
             {1, 4}, {3, 20}, {5, 64}, {9, 36}, {33, 160}, {2, 4096}}) {
      const auto w = support::as<T>(support::random_matrix(rows, cols, ++seed));
      const bitmask keep = support::n_of_m_by_sorting(support::magnitudes(w), 2, 4);
      const auto r = static_cast<std::ptrdiff_t>(rows), c = static_cast<std::ptrdiff_t>(cols);
      const device_matrix<T> tight(w), gaps(w, c + 3, 1), columns(w, 1, r), offset(w, c, 1, 1);
      const auto there = tamp::cuda::bitmask::from(on, keep);
      auto pruned = w;
      for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < cols; ++j)
          if (!keep(i, j)) pruned(i, j) = tamp::element_traits<T>::store(0);
      for (const auto* layout : {&tight, &gaps, &columns, &offset}) {
        const on_host<T> half(tamp::cuda::compress(on, layout->view(), there));
        BOOST_TEST((half.dense(cols) == pruned));
      }
    }
  };
  check(float{});
  check(tamp::f16{});
  check(__nv_bfloat16{});
}

BOOST_AUTO_TEST_CASE(the_order_of_cutlass_has_every_word_once) {
  using tamp::cuda::cutlass_metadata_place;
  // By hand: of 32 rows every eighth become neighbours, and words off the diagonal change places.
  BOOST_TEST(cutlass_metadata_place(0, 0, 64) == 0u);
  BOOST_TEST(cutlass_metadata_place(0, 1, 64) == 2u);
  BOOST_TEST(cutlass_metadata_place(8, 0, 64) == 1u);
  BOOST_TEST(cutlass_metadata_place(8, 1, 64) == 3u);
  BOOST_TEST(cutlass_metadata_place(16, 0, 64) == 4u);
  BOOST_TEST(cutlass_metadata_place(1, 0, 64) == 8u);
  BOOST_TEST(cutlass_metadata_place(32, 0, 64) == 64u);
  BOOST_TEST(cutlass_metadata_place(0, 2, 64) == 128u);
  std::set<std::size_t> places;
  for (std::size_t i = 0; i < 96; ++i)
    for (std::size_t w = 0; w < 6; ++w) places.insert(cutlass_metadata_place(i, w, 96));
  BOOST_TEST(places.size() == 96u * 6u);
  BOOST_TEST(*places.rbegin() == 96u * 6u - 1);
}

BOOST_AUTO_TEST_CASE(the_order_of_cutlass_has_the_same_words) {
  const auto w = support::as<tamp::bf16>(support::random_matrix(64, 96, 4));
  const device_matrix<tamp::bf16> there(w);
  const auto keep =
      tamp::cuda::bitmask::from(on, support::n_of_m_by_sorting(support::magnitudes(w), 2, 4));
  const on_host<tamp::bf16> rows(tamp::cuda::compress(on, there.view(), keep));
  const on_host<tamp::bf16> reordered(
      tamp::cuda::compress(on, there.view(), keep, metadata_order::cutlass));
  BOOST_TEST((rows.values == reordered.values));
  words expected(rows.metadata.size());
  for (std::size_t i = 0; i < 64; ++i)
    for (std::size_t k = 0; k < 6; ++k)
      expected[tamp::cuda::cutlass_metadata_place(i, k, 64)] = rows.metadata[i * 6 + k];
  BOOST_TEST(reordered.metadata == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(where_fewer_are_kept_zeros_stand_in) {
  // None, and each one of four: the lowest free place has a zero.
  const device_matrix<float> W(
      {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}});
  bitmask keep(1, 20, false);
  for (const std::size_t j : {4u, 9u, 14u, 19u}) keep.set(0, j, true);
  const on_host<float> half(
      tamp::cuda::compress(on, W.view(), tamp::cuda::bitmask::from(on, keep)));
  BOOST_TEST((half.values == matrix<float>{{0, 0, 5, 0, 0, 10, 0, 15, 0, 20}}));
  // Places 0 1, 0 1, 0 1, 0 2 and 0 3.
  BOOST_TEST(half.metadata == (words{0x8444, 0xc}), boost::test_tools::per_element());
  matrix<float> expected(1, 20);
  for (std::size_t j = 0; j < 20; ++j) expected(0, j) = keep(0, j) ? float(j + 1) : 0.0f;
  BOOST_TEST((half.dense(20) == expected));
}

BOOST_AUTO_TEST_CASE(masks_that_keep_more_than_two_of_four_are_refused) {
  const device_matrix<float> W(matrix<float>(3, 20, 1.0f));
  bitmask keep(3, 20, false);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 20; j += 2) keep.set(i, j, true);
  keep.set(2, 3, true);
  keep.set(1, 16, false);  // one of four will do
  keep.set(1, 13, true);
  const auto there = tamp::cuda::bitmask::from(on, keep);
  const auto half = tamp::cuda::compress(on, W.view(), there);
  check_error<tamp::value_error>(
      "compress: of columns 12 to 15 in row 1 the mask keeps 3, more than 2",
      [&] { half.check(on); });
}

BOOST_AUTO_TEST_CASE(shapes_are_refused_before_anything_is_started) {
  const device_matrix<float> W(matrix<float>(3, 20)), odd(matrix<float>(3, 18));
  const auto keep = tamp::cuda::bitmask::from(on, bitmask(3, 16));
  check_error<tamp::shape_error>("compress: the mask is 3 x 16, the weight is 3 x 20",
                                 [&] { tamp::cuda::compress(on, W.view(), keep); });
  const auto keep_odd = tamp::cuda::bitmask::from(on, bitmask(3, 18));
  check_error<tamp::shape_error>("compress: the weight has 18 columns, not a multiple of 4",
                                 [&] { tamp::cuda::compress(on, odd.view(), keep_odd); });
  const auto keep_w = tamp::cuda::bitmask::from(on, bitmask(3, 20));
  check_error<tamp::shape_error>(
      "compress: the weight is 3 x 20, and CUTLASS wants multiples of 32",
      [&] { tamp::cuda::compress(on, W.view(), keep_w, metadata_order::cutlass); });
  const device_matrix<float> none(matrix<float>(0, 8));
  const auto keep_none = tamp::cuda::bitmask::from(on, bitmask(0, 8));
  tamp::cuda::compress(on, none.view(), keep_none).check(on);
}

BOOST_AUTO_TEST_CASE(halves_take_what_bytes_needed_says) {
  const auto w = support::as<tamp::bf16>(support::random_matrix(8, 96, 4));
  const device_matrix<tamp::bf16> there(w);
  support::check_bytes_needed([&](const tamp::cuda::on_stream& given) {
    const tamp::cuda::bitmask keep(given, 8, 96);
    tamp::cuda::compress(given, there.view(), keep);
  });
}

BOOST_AUTO_TEST_SUITE_END()
