#include <tamp/prune/detail/model_pruner.hpp>

// Interrupted runs and their continuation; and layers that nobody shows a token
// of.

#include <tamp/allocate/das.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/pattern/per_tensor.hpp>
#include <tamp/prune/prune_model.hpp>
#include <tamp/score/amia.hpp>
#include <tamp/score/sparsegpt.hpp>
#include <tamp/score/wanda.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "../../support/errors.hpp"
#include "../../support/executors.hpp"
#include "../../support/model.hpp"

BOOST_AUTO_TEST_SUITE(prune_detail_model_pruner)

using support::matrix;
using support::mlp;
using support::open_mlp;
using tamp::compose;
using tamp::allocate::uniform;
using tamp::pattern::per_row;
using tamp::pattern::per_tensor;
using tamp::score::amia;
using tamp::score::magnitude;
using tamp::score::sparsegpt;
using tamp::score::wanda;

namespace {

const auto half_by_wanda = compose(wanda{}, per_row{}, uniform{0.5});

// A host that fails when block `broken` is observed, as one that runs out of memory would.
struct host_that_fails : open_mlp {
  using open_mlp::open_mlp;
  std::size_t broken = 99;
  void observe_block(std::size_t block, auto& observer) {
    if (block == broken) throw std::runtime_error("the host's own trouble");
    open_mlp::observe_block(block, observer);
  }
};

// A weight row by row, of which the third row cannot be written.
struct host_with_bad_disk : open_mlp {
  using open_mlp::open_mlp;
  struct rows_on_disk {
    matrix<float>* numbers;
    bool* fails;
    std::size_t rows() const { return numbers->rows(); }
    std::size_t cols() const { return numbers->cols(); }
    void read_row(std::size_t i, std::span<float> to) const {
      for (std::size_t j = 0; j < to.size(); ++j) to[j] = (*numbers)(i, j);
    }
    void write_row(std::size_t i, std::span<const float> from) {
      if (*fails && i == 2) throw std::runtime_error("the disk is full");
      for (std::size_t j = 0; j < from.size(); ++j) (*numbers)(i, j) = from[j];
    }
  };
  bool fails = true;
  void visit_layers(std::size_t block, auto&& visit) {
    if (block != 1) return open_mlp::visit_layers(block, visit);
    visit(std::string("1.up"), weights[1].up);
    visit(std::string("1.down"), rows_on_disk{&weights[1].down, &fails});
  }
};

// Blocks up to `first_seen` show nothing: their samples are of another kind.
struct host_that_starts_late : mlp {
  using mlp::mlp;
  std::size_t first_seen = 0;
  void observe_block(std::size_t block, auto& observer) {
    if (block >= first_seen) mlp::observe_block(block, observer);
  }
  void advance(std::size_t block) {
    if (block >= first_seen) mlp::advance(block);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_report_of_ones_own_is_true_when_the_host_throws) {
  const host_that_fails dense(3, 8, 12, 1);
  host_that_fails whole = dense, host = dense;
  tamp::prune_model(whole, half_by_wanda);
  const auto plan = tamp::plan(host, half_by_wanda);
  host.broken = 1;
  tamp::prune_report report;
  BOOST_CHECK_THROW(tamp::prune_model(host, plan, half_by_wanda, report), std::runtime_error);
  BOOST_REQUIRE(report.layers.size() == 2u);
  BOOST_TEST(report.layers[1].name == "0.down");
  BOOST_TEST(report.next == "1.up");
  BOOST_TEST(report.unfinished == "");
  BOOST_TEST(report.heading() == "wanda, uniform 0.5, per_row (stopped before 1.up)");
  BOOST_TEST((host.weights[0] == whole.weights[0]));
  BOOST_TEST((host.weights[1] == dense.weights[1]));
  // And pruning goes on where it stopped, to the same bits.
  host.broken = 99;
  BOOST_TEST(tamp::prune_model(host, plan, half_by_wanda, report));
  BOOST_TEST((host.weights == whole.weights));
  BOOST_TEST(report.layers.size() == 6u);
  BOOST_TEST(report.next == "");
  BOOST_TEST(report.achieved() == 0.5);
}

BOOST_AUTO_TEST_CASE(what_was_cancelled_goes_on) {
  const open_mlp dense(3, 8, 12, 2);
  open_mlp whole = dense;
  const auto plan = tamp::plan(whole, half_by_wanda);
  tamp::prune_model(whole, plan, half_by_wanda);
  for (std::size_t stop_at = 0; stop_at < 9; ++stop_at) {  // three calls for each block
    open_mlp host = dense;
    tamp::prune_report report;
    std::size_t calls = 0;
    BOOST_TEST(!tamp::prune_model(host, plan, half_by_wanda, report,
                                  [&](const tamp::progress&) { return calls++ != stop_at; }));
    BOOST_TEST(report.cancelled);
    const std::size_t done = report.layers.size();
    host.calls.clear();
    BOOST_TEST(tamp::prune_model(host, plan, half_by_wanda, report));
    BOOST_TEST(!report.cancelled);
    BOOST_TEST(report.layers.size() == 6u);
    BOOST_TEST(report.next == "");
    BOOST_TEST(host.calls.front() == "rewind");
    // Between two blocks nothing shows that it was stopped.
    if (done % 2 == 0) BOOST_TEST((host.weights == whole.weights));
    for (std::size_t k = 0; k < 6; ++k) BOOST_TEST(report.layers[k].achieved() == 0.5);
    // All is done: once more does nothing.
    const auto pruned = host.weights;
    BOOST_TEST(tamp::prune_model(host, plan, half_by_wanda, report));
    BOOST_TEST((host.weights == pruned));
    BOOST_TEST(report.layers.size() == 6u);
  }
}

BOOST_AUTO_TEST_CASE(a_layer_written_in_part_is_named_and_must_be_restored) {
  const host_with_bad_disk dense(3, 8, 12, 3);
  host_with_bad_disk host = dense;
  const auto plan = tamp::plan(host, half_by_wanda);
  tamp::prune_report report;
  BOOST_CHECK_THROW(tamp::prune_model(support::one_thread, host, plan, half_by_wanda, report),
                    std::runtime_error);
  BOOST_TEST(report.layers.size() == 3u);
  BOOST_TEST(report.unfinished == "1.down");
  BOOST_TEST(report.next == "1.down");
  support::check_error<tamp::value_error>(
      "prune: of 1.down only a part was written; restore its weights and clear `unfinished` of the "
      "report to go on",
      [&] { tamp::prune_model(host, plan, half_by_wanda, report); });
  host.weights[1].down = dense.weights[1].down;
  host.fails = false;
  report.unfinished.clear();
  BOOST_TEST(tamp::prune_model(host, plan, half_by_wanda, report));
  BOOST_TEST(report.achieved() == 0.5);
}

BOOST_AUTO_TEST_CASE(a_report_of_another_plan_or_a_host_that_cannot_go_back_is_refused) {
  open_mlp host(2, 8, 12, 4);
  const auto plan = tamp::plan(host, half_by_wanda);
  const auto dense = host.weights;
  tamp::prune_report other;
  other.layers.resize(1);
  other.layers[0].name = "head";
  support::check_error<tamp::value_error>(
      "prune: layer 0 of the report to go on from is head, that of the plan 0.up",
      [&] { tamp::prune_model(host, plan, half_by_wanda, other); });
  mlp one_way(2, 8, 12, 4);
  other.layers[0].name = "0.up";
  support::check_error<tamp::value_error>(
      "prune: to go on after 1 layer, the host needs a rewind()",
      [&] { tamp::prune_model(one_way, plan, half_by_wanda, other); });
  BOOST_TEST((host.weights == dense));
  BOOST_TEST((one_way.weights == dense));
}

BOOST_AUTO_TEST_CASE(where_no_layer_saw_a_token_nothing_is_written) {
  host_that_starts_late host(3, 8, 12, 5);
  host.first_seen = 3;
  const auto dense = host.weights;
  support::check_error<tamp::value_error>(
      "prune: wanda looks at what layers see, and none of 6 layers saw a calibration token; "
      "nothing "
      "was written",
      [&] { tamp::prune_model(host, half_by_wanda); });
  BOOST_TEST((host.weights == dense));
}

BOOST_AUTO_TEST_CASE(blocks_that_wait_for_the_first_token_are_pruned_by_magnitude) {
  const host_that_starts_late dense(3, 8, 12, 6);
  for (const std::size_t first_seen : {1u, 2u}) {
    host_that_starts_late host = dense;
    host.first_seen = first_seen;
    std::vector<std::string> told;
    const auto report = tamp::prune_model(host, half_by_wanda, [&](const tamp::progress& p) {
      told.emplace_back(p.layer);
      return true;
    });
    BOOST_REQUIRE(report.layers.size() == 6u);
    for (std::size_t k = 0; k < 6; ++k) {
      BOOST_TEST(report.layers[k].block == k / 2);
      BOOST_TEST(report.layers[k].fell_back == (k / 2 < first_seen));
    }
    mlp by_magnitude = dense;
    tamp::prune_model(by_magnitude, compose(magnitude{}, per_row{}, uniform{0.5}));
    for (std::size_t b = 0; b < first_seen; ++b)
      BOOST_TEST((host.weights[b] == by_magnitude.weights[b]));
    BOOST_TEST(told.size() == 9u);
    BOOST_TEST(report.heading() == "wanda, uniform 0.5, per_row (" +
                                       std::to_string(2 * first_seen) +
                                       " of 6 layers by magnitude)");
  }
}

BOOST_AUTO_TEST_CASE(tokens_that_came_by_count_and_not_those_that_were_selected) {
  const open_mlp dense(2, 8, 12, 7);  // 18 tokens in 3 samples, of which AMIA takes some
  const auto by_amia = compose(amia{}, per_row{}, uniform{0.5});
  open_mlp host = dense, expected = dense;
  tamp::plan_options options;
  options.fewest_tokens = 18;
  const auto report = tamp::prune_model(host, tamp::plan(host, by_amia, options), by_amia);
  tamp::prune_model(expected, by_amia);
  for (const auto& layer : report.layers) {
    BOOST_TEST(layer.tokens == 18u);
    BOOST_TEST(!layer.fell_back);
    BOOST_TEST(layer.score == "amia");
  }
  BOOST_TEST((host.weights == expected.weights));
  options.fewest_tokens = 19;
  host = dense;
  const auto blind = tamp::prune_model(host, tamp::plan(host, by_amia, options), by_amia);
  BOOST_TEST(blind.fallbacks() == 4u);
  BOOST_TEST(blind.heading() == "amia, uniform 0.5, per_row (4 of 4 layers by magnitude)");
}

BOOST_AUTO_TEST_CASE(the_heading_names_the_recipe_of_a_plan_that_was_made_for_another) {
  open_mlp host(2, 8, 12, 8);
  const auto plan = tamp::plan(host, compose(magnitude{}, per_tensor{}, tamp::allocate::das{0.4}));
  const auto report = tamp::prune_model(host, plan, half_by_wanda);
  BOOST_TEST(report.heading() ==
             "wanda, per_row, sparsities as planned for: magnitude, das 0.4 0.5, per_tensor");
}

BOOST_AUTO_TEST_CASE(the_report_counts_what_is_zero_in_memory) {
  open_mlp host(1, 8, 12, 9);
  std::size_t before = 0;
  for (std::size_t i = 0; i < 12; ++i)
    for (std::size_t j = 0; j < 8; ++j)
      if (j < 6) host.weights[0].up(i, j) = 0, ++before;
  const auto report = tamp::prune_model(host, half_by_wanda);
  std::size_t zeros = 0;
  for (std::size_t k = 0; k < 96; ++k) zeros += host.weights[0].up.data()[k] == 0;
  BOOST_TEST(zeros == before);
  BOOST_TEST(report.layers[0].kept == 48u);
  BOOST_TEST(report.layers[0].kept_zeros == before - 48);
  BOOST_TEST(report.layers[0].achieved() == static_cast<double>(zeros) / 96);
  BOOST_TEST(report.layers[1].achieved() == 0.5);
}

BOOST_AUTO_TEST_CASE(weights_of_dead_inputs_that_sparsegpt_zeroes_are_reported) {
  open_mlp dense(1, 8, 12, 10);
  for (auto& x : dense.samples)
    for (std::size_t t = 0; t < x.rows(); ++t)
      for (std::size_t j = 0; j < 6; ++j) x(t, j) = 0;
  auto host = dense.with_samples(dense.samples);
  const auto report = tamp::prune_model(host, compose(sparsegpt{}, per_row{}, uniform{0.5}));
  for (const auto& [layer, weight] : {std::pair(&report.layers[0], &host.weights[0].up),
                                      std::pair(&report.layers[1], &host.weights[0].down)}) {
    std::size_t zeros = 0;
    for (std::size_t k = 0; k < 96; ++k) zeros += weight->data()[k] == 0;
    BOOST_TEST(layer->zeros() == zeros);
    BOOST_TEST(layer->kept == 96 - zeros);
  }
  BOOST_TEST(report.layers[0].dead_inputs == 6u);
  BOOST_TEST(report.layers[0].achieved() >= 0.75);
}

BOOST_AUTO_TEST_SUITE_END()
