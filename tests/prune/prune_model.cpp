#include <tamp/prune/prune_model.hpp>

#include <tamp/pattern/n_of_m.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/pattern/per_tensor.hpp>
#include <tamp/score/wanda.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/model.hpp"

BOOST_AUTO_TEST_SUITE(prune_prune_model)

using support::matrix;
using support::mlp;
using tamp::compose;
using tamp::allocate::uniform;
using tamp::pattern::n_of_m;
using tamp::pattern::per_row;
using tamp::pattern::per_tensor;
using tamp::score::magnitude;
using tamp::score::wanda;
using tamp::stat::column_norm;

namespace {

const auto half_by_wanda = compose(wanda{}, per_row{}, uniform{0.5});

// The inputs of a block's layers, of all samples.
std::vector<column_norm> observed(const support::mlp_block& block,
                                  const std::vector<matrix<float>>& samples) {
  std::vector<column_norm> norms(2);
  for (const auto& x : samples) {
    norms[0].add(x);
    norms[1].add(block.hidden(x));
  }
  return norms;
}

// Pruning block by block, in so many words.
template <class Recipe>
std::vector<support::mlp_block> pruned_by_hand(mlp host, const Recipe& recipe) {
  for (auto& block : host.weights) {
    const auto norms = observed(block, host.samples);
    tamp::prune(block.up, norms[0], recipe);
    tamp::prune(block.down, norms[1], recipe);
    for (auto& x : host.samples) x = block.output(x);
  }
  return host.weights;
}

// Hosts that differ from mlp in one thing.
struct host_with_expert : mlp {  // layer 2 is an expert that no token is sent to
  using mlp::mlp;
  matrix<float> expert = support::random_matrix(6, 8, 77);
  void visit_layers(std::size_t block, auto&& visit) {
    mlp::visit_layers(block, visit);
    if (block == 1) visit("1.expert", expert);
  }
  void observe_block(std::size_t block, auto& observer) {
    mlp::observe_block(block, observer);
    if (block == 1) observer.input(2, matrix<float>(0, 8));
  }
};

struct host_in_float_rows : mlp {  // block 1's up projection is a tensor of the second tier
  using mlp::mlp;
  support::zeroable_rows rows;
  void visit_layers(std::size_t block, auto&& visit) {
    if (block != 1) return mlp::visit_layers(block, visit);
    visit(std::string_view("1.up"), rows);
    visit(std::string_view("1.down"), weights[1].down);
  }
};

// The test chooses the inputs of the second layer of block 1.
struct host_with_second_input : mlp {
  using mlp::mlp;
  void observe_block(std::size_t block, auto& observer) {
    observer.input(0, samples[0]);
    observer.input(1, block == 1 ? second_input : matrix<double>(1, 12, 1.0));
  }
  matrix<double> second_input;
};

struct host_with_third_input : mlp {
  using mlp::mlp;
  void observe_block(std::size_t, auto& observer) { observer.input(2, samples[0]); }
};

struct host_with_broadcast : mlp {
  using mlp::mlp;
  void visit_layers(std::size_t block, auto&& visit) {
    visit("up", weights[block].up);
    auto& down = weights[block].down;
    visit("down", tamp::matrix_view<float>(down.data(), down.rows(), down.cols(), 0, 1));
  }
};

// Layers alone, loaded whenever they are visited, and in place only when all are finished.
struct host_of_files {
  static constexpr bool writes_when_finished = true;
  mlp on_disk;
  std::vector<std::string> calls;

