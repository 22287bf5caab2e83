#include "support.hpp"

#include <tamp/allocate/uniform.hpp>
#include <tamp/cuda/apply.cuh>
#include <tamp/cuda/select.cuh>
#include <tamp/cuda/workspace.cuh>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/pattern/per_tensor.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/wanda.hpp>

#include "../support/errors.hpp"

namespace {

using support::matrix, support::device_matrix, support::check_error;
const auto on = tamp::on(nullptr);

tamp::mask::bitmask random_mask(std::size_t rows, std::size_t cols, unsigned seed) {
  std::mt19937 random(seed);
  tamp::mask::bitmask keep(rows, cols);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; ++j)
      // Long runs of kept and of dropped weights, and mixtures.
      keep.set(i, j, j / 16 % 3 == 0 ? random() % 2 == 0 : j / 16 % 3 == 1);
  return keep;
}

template <class T>
void check_apply(const matrix<T>& weight, const tamp::mask::bitmask& keep) {
  const auto copy = tamp::cuda::bitmask::from(on, keep);
  auto expected = weight;
  for (std::size_t i = 0; i < weight.rows(); ++i)
    for (std::size_t j = 0; j < weight.cols(); ++j)
      if (!keep(i, j)) expected(i, j) = tamp::element_traits<T>::store(0);
  const auto rows = static_cast<std::ptrdiff_t>(weight.rows());
  const auto cols = static_cast<std::ptrdiff_t>(weight.cols());
  const struct {
    std::ptrdiff_t row_stride, col_stride;
    std::size_t offset;
  } layouts[] = {{cols, 1, 0},     {(cols + 7) / 8 * 8, 1, 8}, {cols + 3, 1, 1},
                 {1, rows + 1, 3}, {2 * cols, 2, 0},           {2, 2 * rows + 1, 0}};
  for (const auto& layout : layouts) {
    const device_matrix<T> device(weight, layout.row_stride, layout.col_stride, layout.offset);
    tamp::apply(on, device.view(), copy);
    BOOST_TEST_CONTEXT("strides " << layout.row_stride << " and " << layout.col_stride)
    BOOST_TEST((device.numbers() == expected));
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(cuda_bitmask)

BOOST_AUTO_TEST_CASE(a_mask_goes_to_the_gpu_and_comes_back) {
  const std::pair<std::size_t, std::size_t> shapes[] = {{1, 1}, {3, 64}, {4, 65}, {2, 0}, {0, 9}};
  for (const auto& [rows, cols] : shapes) {
    const auto keep = random_mask(rows, cols, 1);
    const auto copy = tamp::cuda::bitmask::from(on, keep);
    BOOST_TEST(copy.rows() == keep.rows());
    BOOST_TEST(copy.size() == keep.size());
    BOOST_TEST(copy.to_host(on) == keep);
  }
}

BOOST_AUTO_TEST_CASE(a_mask_moves) {
  const auto keep = random_mask(3, 70, 2);
  auto first = tamp::cuda::bitmask::from(on, keep);
  tamp::cuda::bitmask second = std::move(first), third;
  third = std::move(second);
  BOOST_TEST(third.to_host(on) == keep);
  tamp::cuda::bitmask().check(on);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(cuda_apply)

BOOST_AUTO_TEST_CASE(dropped_weights_become_plus_zero_and_the_others_keep_their_bits) {
  std::vector<std::pair<std::size_t, std::size_t>> shapes = {{1, 1}, {3, 33}, {70, 130}, {2, 600}};
  if (!support::is_emulated) shapes.insert(shapes.end(), {{70001, 3}, {301, 4099}});
  for (const auto& [rows, cols] : shapes) {
    const auto keep = random_mask(rows, cols, 3);
    auto weight = support::random_matrix(rows, cols, 4);
    weight(0, 0) = support::not_a_number;  // a mask of the user's own may keep it
    check_apply(weight, keep);
    check_apply(support::as<tamp::bf16>(weight), keep);
    check_apply(support::as<__half>(weight), keep);
  }
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  const auto keep = tamp::cuda::bitmask::from(on, random_mask(2, 3, 5));
  const device_matrix<float> device(matrix<float>(3, 2));
  check_error<tamp::shape_error>("apply: the mask is 2 x 3, the weight is 3 x 2",
                                 [&] { tamp::apply(on, device.view(), keep); });
  const tamp::matrix_view<float, tamp::cuda_space> broadcast(device.view().data(), 2, 3, 0, 1);
  check_error<tamp::shape_error>(
      "apply: the elements (0, 0) and (1, 0) of the weight share their memory: its strides are 0 "
      "and 1",
      [&] { tamp::apply(on, broadcast, keep); });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(cuda_workspace)

BOOST_AUTO_TEST_CASE(calls_need_what_they_hold_at_one_time) {
  const auto weight = tamp::cuda::view(static_cast<float*>(nullptr), 8, 100);
  const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{});
  // A note, and two words for each row.
  const auto one = [&](const tamp::cuda::on_stream& measured) {
    const auto keep = tamp::select(measured, weight, recipe);
    tamp::apply(measured, weight, keep);
  };
  BOOST_TEST(tamp::cuda::bytes_needed(one) == 256u + 256);
  const auto after_another = [&](const tamp::cuda::on_stream& measured) {
    one(measured);
    one(measured);
  };
  BOOST_TEST(tamp::cuda::bytes_needed(after_another) == 512u);
  const auto at_once = [&](const tamp::cuda::on_stream& measured) {
    const auto keep = tamp::select(measured, weight, recipe);
    one(measured);
  };
  BOOST_TEST(tamp::cuda::bytes_needed(at_once) == 1024u);
  BOOST_TEST(tamp::cuda::bytes_needed([](const tamp::cuda::on_stream&) {}) == 0u);
}

BOOST_AUTO_TEST_CASE(select_takes_what_bytes_needed_says) {
  const device_matrix<float> weight(support::random_matrix(5, 3000, 6));
  const auto check = [&](const auto& recipe) {
    support::check_bytes_needed([&](const tamp::cuda::on_stream& given) {
      const auto keep = tamp::select(given, weight.view(), recipe);
    });
  };
  using tamp::compose;
  namespace score = tamp::score;
  namespace pattern = tamp::pattern;
  namespace allocate = tamp::allocate;
  check(compose(score::magnitude{}, pattern::per_row{}, allocate::uniform{0.5}));
  check(compose(score::magnitude{}, pattern::per_tensor{}, allocate::uniform{0.5}));
  check(compose(score::magnitude{}, pattern::n_of_m<2, 4>{}));
}

BOOST_AUTO_TEST_CASE(what_waits_cannot_be_measured_and_shapes_are_checked_all_the_same) {
  const auto weight = tamp::cuda::view(static_cast<float*>(nullptr), 8, 100);
  const auto norms = tamp::cuda::view(static_cast<const float*>(nullptr), 1, 99);
  using recipes = tamp::pattern::n_of_m<2, 4>;
  check_error<tamp::device_error>(
      "cuda::bytes_needed: nothing can wait for work that is only measured (check, to_host)", [&] {
        tamp::cuda::bytes_needed([&](const tamp::cuda::on_stream& measured) {
          tamp::select(measured, weight, tamp::compose(tamp::score::magnitude{}, recipes{}))
              .to_host(measured);
        });
      });
  check_error<tamp::shape_error>(
      "select: the weight has 100 columns, the statistics cover 99", [&] {
        tamp::cuda::bytes_needed([&](const tamp::cuda::on_stream& measured) {
          tamp::select(measured, weight, norms, tamp::compose(tamp::score::wanda{}, recipes{}));
        });
      });
}

BOOST_AUTO_TEST_CASE(a_workspace_that_is_too_small_says_how_much_is_missing) {
  const device_matrix<float> weight(support::random_matrix(8, 100, 7));
  const tamp::cuda::buffer memory(on, 512);
  tamp::cuda::workspace small(memory.data(), 300);
  check_error<tamp::device_error>(
      "cuda::workspace: 512 bytes in one piece are needed, and 0 of 300 are in use", [&] {
        tamp::select(tamp::on(nullptr, small), weight.view(),
                     tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{}));
      });
}

BOOST_AUTO_TEST_CASE(the_lowest_piece_that_is_long_enough_is_handed_out) {
  std::byte memory[1024];
  tamp::cuda::workspace space(memory, sizeof memory);
  void* const first = space.allocate(1, nullptr);
  void* const second = space.allocate(257, nullptr);
  BOOST_TEST(first == memory);
  BOOST_TEST(second == memory + 256);
  space.deallocate(first, 1, nullptr);
  BOOST_TEST(space.used() == 512u);
  BOOST_CHECK_THROW(space.allocate(300, nullptr), tamp::device_error);  // 256 at either end
  BOOST_TEST(space.allocate(256, nullptr) == memory);
  BOOST_TEST(space.allocate(256, nullptr) == memory + 768);
  BOOST_TEST(space.most_used() == 1024u);
}

BOOST_AUTO_TEST_CASE(masks_may_go_in_any_order) {
  const device_matrix<float> weight(support::random_matrix(8, 100, 7));
  const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{});
  const tamp::cuda::buffer memory(on, 1024);
  tamp::cuda::workspace space(memory.data(), 1024);
  const auto given = tamp::on(nullptr, space);
  auto keep = tamp::select(given, weight.view(), recipe);
  for (int round = 0; round < 5; ++round) keep = tamp::select(given, weight.view(), recipe);
  BOOST_TEST(keep.to_host(on) == tamp::select(on, weight.view(), recipe).to_host(on));
  BOOST_TEST(space.used() == 512u);
  BOOST_TEST(space.most_used() == 1024u);
}

BOOST_AUTO_TEST_CASE(what_outlives_measured_calls_is_refused) {
  const auto weight = tamp::cuda::view(static_cast<float*>(nullptr), 8, 100);
  const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{});
  tamp::cuda::bitmask keep;
  check_error<tamp::device_error>(
      "cuda::bytes_needed: 512 bytes outlive the calls: what they make, or add to, must be theirs "
      "alone",
      [&] {
        tamp::cuda::bytes_needed([&](const tamp::cuda::on_stream& measured) {
          keep = tamp::select(measured, weight, recipe);
        });
      });
}

BOOST_AUTO_TEST_CASE(a_refusal_is_reported_once) {
  const device_matrix<float> weight(support::random_matrix(8, 100, 7));
  BOOST_CHECK_THROW(tamp::cuda::buffer(on, std::size_t{1} << 50), tamp::device_error);
  BOOST_TEST((cudaGetLastError() == cudaSuccess));
  const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{});
  tamp::select(on, weight.view(), recipe).check(on);
}

BOOST_AUTO_TEST_SUITE_END()
