#include <tamp/mpi/prune_model.hpp>

#include <tamp/allocate/owl.hpp>
#include <tamp/allocate/uniform.hpp>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/refine/repair.hpp>
#include <tamp/refine/swaps.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/sparsegpt.hpp>
#include <tamp/score/wanda.hpp>
#include <tamp/stat/only_modality.hpp>
#include <tamp/stat/reach.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../support/mixing_model.hpp"
#include "../support/model.hpp"
#include "support.hpp"

BOOST_AUTO_TEST_SUITE(mpi_prune_model)

using support::check_error_on_all;
using support::host_of;
using support::matrix;
using support::model_with_samples;
using support::open_mlp;
using support::weights_of;
using tamp::mpi::ranks;
using tamp::score::magnitude;
using tamp::score::sparsegpt;
using tamp::score::wanda;

namespace {

constexpr std::size_t count = 13;  // samples

tamp::allocate::uniform half{0.5};
const tamp::pattern::per_row per_row;

struct result {
  std::uint64_t weights;
  tamp::prune_report report;
};
template <class Recipe>
result pruned(MPI_Comm comm, const Recipe& recipe) {
  const ranks where(comm, count);
  auto host = host_of(where, count);
  auto report = tamp::prune_model(where, host, recipe);
  return {weights_of(host), std::move(report)};
}

// The same but for times.
void check_same(const tamp::prune_report& a, const tamp::prune_report& b) {
  BOOST_TEST(a.heading() == b.heading());
  BOOST_TEST(a.layers.size() == b.layers.size());
  for (std::size_t k = 0; k < a.layers.size(); ++k) {
    const auto &x = a.layers[k], &y = b.layers[k];
    BOOST_TEST(x.name == y.name);
    BOOST_TEST(x.kept == y.kept);
    BOOST_TEST(x.kept_zeros == y.kept_zeros);
    BOOST_TEST(x.tokens == y.tokens);
    BOOST_TEST(x.dead_inputs == y.dead_inputs);
    BOOST_TEST(x.score == y.score);
    BOOST_TEST(x.fell_back == y.fell_back);
    BOOST_TEST(x.note == y.note);
    BOOST_TEST((x.error == y.error));
  }
}

template <class Recipe>
void check_same_bits(const Recipe& recipe) {
  const result together = pruned(MPI_COMM_WORLD, recipe), alone = pruned(MPI_COMM_SELF, recipe);
  BOOST_TEST(together.weights == alone.weights);
  check_same(together.report, alone.report);
  BOOST_TEST(together.report.achieved() > 0.4);
}

// Both layers of a block see one input, as q and k do, and have one owner.
struct shared_input : open_mlp {
  explicit shared_input(open_mlp host) : open_mlp(std::move(host)) {}
  static constexpr tamp::observable shows = tamp::observable::input;
  std::size_t input_of(std::size_t, std::size_t) const { return 0; }
  void visit_layers(std::size_t block, auto&& visit) {
    visit(std::to_string(block) + ".q", weights[block].up);
    visit(std::to_string(block) + ".k", weights[(block + 1) % weights.size()].up);
  }
  void observe_block(std::size_t, auto& observer) {
    for (const auto& x : samples) observer.input(0, x);
  }
};

// A host whose layers cannot be visited any more after some visits.
struct failing_host : open_mlp {
  failing_host(open_mlp host, int after) : open_mlp(std::move(host)), visits_left(after) {}
  int visits_left;  // or below 0
  void visit_layers(std::size_t block, auto&& visit) {
    open_mlp::visit_layers(block, [&](std::string_view name, auto& weight) {
      if (visits_left == 0) throw std::runtime_error("the disk is gone");
      if (visits_left > 0) --visits_left;
      visit(name, weight);
    });
  }
};

// Expert 0 gets the even samples, expert 1 the odd ones.
struct experts : open_mlp {
  explicit experts(open_mlp host, std::uint64_t from) : open_mlp(std::move(host)), first(from) {}
  static constexpr tamp::observable shows = tamp::observable::input;
  std::uint64_t first;
  void visit_layers(std::size_t block, auto&& visit) {
    visit(std::to_string(block) + ".expert0", weights[block].up);
    visit(std::to_string(block) + ".expert1", weights[(block + 1) % weights.size()].up);
  }
  void observe_block(std::size_t, auto& observer) {
    const matrix<float> none(0, 16);
    for (std::size_t s = 0; s < samples.size(); ++s) {
      const bool is_odd = (first + s) % 2 != 0;
      observer.input(0, is_odd ? none : samples[s]);
      observer.input(1, is_odd ? samples[s] : none);
    }
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(ranks_weigh_tokens_by_the_dense_model) {
  const auto recipe = tamp::compose(wanda{}, tamp::stat::reach{}, half, per_row);
  const auto pruned_by_reach = [&](MPI_Comm comm) {
    const ranks where(comm, count);
    support::mixing_mlp host(3, 4, 6, 1);
    static_cast<open_mlp&>(host) = host_of(where, count);
    auto report = tamp::prune_model(where, host, recipe);
    return result{weights_of(host), std::move(report)};
  };
  const result together = pruned_by_reach(MPI_COMM_WORLD), alone = pruned_by_reach(MPI_COMM_SELF);
  BOOST_TEST(together.weights == alone.weights);
  BOOST_TEST(together.report.recipe == "wanda by reach, uniform 0.5, per_row");
  BOOST_TEST(together.weights !=
             pruned(MPI_COMM_SELF, tamp::compose(wanda{}, half, per_row)).weights);
}

BOOST_AUTO_TEST_CASE(ranks_weigh_tokens_with_the_parameters_of_the_recipe) {
  check_same_bits(
      tamp::compose(wanda{}, tamp::stat::only_modality{tamp::modality::image}, half, per_row));
}

BOOST_AUTO_TEST_CASE(all_ranks_get_the_weights_of_one) {
  check_same_bits(tamp::compose(wanda{}, per_row, half));
  check_same_bits(tamp::compose(magnitude{}, per_row, half));
  check_same_bits(tamp::compose(wanda{}, tamp::pattern::n_of_m<2, 4>{}));
}

BOOST_AUTO_TEST_CASE(weights_that_are_repaired_are_copied) {
  check_same_bits(tamp::compose(sparsegpt{}, per_row, half));
}

BOOST_AUTO_TEST_CASE(refined_masks_and_the_errors_of_layers_are_copied) {
  using tamp::refine::swaps;
  check_same_bits(tamp::compose(wanda{}, per_row, half, swaps{5}));
  check_same_bits(
      tamp::compose(wanda{}, tamp::pattern::n_of_m<2, 4>{}, swaps{5}, tamp::refine::repair{}));
}

BOOST_AUTO_TEST_CASE(layers_with_one_input_share_a_gram_matrix_on_one_rank) {
  const auto result_of = [](MPI_Comm comm) {
    const ranks where(comm, count);
    shared_input host(host_of(where, count));
    const auto report = tamp::prune_model(where, host, tamp::compose(sparsegpt{}, per_row, half));
    BOOST_TEST(report.layers[1].tokens == 13u * 6 - 1);
    return weights_of(host);
  };
  BOOST_TEST(result_of(MPI_COMM_WORLD) == result_of(MPI_COMM_SELF));
}

BOOST_AUTO_TEST_CASE(allocations_that_read_the_model_look_at_all_samples) {
  check_same_bits(tamp::compose(wanda{}, per_row, tamp::allocate::owl<wanda>{.sparsity = 0.5}));
}

BOOST_AUTO_TEST_CASE(masks_are_those_of_one_process_without_ranks) {
  auto host = model_with_samples(count);
  const auto recipe = tamp::compose(wanda{}, per_row, half);
  const auto report = tamp::prune_model(host, recipe);
  const result together = pruned(MPI_COMM_WORLD, recipe);
  BOOST_TEST(together.weights == weights_of(host));
  check_same(together.report, report);
}

BOOST_AUTO_TEST_CASE(statistics_and_plan_may_be_given) {
  const ranks where(MPI_COMM_WORLD, count);
  auto host = host_of(where, count);
  const auto recipe = tamp::compose(wanda{}, per_row, half);
  auto seen = tamp::calibration_for(wanda{});
  tamp::calibrate(where, host, seen);
  auto other = host;
  tamp::prune_model(where, host, seen, recipe);
  const tamp::pruning_plan plan = tamp::plan(other, recipe);
  tamp::prune_report report;
  BOOST_TEST(tamp::prune_model(where, other, seen, plan, recipe, report));
  BOOST_TEST(weights_of(host) == weights_of(other));
  BOOST_TEST(where.all(true));
}

BOOST_AUTO_TEST_CASE(experts_of_some_samples_see_them_in_order) {
  const auto result_of = [&](MPI_Comm comm) {
    const ranks where(comm, count);
    experts host(host_of(where, count), where.samples().first);
    const auto report = tamp::prune_model(where, host, tamp::compose(wanda{}, per_row, half));
    BOOST_TEST(report.layers[0].tokens + report.layers[1].tokens == 13u * 6 - 1);
    return weights_of(host);
  };
  BOOST_TEST(result_of(MPI_COMM_WORLD) == result_of(MPI_COMM_SELF));
}

BOOST_AUTO_TEST_CASE(one_that_was_stopped_on_any_rank_goes_on) {
  const ranks where(MPI_COMM_WORLD, count);
  auto host = host_of(where, count);
  const auto recipe = tamp::compose(wanda{}, per_row, half);
  const auto plan = tamp::plan(host, recipe);
  tamp::prune_report report;
  BOOST_TEST(!tamp::prune_model(where, host, plan, recipe, report, [&](const tamp::progress& p) {
    return where.rank() != where.size() - 1 || p.layers_done != 2;
  }));
  BOOST_TEST(report.cancelled);
  BOOST_TEST(report.layers.size() == 2u);
  BOOST_TEST(tamp::prune_model(where, host, plan, recipe, report));
  BOOST_TEST(weights_of(host) == pruned(MPI_COMM_SELF, recipe).weights);
}

BOOST_AUTO_TEST_CASE(an_error_on_one_rank_leaves_all_as_they_were) {
  const ranks where(MPI_COMM_WORLD, count);
  const std::size_t last = where.size() - 1;
  const auto recipe = tamp::compose(wanda{}, per_row, half);
  auto host = host_of(where, count);
  const std::uint64_t before = weights_of(host);
  if (where.rank() == last) {
    auto samples = host.samples;
    samples.back()(2, 3) = std::numeric_limits<float>::quiet_NaN();
    auto poisoned = host.with_samples(samples);
    host = poisoned;
  }
  check_error_on_all<tamp::value_error>(where, last,
                                        "column_norm: the activation of token 2, feature 3 is nan",
                                        [&] { tamp::prune_model(where, host, recipe); });
  BOOST_TEST(weights_of(host) == before);
}

BOOST_AUTO_TEST_CASE(a_host_that_fails_on_one_rank_leaves_none_waiting) {
  const ranks where(MPI_COMM_WORLD, count);
  const std::size_t last = where.size() - 1;
  for (const int visit : {0, 4, 9}) {
    failing_host host(host_of(where, count), where.rank() == last ? visit : -1);
    BOOST_CHECK_THROW(tamp::prune_model(where, host, tamp::compose(wanda{}, per_row, half)),
                      std::exception);
    BOOST_TEST(where.all(true));
  }
}

BOOST_AUTO_TEST_CASE(plans_that_differ_are_refused) {
  const ranks where(MPI_COMM_WORLD, count);
  if (where.size() == 1) return;
  auto host = host_of(where, count);
  const auto recipe = tamp::compose(magnitude{}, per_row, half);
  const auto plan = tamp::plan(host, recipe);
  const auto refused = [&](const auto& change) {
    auto mine = plan;
    if (where.rank() == 1) change(mine.layers[0]);
    try {
      tamp::prune_model(where, host, mine, recipe);
      BOOST_ERROR("nothing was refused");
    } catch (const tamp::value_error& e) {
      const std::string_view sentence = e.what();
      BOOST_TEST(sentence.find("prune: the plan differs from that of rank 0: ") != sentence.npos);
    }
  };
  refused([](tamp::planned_layer& layer) { layer.sparsity = 0.25; });
  refused([](tamp::planned_layer& layer) { layer.excluded = true; });
  refused([](tamp::planned_layer& layer) { layer.drop = 0; });
}

BOOST_AUTO_TEST_CASE(the_dearest_layers_are_divided_first) {
  using tamp::detail::divided;
  const std::size_t costs[] = {3, 9, 4, 5};
  BOOST_TEST(divided(costs, 2) == (std::vector<std::size_t>{0, 0, 1, 1}),
             boost::test_tools::per_element());
  BOOST_TEST(divided(costs, 1) == (std::vector<std::size_t>{0, 0, 0, 0}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