  std::size_t blocks() const { return on_disk.blocks(); }
  void visit_shapes(std::size_t block, auto&& visit) {
    on_disk.visit_layers(block, [&](const std::string& name, const matrix<float>& weight) {
      visit(name, weight.rows(), weight.cols());
    });
  }
  void visit_layers(std::size_t block, auto&& visit) {
    on_disk.visit_layers(block, [&](const std::string& name, matrix<float>& weight) {
      calls.push_back("load " + name);
      visit(name, weight);
    });
  }
  void finish_layer(std::size_t block, std::size_t layer) {
    calls.push_back("finish " + std::to_string(block) + (layer == 0 ? ".up" : ".down"));
  }
};

// The inputs of each layer of the dense model.
tamp::calibration<column_norm> seen_by(const mlp& dense) {
  std::vector<column_norm> norms;
  mlp host = dense;
  for (const auto& block : host.weights) {
    for (auto& seen : observed(block, host.samples)) norms.push_back(std::move(seen));
    for (auto& x : host.samples) x = block.output(x);
  }
  return tamp::calibration_from<column_norm>(
      host, [&, k = std::size_t{0}](std::string_view, std::size_t, std::size_t) mutable {
        return norms[k++];
      });
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // One block, up = 2 x 2 and down = 2 x 2, one sample of one token (1, 3).
  mlp host(1, 2, 2, 1);
  host.weights[0] = {matrix<float>{{2, -1}, {4, 1}}, matrix<float>{{1, 1}, {-7, 1}}};
  host.samples = {matrix<float>{{1, 3}}};
  // up: |w| norm is 2 3 / 4 3, the lower of each row goes. What down saw came from the dense up:
  // relu(-1, 7) = (0, 7), so that its first input is dead and goes in both rows.
  const tamp::prune_report report = tamp::prune_model(host, half_by_wanda);
  BOOST_TEST((host.weights[0].up == matrix<float>{{0, -1}, {4, 0}}));
  BOOST_TEST((host.weights[0].down == matrix<float>{{0, 1}, {0, 1}}));
  BOOST_TEST(report.recipe == "wanda, uniform 0.5, per_row");
  BOOST_REQUIRE(report.layers.size() == 2u);
  BOOST_TEST(report.layers[0].name == "0.up");
  BOOST_TEST(report.layers[0].dead_inputs == 0u);
  BOOST_TEST(report.layers[1].name == "0.down");
  BOOST_TEST(report.layers[1].dead_inputs == 1u);
  BOOST_TEST(report.layers[1].kept == 2u);
  BOOST_TEST(report.achieved() == 0.5);
  BOOST_TEST(!report.cancelled);
}

BOOST_AUTO_TEST_CASE(a_block_is_calibrated_on_what_the_pruned_blocks_before_it_produce) {
  const mlp dense(3, 16, 24, 2);
  for (const auto& exec : support::every_executor) {
    mlp host = dense;
    tamp::prune_model(exec, host, half_by_wanda);
    BOOST_TEST((host.weights == pruned_by_hand(dense, half_by_wanda)));
  }
  // That is not what the dense blocks would have given, else this test would show nothing.
  mlp by_dense = dense;
  for (std::size_t b = 0; b < 3; ++b) {
    const auto norms = observed(dense.weights[b], by_dense.samples);
    tamp::prune(by_dense.weights[b].up, norms[0], half_by_wanda);
    tamp::prune(by_dense.weights[b].down, norms[1], half_by_wanda);
    for (auto& x : by_dense.samples) x = dense.weights[b].output(x);
  }
  const auto pruned = pruned_by_hand(dense, half_by_wanda);
  BOOST_TEST((by_dense.weights[0] == pruned[0]));
  BOOST_TEST((by_dense.weights[1] != pruned[1]));
  BOOST_TEST((by_dense.weights[2] != pruned[2]));
}

BOOST_AUTO_TEST_CASE(other_patterns_prune_models_too) {
  const mlp dense(2, 16, 24, 3);
  mlp host = dense;
  const auto two_of_four = compose(wanda{}, n_of_m<2, 4>{});
  const auto report = tamp::prune_model(host, two_of_four);
  BOOST_TEST((host.weights == pruned_by_hand(dense, two_of_four)));
  BOOST_TEST(report.layers[3].asked == 0.5);
  BOOST_TEST(report.achieved() == 0.5);
  host = dense;
  const auto whole_layers = compose(wanda{}, per_tensor{}, uniform{0.3});
  tamp::prune_model(host, whole_layers);
  BOOST_TEST((host.weights == pruned_by_hand(dense, whole_layers)));
}

BOOST_AUTO_TEST_CASE(blocks_are_observed_and_advanced_in_order_and_the_last_not_advanced) {
  mlp host(3, 4, 4, 4);
  tamp::prune_model(host, half_by_wanda);
  BOOST_TEST(host.calls == (std::vector<std::string>{"observe 0", "advance 0", "observe 1",
                                                     "advance 1", "observe 2"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_recipe_that_needs_no_statistic_runs_nothing_forward) {
  mlp host(3, 4, 4, 4);
  const auto report = tamp::prune_model(host, compose(magnitude{}, per_row{}, uniform{0.5}));
  BOOST_TEST(host.calls.empty());
  BOOST_TEST(report.layers.size() == 6u);
  BOOST_TEST(report.calibrate == 0.0);
  BOOST_TEST(report.achieved() == 0.5);
}

BOOST_AUTO_TEST_CASE(a_model_with_nothing_to_prune_is_refused) {
  mlp nothing(0, 4, 4, 4), empty(1, 0, 0, 4), host(1, 4, 4, 4);
  support::check_error<tamp::value_error>(
      "plan: there is nothing to prune: the host shows 0 blocks and no layer",
      [&] { tamp::prune_model(nothing, half_by_wanda); });
  support::check_error<tamp::value_error>(
      "plan: there is nothing to prune: none of 2 layers has any weights",
      [&] { tamp::prune_model(empty, half_by_wanda); });
  auto plan = tamp::plan(host, half_by_wanda);
  for (auto& layer : plan.layers) layer.excluded = true, layer.sparsity = 0;
  support::check_error<tamp::value_error>(
      "prune: there is nothing to prune: all of 2 layers (0.up, 0.down) are excluded or tied",
      [&] { tamp::prune_model(host, plan, half_by_wanda); });
  BOOST_TEST(host.calls.empty());
}

BOOST_AUTO_TEST_CASE(a_layer_that_saw_no_token_is_pruned_by_magnitude_and_flagged) {
  host_with_expert host(2, 8, 12, 5);
  auto by_magnitude = host.expert;
  tamp::prune(by_magnitude, compose(magnitude{}, per_row{}, uniform{0.5}));
  const auto rest = pruned_by_hand(host, half_by_wanda);
  const auto report = tamp::prune_model(host, half_by_wanda);
  BOOST_REQUIRE(report.layers.size() == 5u);
  for (std::size_t k = 0; k < 5; ++k) {
    BOOST_TEST(report.layers[k].fell_back == (k == 4));
    BOOST_TEST(report.layers[k].score == (k == 4 ? "magnitude" : "wanda"));
  }
  BOOST_TEST(report.heading() == "wanda, uniform 0.5, per_row (1 of 5 layers by magnitude)");
  BOOST_TEST(report.layers[4].name == "1.expert");
  BOOST_TEST(report.layers[4].achieved() == 0.5);
  BOOST_TEST(report.layers[4].dead_inputs == 0u);
  BOOST_TEST((host.expert == by_magnitude));
  BOOST_TEST((host.weights == rest));
  // Fixed patterns too.
  host = host_with_expert(2, 8, 12, 5);
  const auto two_of_four = tamp::prune_model(host, compose(wanda{}, n_of_m<2, 4>{}));
  BOOST_TEST(two_of_four.layers[4].fell_back);
  BOOST_TEST(two_of_four.layers[4].achieved() == 0.5);
}

BOOST_AUTO_TEST_CASE(dead_inputs_are_counted) {
  mlp host(1, 8, 12, 6);
  for (auto& x : host.samples)
    for (std::size_t t = 0; t < x.rows(); ++t) x(t, 2) = x(t, 7) = 0;
  BOOST_TEST(tamp::prune_model(host, half_by_wanda).layers[0].dead_inputs == 2u);
}

BOOST_AUTO_TEST_CASE(a_host_may_mix_tiers) {
  const mlp dense(2, 8, 12, 7);
  host_in_float_rows host(2, 8, 12, 7);
  host.rows.numbers = dense.weights[1].up;
  tamp::prune_model(host, half_by_wanda);
  const auto expected = pruned_by_hand(dense, half_by_wanda);
  BOOST_TEST((host.weights[0] == expected[0]));
  BOOST_TEST((host.rows.numbers == expected[1].up));
  BOOST_TEST((host.weights[1].down == expected[1].down));
}

BOOST_AUTO_TEST_CASE(a_plan_may_be_given_and_edited) {
  const mlp dense(2, 8, 12, 8);
  mlp host = dense;
  auto plan = tamp::plan(host, half_by_wanda);
  plan.layers[0].sparsity = 0;
  plan.layers[1].sparsity = 1;
  plan.layers[3].sparsity = 0.25;
  const auto report = tamp::prune_model(host, plan, half_by_wanda);
  BOOST_TEST((host.weights[0].up == dense.weights[0].up));
  BOOST_TEST((host.weights[0].down == matrix<float>(8, 12)));
  BOOST_TEST(report.layers[2].achieved() == 0.5);
  BOOST_TEST(report.layers[3].asked == 0.25);
  BOOST_TEST(report.layers[3].achieved() == 0.25);
  BOOST_TEST(report.achieved() == plan.sparsity());
  mlp same = dense;
  tamp::prune_model(support::one_thread, same, plan, half_by_wanda);
  BOOST_TEST((same.weights == host.weights));
}

BOOST_AUTO_TEST_CASE(a_plan_for_another_model_is_refused_and_nothing_is_written) {
  mlp host(2, 8, 12, 9);
  const auto before = host.weights;
  const auto refused = [&](const tamp::pruning_plan& plan, const std::string& sentence) {
    support::check_error<tamp::shape_error>(sentence,
                                            [&] { tamp::prune_model(host, plan, half_by_wanda); });
    BOOST_TEST((host.weights == before));
    BOOST_TEST(host.calls.empty());
  };
  const auto plan = tamp::plan(host, half_by_wanda);
  auto other = plan;
  other.layers.pop_back();
  refused(other, "prune: the plan has 3 layers, the model 4");
  other = plan;
  other.layers[3].name = "1.gate";
  refused(other,
          "prune: layer 3 of the plan is 1.gate (8 x 12), that of the model is 1.down (8 x 12)");
  other = plan;
  other.layers[2].cols = 7;
  refused(other, "prune: layer 2 of the plan is 1.up (12 x 7), that of the model is 1.up (12 x 8)");
}

BOOST_AUTO_TEST_CASE(a_plan_that_the_recipe_cannot_follow_is_refused_and_nothing_is_written) {
  mlp host(2, 8, 12, 9);
  const auto before = host.weights;
  auto plan = tamp::plan(host, half_by_wanda);
  plan.layers[3].sparsity = 1.1;
  support::check_error<tamp::value_error>(
      "prune: the plan gives 1.down a sparsity of 1.1, which is not in [0, 1]",
      [&] { tamp::prune_model(host, plan, half_by_wanda); });
  // 2:4 cannot leave a layer out.
  plan.layers[3].sparsity = 0;
  support::check_error<tamp::value_error>(
      "prune: the plan gives 1.down a sparsity of 0, the recipe's pattern fixes 0.5",
      [&] { tamp::prune_model(host, plan, compose(wanda{}, n_of_m<2, 4>{})); });
  BOOST_TEST((host.weights == before));
  BOOST_TEST(host.calls.empty());
}

BOOST_AUTO_TEST_CASE(the_callback_is_told_before_each_block_and_each_layer) {
  mlp host(2, 4, 4, 10);
  std::vector<std::string> told;
  tamp::prune_model(host, half_by_wanda, [&](const tamp::progress& p) {
    told.push_back(std::to_string(p.block) + "/" + std::to_string(p.blocks) + " " +
                   std::to_string(p.layers_done) + "/" + std::to_string(p.layers) + " " +
                   std::string(p.layer));
    return true;
  });
  BOOST_TEST(told == (std::vector<std::string>{"0/2 0/4 ", "0/2 0/4 0.up", "0/2 1/4 0.down",
                                               "1/2 2/4 ", "1/2 2/4 1.up", "1/2 3/4 1.down"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_done_when_the_callback_cancels_is_done_and_reported) {
  const mlp dense(3, 8, 12, 11);
  const auto expected = pruned_by_hand(dense, half_by_wanda);
  for (std::size_t stop_at = 0; stop_at < 9; ++stop_at) {  // three calls for each block
    mlp host = dense;
    std::size_t calls = 0;
    const auto report = tamp::prune_model(
        host, half_by_wanda, [&](const tamp::progress&) { return calls++ != stop_at; });
    BOOST_TEST(calls == stop_at + 1);
    BOOST_TEST(report.cancelled);
    const std::size_t done = stop_at / 3 * 2 + (stop_at % 3 == 2);
    BOOST_TEST(report.layers.size() == done);
    BOOST_TEST(report.next == std::to_string(done / 2) + (done % 2 == 0 ? ".up" : ".down"));
    for (std::size_t b = 0; b < 3; ++b) {
      BOOST_TEST((host.weights[b].up == (2 * b < done ? expected : dense.weights)[b].up));
      BOOST_TEST((host.weights[b].down == (2 * b + 1 < done ? expected : dense.weights)[b].down));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_weight_that_is_not_finite_is_refused_before_the_first_is_written) {
  for (const auto& exec : support::every_executor) {
    mlp host(2, 8, 12, 12);
    host.weights[1].down(7, 11) = support::not_a_number;
    const auto before = host.weights;
    support::check_error<tamp::value_error>(
        "prune: the weight in row 7, column 11 of 1.down is nan",
        [&] { tamp::prune_model(exec, host, half_by_wanda); });
    BOOST_TEST((host.weights == before));
    BOOST_TEST(host.calls.empty());
  }
}

BOOST_AUTO_TEST_CASE(activations_that_cannot_be_used_are_refused_before_their_block_is_written) {
  const auto refused = [](const matrix<double>& input, const std::string& sentence) {
    host_with_second_input host(2, 8, 12, 13);
    host.second_input = input;
    const auto dense = host.weights;
    BOOST_CHECK_EXCEPTION(tamp::prune_model(host, half_by_wanda), tamp::error,
                          [&](const tamp::error& e) {
                            return e.what() == sentence +
                                                   "; 2 of 4 layers are done (0.up, 0.down), all "
                                                   "from 1.up on are as they were";
                          });
    BOOST_TEST((host.weights[0] != dense[0]));
    BOOST_TEST((host.weights[1] == dense[1]));
  };
  matrix<double> input(3, 12, 1.0);
  input(2, 5) = support::not_a_number;
  refused(input, "column_norm: the activation of token 2, feature 5 is nan");
  refused(matrix<double>(3, 11, 1.0),
          "prune: the weight of 1.down has 12 columns, the statistics cover 11");
  input(2, 5) = 1e100;  // finite, but the norm is not
  refused(input,
          "column_norm: the squares of feature 5 are too large: their norm is no finite float");
}

BOOST_AUTO_TEST_CASE(an_input_of_a_layer_that_does_not_exist_is_refused) {
  host_with_third_input host(1, 8, 12, 14);
  support::check_error<tamp::shape_error>(
      "observe: the host reports an input of layer 2 in a block that has 2",
      [&] { tamp::prune_model(host, half_by_wanda); });
}

BOOST_AUTO_TEST_CASE(a_broadcast_weight_is_refused_before_the_first_is_written) {
  host_with_broadcast host(1, 8, 12, 15);
  const auto before = host.weights;
  support::check_error<tamp::shape_error>(
      "prune: the elements (0, 0) and (1, 0) of the weight share their memory: its strides are 0 "
      "and 1",
      [&] { tamp::prune_model(host, half_by_wanda); });
  BOOST_TEST((host.weights == before));
}

BOOST_AUTO_TEST_CASE(pruning_a_pruned_model_by_magnitude_changes_nothing) {
  mlp host(2, 8, 12, 16);
  const auto recipe = compose(magnitude{}, per_row{}, uniform{0.5});
  tamp::prune_model(host, recipe);
  const auto once = host.weights;
  BOOST_TEST(tamp::prune_model(host, recipe).achieved() == 0.5);
  BOOST_TEST((host.weights == once));
}

BOOST_AUTO_TEST_CASE(statistics_from_elsewhere_take_the_place_of_samples) {
  const mlp dense(3, 8, 12, 17);
  auto seen = seen_by(dense);
  for (const auto& exec : support::every_executor) {
    mlp host = dense;
    const auto report = tamp::prune_model(exec, host, seen, half_by_wanda);
    for (std::size_t b = 0; b < 3; ++b) {
      mlp by_hand = dense;
      tamp::prune(by_hand.weights[b].up, seen.of<column_norm>(2 * b), half_by_wanda);
      tamp::prune(by_hand.weights[b].down, seen.of<column_norm>(2 * b + 1), half_by_wanda);
      BOOST_TEST((host.weights[b] == by_hand.weights[b]));
    }
    BOOST_TEST(host.calls.empty());
    BOOST_TEST(report.layers[5].tokens == 18u);
    BOOST_TEST(report.recipe == "wanda, uniform 0.5, per_row");
  }
  // A calibration of the dense model, which is the same one.
  support::open_mlp host(3, 8, 12, 17);
  auto calibrated = tamp::calibration_for(wanda{});
  tamp::calibrate(host, calibrated);
  tamp::prune_model(host, calibrated, half_by_wanda);
  mlp same = dense;
  tamp::prune_model(same, seen, half_by_wanda);
  BOOST_TEST((host.weights == same.weights));
}

BOOST_AUTO_TEST_CASE(given_statistics_that_do_not_fit_are_refused_before_anything_is_written) {
  const mlp dense(2, 8, 12, 18);
  mlp host = dense, smaller(1, 8, 12, 18), wider(2, 9, 12, 18);
  const auto plan = tamp::plan(host, half_by_wanda);
  support::check_error<tamp::shape_error>(
      "prune: the calibration covers 2 layers, the model has 4",
      [&] { tamp::prune_model(host, seen_by(smaller), plan, half_by_wanda); });
  support::check_error<tamp::shape_error>(
      "prune: the weight of 0.up has 8 columns, the statistics cover 9",
      [&] { tamp::prune_model(host, seen_by(wider), plan, half_by_wanda); });
  const auto nothing = tamp::calibration_from<column_norm>(
      host, [](std::string_view, std::size_t, std::size_t) { return column_norm(); });
  support::check_error<tamp::value_error>(
      "prune: wanda looks at what layers see, and none of 4 layers saw a calibration token; "
      "nothing was written",
      [&] { tamp::prune_model(host, nothing, plan, half_by_wanda); });
  support::open_mlp open(2, 8, 12, 18);
  auto begun = tamp::calibration_for(wanda{});
  tamp::calibrate(open, begun, [](const tamp::progress& p) { return p.block == 0; });
  support::check_error<tamp::value_error>("prune: the calibration has seen 1 of 2 blocks", [&] {
    tamp::prune_model(host, begun, plan, half_by_wanda);
  });
  BOOST_TEST((host.weights == dense.weights));
}

BOOST_AUTO_TEST_CASE(a_layer_without_given_tokens_is_pruned_by_magnitude) {
  mlp host(1, 8, 12, 19);
  auto by_magnitude = host.weights[0].down;
  tamp::prune(by_magnitude, compose(magnitude{}, per_row{}, uniform{0.5}));
  const auto seen = tamp::calibration_from<column_norm>(
      host, [](std::string_view name, std::size_t, std::size_t cols) {
        return column_norm::of(std::vector<float>(cols, 2.0f), name == "0.down" ? 0 : 5);
      });
  const auto report = tamp::prune_model(host, seen, half_by_wanda);
  BOOST_TEST(report.heading() == "wanda, uniform 0.5, per_row (1 of 2 layers by magnitude)");
  BOOST_TEST((host.weights[0].down == by_magnitude));
}

BOOST_AUTO_TEST_CASE(a_host_of_files_loads_each_weight_once) {
  const mlp dense(2, 8, 12, 20);
  mlp in_memory = dense;
  const auto seen = seen_by(dense);
  host_of_files host{dense, {}};
  tamp::prune_model(host, seen, half_by_wanda);
  tamp::prune_model(in_memory, seen, half_by_wanda);
  BOOST_TEST((host.on_disk.weights == in_memory.weights));
  BOOST_TEST(host.calls == (std::vector<std::string>{"load 0.up", "finish 0.up", "load 0.down",
                                                     "finish 0.down", "load 1.up", "finish 1.up",
                                                     "load 1.down", "finish 1.down"}),
             boost::test_tools::per_element());
  // No statistics at all.
  host = {dense, {}};
  tamp::prune_model(host, compose(magnitude{}, n_of_m<2, 4>{}));
  BOOST_TEST(host.calls.size() == 8u);
}

BOOST_AUTO_TEST_CASE(a_host_of_files_learns_of_a_broken_weight_when_it_comes) {
  host_of_files host{mlp(2, 8, 12, 21), {}};
  host.on_disk.weights[1].up(3, 4) = support::not_a_number;
  const auto last = host.on_disk.weights[1].down;
  BOOST_CHECK_EXCEPTION(
      tamp::prune_model(host, compose(magnitude{}, per_row{}, uniform{0.5})), tamp::value_error,
      [](const tamp::value_error& e) {
        const std::string sentence = e.what();
        return sentence.find("row 3, column 4 of 1.up is nan") != std::string::npos &&
               sentence.find("2 of 4 layers are done (0.up, 0.down)") != std::string::npos;
      });
  BOOST_TEST(host.calls.back() == "load 1.up");
  BOOST_TEST((host.on_disk.weights[1].down == last));
}

namespace {

// Its shapes are seen once, and its weights then show another layer, or another shape.
struct changing_mlp : mlp {
  using mlp::mlp;
  bool grows = false;
  void visit_shapes(std::size_t block, auto&& visit) {
    visit(std::to_string(block) + ".up", weights[block].up.rows() - (grows ? 1 : 0),
          weights[block].up.cols());
    if (grows)
      visit(std::to_string(block) + ".down", weights[block].down.rows(),
            weights[block].down.cols());
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(
    a_host_that_shows_other_layers_than_it_said_is_refused_before_anything_is_written) {
  const auto by_magnitude = tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{},
                                          tamp::allocate::uniform{0.5});
  changing_mlp host(1, 4, 6, 1);
  const auto before = host.weights;
  support::check_error<tamp::shape_error>(
      "prune: the host shows 0.down, after the 1 layers of its block",
      [&] { tamp::prune_model(host, by_magnitude); });
  host.grows = true;
  support::check_error<tamp::shape_error>(
      "prune: the host shows 0.up of 6 x 4, and said before that it is 5 x 4",
      [&] { tamp::prune_model(host, by_magnitude); });
  BOOST_TEST((host.weights == before));
}

BOOST_AUTO_TEST_SUITE_END()
