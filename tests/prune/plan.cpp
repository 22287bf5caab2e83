#include <tamp/prune/plan.hpp>

#include <tamp/pattern/n_of_m.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/wanda.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <iomanip>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/model.hpp"

BOOST_AUTO_TEST_SUITE(prune_plan)

using support::matrix;
using support::open_mlp;
using tamp::compose;
using tamp::allocate::uniform;
using tamp::pattern::n_of_m;
using tamp::pattern::per_row;
using tamp::score::magnitude;
using tamp::score::wanda;

namespace {

// A user's allocation: the share of a layer in all weights. A wrong one adds a layer.
struct by_size {
  using role = tamp::role::allocate;
  double factor = 1;
  std::size_t too_many = 0;
  std::vector<double> operator()(std::span<const std::size_t> num_params) const {
    double total = 0;
    for (const std::size_t n : num_params) total += static_cast<double>(n);
    std::vector<double> sparsities(num_params.size() + too_many);
    for (std::size_t k = 0; k < num_params.size(); ++k)
      sparsities[k] = factor * static_cast<double>(num_params[k]) / total;
    return sparsities;
  }
};

support::mlp small_model() {
  support::mlp host(2, 4, 2, 1);
  host.weights[1].up = support::random_matrix(6, 4, 9);
  host.weights[1].down = support::random_matrix(4, 6, 9);
  return host;
}

// Looks at the model: a block's share is the mean sum of squares of what its layers saw.
struct by_activity {
  using role = tamp::role::allocate;
  using needs = tamp::stat::column_norm;
  static constexpr tamp::granularity unit = tamp::granularity::block;
  tamp::allocate::allocation operator()(const auto&, const auto& units) const {
    tamp::allocate::allocation answer;
    for (std::size_t u = 0; u < units.size(); ++u) {
      double sum = 0;
      units.visit(u, [&](std::string_view, const auto&, const needs& seen) {
        for (const double s : seen.sum_of_squares()) sum += s;
      });
      answer.sparsities.push_back(sum / (sum + 100));
    }
    return answer;
  }
};
const auto half_by_activity = compose(magnitude{}, per_row{}, by_activity{});

// The answers of by_activity, for a calibration.
std::vector<double> activities(const tamp::calibration<tamp::stat::column_norm>& seen) {
  std::vector<double> all;
  for (std::size_t k = 0; k < seen.layers(); k += 2) {
    double sum = 0;
    for (const std::size_t layer : {k, k + 1})
      for (const double s : seen.of<tamp::stat::column_norm>(layer).sum_of_squares()) sum += s;
    all.insert(all.end(), 2, sum / (sum + 100));
  }
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  auto host = small_model();  // 8, 8, 24 and 24 weights
  const auto plan = tamp::plan(host, compose(magnitude{}, per_row{}, by_size{}));
  BOOST_REQUIRE(plan.layers.size() == 4u);
  BOOST_TEST((plan.layers[0] == tamp::planned_layer{"0.up", 0, 2, 4, 0.125}));
  BOOST_TEST((plan.layers[1] == tamp::planned_layer{"0.down", 0, 4, 2, 0.125}));
  BOOST_TEST((plan.layers[2] == tamp::planned_layer{"1.up", 1, 6, 4, 0.375}));
  BOOST_TEST((plan.layers[3] == tamp::planned_layer{"1.down", 1, 4, 6, 0.375}));
  BOOST_TEST(plan.sparsity() == (2 * 8 * 0.125 + 2 * 24 * 0.375) / 64);
}

BOOST_AUTO_TEST_CASE(a_plan_runs_no_calibration_and_writes_nothing) {
  auto host = small_model();
  const auto before = host.weights;
  static_cast<void>(tamp::plan(host, compose(wanda{}, per_row{}, uniform{0.5})));
  BOOST_TEST(host.calls.empty());
  BOOST_TEST((host.weights == before));
}

BOOST_AUTO_TEST_CASE(a_fixed_pattern_gives_every_layer_its_sparsity) {
  auto host = small_model();
  const auto plan = tamp::plan(host, compose(magnitude{}, n_of_m<1, 4>{}));
  for (const auto& layer : plan.layers) BOOST_TEST(layer.sparsity == 0.75);
  BOOST_TEST(plan.sparsity() == 0.75);
}

BOOST_AUTO_TEST_CASE(a_plan_is_a_value) {
  auto host = small_model();
  const auto recipe = compose(magnitude{}, per_row{}, uniform{0.5});
  auto plan = tamp::plan(host, recipe);
  BOOST_TEST((plan == tamp::plan(host, recipe)));
  plan.layers[2].sparsity = 0;
  BOOST_TEST((plan != tamp::plan(host, recipe)));
  BOOST_TEST(plan.sparsity() == 0.5 * 40 / 64);
}

BOOST_AUTO_TEST_CASE(a_model_with_nothing_to_prune_has_no_plan) {
  const auto refused = [](auto host, const std::string& sentence, auto... options) {
    support::check_error<tamp::value_error>(sentence, [&] {
      tamp::plan(host, compose(magnitude{}, per_row{}, uniform{0.5}), options...);
    });
  };
  refused(support::mlp(0, 4, 2, 1),
          "plan: there is nothing to prune: the host shows 0 blocks and no layer");
  refused(support::mlp(1, 0, 0, 1),
          "plan: there is nothing to prune: none of 2 layers has any weights");
  tamp::plan_options options;
  options.exclude = {"*norm*", "?.up", "*.down", "1.*"};
  refused(small_model(),
          "plan: there is nothing to prune: all of 4 layers (0.up, 0.down, 1.up, 1.down) are "
          "excluded by \"?.up\" (2), \"*.down\" (2), \"1.*\" (2)",
          options);
}

BOOST_AUTO_TEST_CASE(a_plan_prints_a_line_a_layer_and_leaves_the_stream_as_it_was) {
  auto host = small_model();
  std::ostringstream out;
  out << std::setprecision(3) << tamp::plan(host, compose(magnitude{}, per_row{}, by_size{}))
      << 0.123456;
  BOOST_TEST(out.str() ==
             "   0  0.up        2 x 4      0.1250\n"
             "   0  0.down      4 x 2      0.1250\n"
             "   1  1.up        6 x 4      0.3750\n"
             "   1  1.down      4 x 6      0.3750\n"
             "0.123");
  tamp::pruning_plan wide;
  wide.layers.push_back({"head", 31, 1234567, 12345678, 0.5});
  std::ostringstream one_line;
  one_line << wide;
  BOOST_TEST(one_line.str() == "  31  head 1234567 x 12345678 0.5000\n");
}

BOOST_AUTO_TEST_CASE(an_allocation_outside_of_0_to_1_or_for_other_layers_is_refused) {
  auto host = small_model();
  support::check_error<tamp::value_error>("a sparsity is a fraction in [0, 1], not 1.5", [&] {
    tamp::plan(host, compose(magnitude{}, per_row{}, by_size{4}));
  });
  support::check_error<tamp::shape_error>("the allocation gave 5 sparsities for 4 units", [&] {
    tamp::plan(host, compose(magnitude{}, per_row{}, by_size{1, 1}));
  });
}

BOOST_AUTO_TEST_CASE(an_allocation_is_shown_the_dense_model) {
  open_mlp host(3, 8, 12, 2);
  tamp::calibration<tamp::stat::column_norm> seen;
  tamp::calibrate(host, seen);
  const auto expected = activities(seen);
  const auto before = host.weights;
  for (const auto& exec : support::every_executor) {
    host.calls.clear();
    const auto plan = tamp::plan(exec, host, half_by_activity);
    BOOST_TEST(host.calls.front() == "rewind");
    BOOST_TEST(host.calls.size() == 6u);
    for (std::size_t k = 0; k < 6; ++k) BOOST_TEST(plan.layers[k].sparsity == expected[k]);
  }
  BOOST_TEST((host.weights == before));
  // Statistics gathered before suffice, and nothing runs.
  host.calls.clear();
  BOOST_TEST((tamp::plan(host, seen, half_by_activity) == tamp::plan(host, half_by_activity)));
  host.calls.clear();
  const auto plan = tamp::plan(host, seen, half_by_activity);
  BOOST_TEST(host.calls.empty());
  BOOST_TEST(plan.layers[5].sparsity == expected[5]);
}

BOOST_AUTO_TEST_CASE(the_plan_of_a_resumed_calibration_is_the_same) {
  const open_mlp fresh(4, 8, 12, 3);
  open_mlp host = fresh;
  const auto expected = tamp::plan(host, half_by_activity);
  for (std::size_t stop = 0; stop < 4; ++stop) {
    open_mlp first = fresh, second = fresh;
    auto seen = tamp::calibration_for(by_activity{});
    tamp::calibrate(first, seen, [&](const tamp::progress& p) { return p.block != stop; });
    tamp::calibrate(second, seen);
    BOOST_TEST((tamp::plan(second, seen, half_by_activity) == expected));
  }
}

BOOST_AUTO_TEST_CASE(a_calibration_that_is_not_complete_or_not_of_this_model_is_refused) {
  open_mlp host(3, 8, 12, 4), smaller(2, 8, 12, 4);
  tamp::calibration<tamp::stat::column_norm> seen;
  tamp::calibrate(host, seen, [](const tamp::progress& p) { return p.block != 1; });
  support::check_error<tamp::value_error>("plan: the calibration has seen 1 of 3 blocks",
                                          [&] { tamp::plan(host, seen, half_by_activity); });
  tamp::calibrate(host, seen);
  support::check_error<tamp::shape_error>("plan: the calibration covers 6 layers, the model has 4",
                                          [&] { tamp::plan(smaller, seen, half_by_activity); });
}

BOOST_AUTO_TEST_CASE(a_pass_that_the_callback_stops_gives_no_plan) {
  open_mlp host(3, 8, 12, 5);
  support::check_error<tamp::value_error>("plan: stopped after 2 of 3 blocks", [&] {
    tamp::plan(host, half_by_activity, {}, [](const tamp::progress& p) { return p.block != 2; });
  });
}

BOOST_AUTO_TEST_SUITE_END()
