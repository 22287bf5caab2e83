#include <tamp/prune/detail/layer_pruner.hpp>

// The action of a recipe on one layer: what it decides, reports and writes. Whole models are in
// model_pruner.cpp.

#include <tamp/allocate/uniform.hpp>
#include <tamp/execute/sequential.hpp>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/prune/compose.hpp>
#include <tamp/score/sparsegpt.hpp>
#include <tamp/score/wanda.hpp>

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(prune_detail_layer_pruner)

using tamp::compose;
using tamp::allocate::uniform;
using tamp::detail::layer_decision;
using tamp::detail::layer_pruner;
using tamp::pattern::n_of_m;
using tamp::pattern::per_row;
using tamp::score::sparsegpt;
using tamp::score::wanda;
using numbers = std::vector<float>;

namespace {

const tamp::pruning_plan one_layer{
    "wanda, uniform 0.5, per_row", {{"a", 0, 1, 4, 0.5}}, {}, /* fewest_tokens = */ 2};

// A layer of one row, and what is reported of it.
struct layer {
  numbers weights{4, -1, 2, -3};
  tamp::matrix_view<float> view{weights.data(), 1, 4};
  tamp::prune_report report;
  tamp::progress_callback on_progress;
  tamp::detail::running_report running{one_layer, report, on_progress, 1, {"recipe", "score", ""}};
  tamp::layer_report done = tamp::detail::untouched(one_layer.layers[0]);

  auto pruner(const auto& recipe) {
    static const tamp::execute::sequential in_order;
    running.begin();
    return layer_pruner(tamp::detail::any_executor(in_order), recipe.at(0), running);
  }
};

// Norms of 1, 9, 1 and 1 after some tokens.
tamp::stat::column_norm norms(std::uint64_t tokens) {
  return tamp::stat::column_norm::of(numbers{1, 9, 1, 1}, tokens);
}

const auto half_by_wanda = compose(wanda{}, per_row{}, uniform{0.9});

}  // namespace

// Scores: 4, 9, 2, 3. The report asks for half, and not for what the recipe itself says.
BOOST_AUTO_TEST_CASE(the_asked_sparsity_is_that_of_the_report) {
  layer l;
  l.pruner(half_by_wanda)(l.view, l.done, norms(2), nullptr);
  BOOST_TEST(l.weights == (numbers{4, -1, 0, 0}), boost::test_tools::per_element());
  BOOST_TEST(l.done.kept == 2u);
  BOOST_TEST(l.done.tokens == 2u);
  BOOST_TEST(l.done.score == "score");
  BOOST_TEST(!l.done.fell_back);
  BOOST_TEST(l.report.unfinished == "a");  // until the caller adds it to the report
}

BOOST_AUTO_TEST_CASE(a_decision_is_handed_over_and_nothing_is_written) {
  layer l;
  layer_decision decision;
  l.pruner(half_by_wanda)(l.view, l.done, norms(2), &decision);
  BOOST_TEST(l.weights == (numbers{4, -1, 2, -3}), boost::test_tools::per_element());
  BOOST_TEST(l.report.unfinished == "");
  BOOST_TEST(!decision.repairs);
  BOOST_TEST(decision.keep.count() == 2u);
  BOOST_TEST(decision.keep(0, 0));
  BOOST_TEST(decision.keep(0, 1));
}

BOOST_AUTO_TEST_CASE(too_few_tokens_make_it_magnitude) {
  for (const std::uint64_t tokens : {0u, 1u}) {
    layer l;
    l.pruner(half_by_wanda)(l.view, l.done, norms(tokens), nullptr);
    BOOST_TEST(l.weights == (numbers{4, 0, 0, -3}), boost::test_tools::per_element());
    BOOST_TEST(l.done.fell_back);
    BOOST_TEST(l.done.score == "magnitude");
    BOOST_TEST(l.done.tokens == tokens);
  }
}

BOOST_AUTO_TEST_CASE(repaired_weights_are_handed_over_with_their_mask) {
  const auto recipe = compose(sparsegpt{}, n_of_m<2, 4>{});
  BOOST_TEST(layer().pruner(recipe).fixed_sparsity().value() == 0.5);
  BOOST_TEST(!layer().pruner(half_by_wanda).fixed_sparsity().has_value());
  numbers inputs{1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  layer l, written;
  auto gram = l.pruner(recipe).empty_statistic();
  BOOST_TEST(gram.tokens() == 0u);
  gram.add(tamp::view(inputs, 4, 4));
  layer_decision decision;
  l.pruner(recipe)(l.view, l.done, gram, &decision);
  BOOST_TEST(decision.repairs);
  written.pruner(recipe)(written.view, written.done, gram, nullptr);
  for (std::size_t j = 0; j < 4; ++j)
    BOOST_TEST(static_cast<float>(decision.weights()(0, j)) == written.weights[j]);
  BOOST_TEST(written.done.kept == 2u);
  BOOST_TEST(l.weights == (numbers{4, -1, 2, -3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
