#include <tamp/prune/pruning_plan.hpp>

#include <tamp/allocate/das.hpp>
#include <tamp/allocate/lamp.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/pattern/per_tensor.hpp>
#include <tamp/prune/prune_model.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/sparsegpt.hpp>
#include <tamp/score/wanda.hpp>

#include <boost/test/unit_test.hpp>
#include <cfenv>
#include <cstddef>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "../support/errors.hpp"
#include "../support/floating_point.hpp"
#include "../support/model.hpp"

BOOST_AUTO_TEST_SUITE(prune_pruning_plan)

using support::matrix;
using support::open_mlp;
using tamp::compose;
using tamp::planned_layer;
using tamp::pruning_plan;
using tamp::allocate::das;
using tamp::allocate::lamp;
using tamp::detail::drop_count;
using tamp::pattern::per_row;
using tamp::pattern::per_tensor;
using tamp::score::magnitude;
using tamp::score::sparsegpt;
using tamp::score::wanda;

namespace {

std::size_t zeros_in(const matrix<float>& w) {
  std::size_t zeros = 0;
  for (std::size_t k = 0; k < w.rows() * w.cols(); ++k) zeros += w.data()[k] == 0;
  return zeros;
}

std::vector<const matrix<float>*> weights_of(const open_mlp& host) {
  std::vector<const matrix<float>*> all;
  for (const auto& block : host.weights) all.insert(all.end(), {&block.up, &block.down});
  return all;
}

// A user's own allocation that decides in whole weights: one and the same number for each unit.
struct as_many_each {
  using role = tamp::role::allocate;
  static constexpr tamp::granularity unit = tamp::granularity::block;
  std::vector<std::size_t> numbers;
  tamp::allocate::allocation operator()(const auto&, const auto& units) const {
    tamp::allocate::allocation answer;
    for (std::size_t u = 0; u < units.size(); ++u) answer.sparsities.push_back(0.25);
    answer.drops = numbers;
    return answer;
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_number_of_weights_holds_as_long_as_the_sparsity_says_the_same) {
  planned_layer layer{"w", 0, 7, 7, 0.5};
  BOOST_TEST(!layer.counted());
  layer.drop = 24;  // floor(49 / 2)
  BOOST_TEST(layer.counted().value() == 24u);
  layer.sparsity = 0.6;
  BOOST_TEST(!layer.counted());
  layer.drop = 29;
  BOOST_TEST(layer.counted().value() == 29u);
  for (const double none : {-0.5, 1.5, std::numeric_limits<double>::quiet_NaN()}) {
    layer.sparsity = none;
    BOOST_TEST(!layer.counted());
  }
}

BOOST_AUTO_TEST_CASE(plans_that_ask_for_the_same_are_equal) {
  const planned_layer fraction{"w", 0, 7, 7, 0.5};
  planned_layer counted = fraction, outdated = fraction;
  counted.drop = 24;
  outdated.drop = 20;
  BOOST_TEST((fraction == outdated));
  BOOST_TEST((fraction != counted));
  counted.drop = std::nullopt;
  BOOST_TEST((fraction == counted));
}

BOOST_AUTO_TEST_CASE(the_plan_sums_up_and_prints_numbers_that_were_decided_on) {
  pruning_plan plan;
  plan.layers = {{"a", 0, 7, 7, 0.5}, {"b", 0, 7, 7, 0.5}};
  plan.layers[0].drop = 24;
  BOOST_TEST(plan.sparsity() == (24 + 24.5) / 98);
  std::ostringstream out;
  out << plan;
  BOOST_TEST(out.str() ==
             "   0  a          7 x 7      0.5000  drops 24\n"
             "   0  b          7 x 7      0.5000\n");
}

BOOST_AUTO_TEST_CASE(what_lamp_and_das_decide_is_dropped_to_the_weight) {
  const open_mlp dense(3, 7, 11, 4);  // 6 layers of 77 weights
  for (const double sparsity : {0.1, 0.29, 0.5, 0.57, 0.7, 0.93}) {
    const auto check = [&](const auto& recipe, std::size_t expected) {
      open_mlp host = dense;
      const auto plan = tamp::plan(host, recipe);
      std::size_t decided = 0;
      for (const auto& layer : plan.layers) decided += layer.counted().value();
      BOOST_TEST(decided == expected);
      const auto report = tamp::prune_model(host, plan, recipe);
      for (std::size_t k = 0; k < 6; ++k) {
        BOOST_TEST(zeros_in(*weights_of(host)[k]) == *plan.layers[k].drop);
        BOOST_TEST(report.layers[k].kept == 77 - *plan.layers[k].drop);
        BOOST_TEST(report.layers[k].drop.value() == *plan.layers[k].drop);
      }
      BOOST_TEST(report.notes == plan.notes, boost::test_tools::per_element());
    };
    check(compose(magnitude{}, per_tensor{}, lamp{sparsity}), drop_count(462, sparsity));
    check(compose(wanda{}, per_tensor{}, das{sparsity}),
          462 - drop_count(462, 1 - sparsity));  // its budget is what stays
  }
}

BOOST_AUTO_TEST_CASE(what_rows_cannot_share_evenly_stays_and_is_noted) {
  const open_mlp dense(2, 7, 11, 5);
  open_mlp host = dense;
  const auto recipe = compose(magnitude{}, per_row{}, lamp{0.5});
  const auto plan = tamp::plan(host, recipe);
  const auto report = tamp::prune_model(host, plan, recipe);
  std::size_t dropped = 0, uneven = 0, short_of = 0;
  for (std::size_t k = 0; k < 4; ++k) {
    const std::size_t rows = plan.layers[k].rows, drop = *plan.layers[k].drop;
    for (std::size_t i = 0; i < rows; ++i) {
      std::size_t zeros = 0;
      for (std::size_t j = 0; j < plan.layers[k].cols; ++j)
        zeros += (*weights_of(host)[k])(i, j) == 0;
      BOOST_TEST(zeros == drop / rows);
    }
    if (drop % rows != 0) {
      ++uneven;
      short_of += drop;
      dropped += drop / rows * rows;
    }
  }
  BOOST_REQUIRE(uneven > 1u);
  BOOST_TEST(report.notes.back() ==
             "per_row: dropped " + std::to_string(dropped) + " of the " + std::to_string(short_of) +
                 " weights that the plan counts in " + std::to_string(uneven) + " layers");
}

BOOST_AUTO_TEST_CASE(layers_of_a_unit_share_its_number_by_size) {
  open_mlp host(2, 7, 11, 6);  // blocks of 77 + 77 weights
  const auto plan = tamp::plan(host, compose(magnitude{}, per_tensor{}, as_many_each{{31, 154}}));
  BOOST_TEST(plan.layers[0].counted().value() == 15u);
  BOOST_TEST(plan.layers[1].counted().value() == 16u);
  BOOST_TEST(plan.layers[2].counted().value() == 77u);
  BOOST_TEST(plan.layers[3].counted().value() == 77u);
  BOOST_TEST(plan.layers[3].sparsity == 1.0);
  BOOST_TEST(plan.sparsity() == (31 + 154) / 308.0);
}

BOOST_AUTO_TEST_CASE(sparsegpt_drops_a_number_to_the_weight_in_blocks_of_columns) {
  const open_mlp dense(2, 7, 11, 7);
  const auto recipe = compose(sparsegpt{.blocksize = 4}, per_tensor{}, lamp{0.57});
  open_mlp host = dense;
  const auto plan = tamp::plan(host, recipe);
  const auto report = tamp::prune_model(host, plan, recipe);
  for (std::size_t k = 0; k < 4; ++k)
    if (report.layers[k].dead_inputs == 0)
      BOOST_TEST(zeros_in(*weights_of(host)[k]) == *plan.layers[k].drop);
}

BOOST_AUTO_TEST_CASE(numbers_that_do_not_fit_the_units_are_refused) {
  open_mlp host(2, 7, 11, 8);
  support::check_error<tamp::shape_error>(
      "the allocation gave 1 numbers of weights for 2 units",
      [&] { tamp::plan(host, compose(magnitude{}, per_row{}, as_many_each{{31}})); });
  support::check_error<tamp::value_error>("the allocation drops 155 of 154 weights of unit 1", [&] {
    tamp::plan(host, compose(magnitude{}, per_row{}, as_many_each{{31, 155}}));
  });
}

BOOST_AUTO_TEST_CASE(counts_are_the_same_for_any_rounding_mode) {
  planned_layer layer{"w", 0, 7, 7, 1.0 / 49};
  layer.drop = 1;
  tamp::pruning_plan plan;
  plan.layers = {layer, {"v", 0, 3, 3, 1.0 / 3}};
  const bool holds = layer.counted().has_value();
  const double sparsity = plan.sparsity();
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    const support::rounding as(mode);
    BOOST_TEST(layer.counted().has_value() == holds);
    BOOST_TEST(plan.sparsity() == sparsity);
  }
}

BOOST_AUTO_TEST_SUITE_END()
