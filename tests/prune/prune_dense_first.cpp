// Pruning with an allocation that looks at the dense model first, and with what a plan leaves out.
#include <tamp/prune/prune_model.hpp>

#include <tamp/allocate/owl.hpp>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/score/wanda.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <string>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/model.hpp"

BOOST_AUTO_TEST_SUITE(prune_dense_first)

using support::matrix;
using support::open_mlp;
using tamp::compose;
using tamp::observable;
using tamp::allocate::owl;
using tamp::allocate::uniform;
using tamp::pattern::n_of_m;
using tamp::pattern::per_row;
using tamp::score::magnitude;
using tamp::score::wanda;

namespace {

const auto by_outliers = compose(wanda{}, per_row{}, owl<>{0.5, 3, 0.3});
const auto half_by_wanda = compose(wanda{}, per_row{}, uniform{0.5});

// A host of the same model that shows nothing but inputs.
struct plain_host : open_mlp {
  using open_mlp::open_mlp;
  static constexpr observable shows = observable::input;
  void observe_block(std::size_t block, auto& observer) { mlp::observe_block(block, observer); }
};

// Block 1's layer 2 is an expert that `sent` tokens of the first sample are sent to.
struct host_with_expert : open_mlp {
  using open_mlp::open_mlp;
  matrix<float> expert = support::random_matrix(6, 8, 77);
  std::size_t sent = 0;
  void visit_layers(std::size_t block, auto&& visit) {
    open_mlp::visit_layers(block, visit);
    if (block == 1) visit("1.expert", expert);
  }
  void observe_block(std::size_t block, auto& observer) {
    open_mlp::observe_block(block, observer);
    if (block != 1) return;
    matrix<float> x(sent, 8);
    std::vector<std::size_t> tokens;
    for (std::size_t t = 0; t < sent; ++t) {
      tokens.push_back(t);
      for (std::size_t j = 0; j < 8; ++j) x(t, j) = samples[0](t, j);
    }
    observer.linear(2, x, support::linear(x, expert), tokens);
  }
};

// q and k see the same input, as the host says; v does too, but it does not say so.
struct host_with_shared_input {
  static constexpr observable shows = observable::input;
  std::vector<matrix<float>> weights = {support::random_matrix(6, 8, 1),
                                        support::random_matrix(6, 8, 2),
                                        support::random_matrix(6, 8, 3)};
  std::vector<matrix<float>> samples = {support::random_matrix(5, 8, 4),
                                        support::random_matrix(7, 8, 5)};
  bool silent = false;
  std::size_t blocks() const { return 1; }
  void visit_layers(std::size_t, auto&& visit) {
    visit("q", weights[0]);
    visit("k", weights[1]);
    visit("v", weights[2]);
  }
  void observe_block(std::size_t, auto& observer) {
    for (const auto& x : samples)
      for (std::size_t layer = 0; layer < 3; ++layer)
        // The inputs of k are not looked at once q has been seen.
        observer.input(layer, layer == 1 && !silent ? matrix<float>(1, 8, 1e6f) : x);
  }
  void advance(std::size_t) {}
  std::size_t input_of(std::size_t, std::size_t layer) const {
    return layer == 1 && !silent ? 0 : layer;
  }
};

// The second block's up projection is the first one's.
struct host_with_tie : open_mlp {
  using open_mlp::open_mlp;
  void visit_layers(std::size_t block, auto&& visit) {
    visit(std::to_string(block) + ".up", weights[0].up);
    visit(std::to_string(block) + ".down", weights[block].down);
  }
};

// A host that says at run time what it shows: nothing.
struct host_that_shows_nothing : open_mlp {
  using open_mlp::open_mlp;
  observable shows() const { return observable::none; }
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_dense_pass_is_followed_by_a_pruning_pass_and_each_is_rewound) {
  open_mlp host(3, 8, 12, 1);
  tamp::prune_model(host, by_outliers);
  BOOST_TEST(
      host.calls == (std::vector<std::string>{"rewind", "observe 0", "advance 0", "observe 1",
                                              "advance 1", "observe 2", "rewind", "observe 0",
                                              "advance 0", "observe 1", "advance 1", "observe 2"}),
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(one_call_is_plan_and_prune) {
  open_mlp host(3, 16, 24, 2), in_steps(3, 16, 24, 2);
  const auto report = tamp::prune_model(host, by_outliers);
  auto seen = tamp::calibration_for(by_outliers.allocate);
  tamp::calibrate(in_steps, seen);
  const auto plan = tamp::plan(in_steps, seen, by_outliers);
  tamp::prune_model(in_steps, plan, by_outliers);
  BOOST_TEST((host.weights == in_steps.weights));
  bool uneven = false;
  for (std::size_t k = 0; k < 6; ++k) {
    BOOST_TEST(report.layers[k].asked == plan.layers[k].sparsity);
    uneven = uneven || plan.layers[k].sparsity != plan.layers[0].sparsity;
  }
  BOOST_TEST(uneven, "else this test would show nothing");
}

BOOST_AUTO_TEST_CASE(threads_change_no_bit_of_the_model) {
  open_mlp expected(2, 16, 24, 3);
  tamp::prune_model(support::one_thread, expected, by_outliers);
  for (const auto& exec : support::every_executor) {
    open_mlp host(2, 16, 24, 3);
    tamp::prune_model(exec, host, by_outliers);
    BOOST_TEST((host.weights == expected.weights), exec);
  }
}

BOOST_AUTO_TEST_CASE(a_host_that_shows_more_than_is_asked_for_is_pruned_alike) {
  open_mlp open(2, 8, 12, 4);
  plain_host plain(2, 8, 12, 4);
  tamp::prune_model(open, by_outliers);
  tamp::prune_model(plain, by_outliers);
  BOOST_TEST((open.weights == plain.weights));
}

BOOST_AUTO_TEST_CASE(one_that_is_cancelled_in_the_dense_pass_writes_nothing) {
  open_mlp host(3, 8, 12, 5);
  const auto dense = host.weights;
  for (std::size_t stop = 0; stop < 3; ++stop) {
    const auto report = tamp::prune_model(host, by_outliers, [&](const tamp::progress& p) {
      BOOST_TEST(p.dense);
      return p.block != stop;
    });
    BOOST_TEST(report.cancelled);
    BOOST_TEST(report.layers.empty());
    BOOST_TEST(report.recipe == by_outliers.label());
    BOOST_TEST((host.weights == dense));
  }
  // In the pass after it, it is cancelled as ever.
  const auto report =
      tamp::prune_model(host, by_outliers, [](const tamp::progress& p) { return p.dense; });
  BOOST_TEST(report.cancelled);
  BOOST_TEST((host.weights == dense));
}

BOOST_AUTO_TEST_CASE(a_layer_that_fewer_tokens_came_to_is_pruned_by_magnitude) {
  const host_with_expert dense(2, 8, 12, 6);
  auto by_magnitude = dense.expert;
  tamp::prune(by_magnitude, compose(magnitude{}, per_row{}, uniform{0.5}));
  for (const std::size_t sent : {0u, 1u, 3u, 4u}) {
    host_with_expert host = dense;
    host.sent = sent;
    tamp::plan_options options;
    options.fewest_tokens = 4;
    const auto report =
        tamp::prune_model(host, tamp::plan(host, half_by_wanda, options), half_by_wanda);
    BOOST_TEST(report.layers[4].fell_back == (sent < 4));
    BOOST_TEST(report.layers[4].tokens == sent);
    BOOST_TEST(report.layers[4].achieved() == 0.5);
    BOOST_TEST((host.expert == by_magnitude) == (sent < 4));
    BOOST_TEST(!report.layers[3].fell_back);
  }
  // Of itself one token is enough, none is not, and 0 means the same as 1.
  for (const std::size_t fewest : {0u, 1u})
    for (const std::size_t sent : {0u, 1u}) {
      host_with_expert host = dense;
      host.sent = sent;
      auto plan = tamp::plan(host, half_by_wanda);
      plan.fewest_tokens = fewest;
      BOOST_TEST(tamp::prune_model(host, plan, half_by_wanda).layers[4].fell_back == (sent == 0));
    }
}

BOOST_AUTO_TEST_CASE(what_layers_share_is_measured_once_and_prunes_alike) {
  host_with_shared_input sharing, silent;
  silent.silent = true;
  const auto report = tamp::prune_model(sharing, half_by_wanda);
  tamp::prune_model(silent, half_by_wanda);
  BOOST_TEST((sharing.weights == silent.weights));
  BOOST_TEST(report.layers[1].tokens == 12u);
}

BOOST_AUTO_TEST_CASE(a_tied_weight_is_pruned_once_and_named) {
  host_with_tie host(2, 8, 12, 7);
  open_mlp untied(2, 8, 12, 7);
  const auto report = tamp::prune_model(host, half_by_wanda);
  tamp::prune_model(untied, half_by_wanda);
  BOOST_TEST((host.weights[0].up == untied.weights[0].up));
  BOOST_TEST(report.layers[2].tied_to == "0.up");
  BOOST_TEST(report.layers[2].kept == 96u);
  BOOST_TEST(report.achieved() == 0.5);
  // A plan that knows nothing of the tie is for another model.
  host_with_tie fresh(2, 8, 12, 7);
  auto plan = tamp::plan(fresh, half_by_wanda);
  plan.layers[2].tied_to.clear();
  support::check_error<tamp::value_error>(
      "prune: in the model, 1.up is tied to 0.up; in the plan, to nothing",
      [&] { tamp::prune_model(fresh, plan, half_by_wanda); });
}

BOOST_AUTO_TEST_CASE(excluded_layers_stay_dense_with_any_pattern) {
  const open_mlp dense(2, 8, 12, 8);
  tamp::plan_options options;
  options.exclude = {"?.up"};
  const auto check = [&](const auto& recipe) {
    open_mlp host = dense;
    const auto report = tamp::prune_model(host, tamp::plan(host, recipe, options), recipe);
    for (std::size_t b = 0; b < 2; ++b) {
      BOOST_TEST((host.weights[b].up == dense.weights[b].up));
      BOOST_TEST(report.layers[2 * b].excluded);
      BOOST_TEST(report.layers[2 * b].achieved() == 0.0);
      BOOST_TEST(report.layers[2 * b + 1].achieved() == 0.5);
    }
    BOOST_TEST(report.achieved() == 0.5);
  };
  check(half_by_wanda);
  check(compose(wanda{}, n_of_m<2, 4>{}));
  check(compose(magnitude{}, n_of_m<2, 4>{}));
}

BOOST_AUTO_TEST_CASE(a_block_that_is_excluded_is_not_observed) {
  open_mlp host(3, 8, 12, 9);
  tamp::plan_options options;
  options.exclude = {"1.*"};
  tamp::prune_model(host, tamp::plan(host, half_by_wanda, options), half_by_wanda);
  BOOST_TEST(host.calls == (std::vector<std::string>{"rewind", "observe 0", "advance 0",
                                                     "advance 1", "observe 2"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_excluded_layer_that_shall_lose_something_is_refused) {
  open_mlp host(2, 8, 12, 10);
  auto plan = tamp::plan(host, half_by_wanda);
  plan.layers[1].excluded = true;
  support::check_error<tamp::value_error>(
      "prune: the plan gives 0.down a sparsity of 0.5, but says that it is excluded",
      [&] { tamp::prune_model(host, plan, half_by_wanda); });
  plan.layers[1].sparsity = 0;  // excluded by hand
  const auto dense = host.weights;
  tamp::prune_model(host, plan, half_by_wanda);
  BOOST_TEST((host.weights[0].down == dense[0].down));
  BOOST_TEST((host.weights[1].down != dense[1].down));
}

BOOST_AUTO_TEST_CASE(what_a_host_does_not_show_is_refused_before_anything_is_written) {
  host_that_shows_nothing host(2, 8, 12, 11);
  const auto dense = host.weights;
  const std::string sentence = "this recipe looks at input, which the host does not show";
  support::check_error<tamp::value_error>(sentence,
                                          [&] { tamp::prune_model(host, half_by_wanda); });
  support::check_error<tamp::value_error>(sentence, [&] { tamp::prune_model(host, by_outliers); });
  BOOST_TEST(host.calls.empty());
  BOOST_TEST((host.weights == dense));
}

BOOST_AUTO_TEST_CASE(notes_of_the_plan_are_in_the_report) {
  open_mlp host(2, 8, 12, 12);
  auto plan = tamp::plan(host, half_by_wanda);
  plan.notes = {"edited by hand"};
  BOOST_TEST(tamp::prune_model(host, plan, half_by_wanda).notes == plan.notes,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
