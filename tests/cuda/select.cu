#include "support.hpp"

#include <tamp/allocate/uniform.hpp>
#include <tamp/cuda/apply.cuh>
#include <tamp/cuda/select.cuh>
#include <tamp/pattern/per_row.hpp>
#include <tamp/prune/apply.hpp>
#include <tamp/prune/select.hpp>
#include <tamp/score/wanda.hpp>

#include "../support/errors.hpp"

namespace {

using support::matrix, support::device_matrix;
const auto on = tamp::on(nullptr);

}  // namespace

BOOST_AUTO_TEST_SUITE(cuda_select)

BOOST_AUTO_TEST_CASE(by_hand_each_row_loses_its_lowest_products) {
  const device_matrix<float> W({{4, -1, 2, -3}, {0.5f, -8, -7, 3}});
  const auto norms = support::device_row({1, 1, 1, 1});
  const auto recipe =
      tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
  const auto keep = tamp::select(on, W.view(), norms.view(), recipe);
  tamp::apply(on, keep, W.view());
  BOOST_TEST((W.numbers() == matrix<float>{{4, 0, 0, -3}, {0, -8, -7, 0}}));
}

BOOST_AUTO_TEST_SUITE_END()
