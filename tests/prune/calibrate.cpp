#include <tamp/prune/calibrate.hpp>

#include <tamp/execute/sequential.hpp>
#include <tamp/stat/column_norm.hpp>
#include <tamp/stat/hidden_change.hpp>
#include <tamp/stat/pairwise.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/model.hpp"

BOOST_AUTO_TEST_SUITE(prune_calibrate)

using support::open_mlp;
using tamp::calibration;
using tamp::observable;
using tamp::detail::hexadecimal;
using tamp::stat::column_norm;
using tamp::stat::hidden_change;

namespace {

using both = calibration<column_norm, hidden_change>;

// A statistic with a parameter.
struct clipped_norm : column_norm {
  int clip = 0;
  clipped_norm() = default;
  explicit clipped_norm(int at) : clip(at) {}
  std::string label() const { return "clipped_norm " + std::to_string(clip); }
  friend bool operator==(const clipped_norm&, const clipped_norm&) = default;
};

struct wants_norm {
  using needs = column_norm;
};
struct wants_change {
  using needs = hidden_change;
};
struct wants_clipped {
  using needs = clipped_norm;
  int clip = 0;
  clipped_norm statistic() const { return clipped_norm(clip); }
};
struct wants_nothing {};

// A host that says at run time what it shows.
struct host_that_tells : support::open_mlp {
  using open_mlp::open_mlp;
  observable told = observable::input;
  observable shows() const { return told; }
};

template <class Seen>
std::vector<double> numbers_of(const Seen& seen) {
  std::vector<double> all;
  seen.fields(seen, [&](std::string_view, const auto& value) {
    if constexpr (requires { value.begin(); })
      all.insert(all.end(), value.begin(), value.end());
    else
      all.push_back(static_cast<double>(value));
  });
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // One block, up = 2 x 2, down = 2 x 2, and one sample of two tokens.
  auto host = open_mlp(1, 2, 2, 1).with_samples({{{1, 3}, {0, 4}}});
  host.weights[0] = {{{2, -1}, {4, 1}}, {{1, 1}, {-7, 1}}};
  calibration<column_norm> seen;
  BOOST_TEST(!seen.complete());
  BOOST_TEST(tamp::calibrate(host, seen));
  BOOST_TEST(seen.complete());
  BOOST_TEST(seen.layers() == 2u);
  BOOST_TEST(seen.blocks() == 1u);
  BOOST_TEST(seen.blocks_done() == 1u);
  BOOST_TEST((seen.of<column_norm>(0).values() == std::vector<float>{1, 5}));
  // relu(-1, 7) and relu(-4, 4).
  BOOST_TEST((seen.of<column_norm>(1).values() == std::vector<float>{0, std::sqrt(65.0f)}));
  BOOST_TEST(seen.of<column_norm>(1).tokens() == 2u);
  BOOST_TEST(seen.label() == "column_norm");
}

BOOST_AUTO_TEST_CASE(every_block_sees_what_the_dense_blocks_before_it_make) {
  open_mlp host(3, 8, 12, 2);
  const auto dense = host.weights;
  auto samples = host.samples;
  both seen;
  tamp::calibrate(host, seen);
  for (std::size_t block = 0; block < 3; ++block) {
    column_norm up, down;
    hidden_change change;
    for (auto& x : samples) {
      up.add(x);
      down.add(dense[block].hidden(x));
      change.add(x, dense[block].output(x));
      x = dense[block].output(x);
    }
    BOOST_TEST((seen.of<column_norm>(2 * block) == up));
    BOOST_TEST((seen.of<column_norm>(2 * block + 1) == down));
    BOOST_TEST((seen.of<hidden_change>(2 * block) == change));
    BOOST_TEST((seen.of<hidden_change>(2 * block + 1) == change));
  }
  BOOST_TEST((host.weights == dense));
}

BOOST_AUTO_TEST_CASE(samples_are_rewound_first_and_not_sent_through_the_last_block) {
  open_mlp host(3, 4, 4, 3);
  both seen;
  tamp::calibrate(host, seen);
  BOOST_TEST(host.calls == (std::vector<std::string>{"rewind", "observe 0", "advance 0",
                                                     "observe 1", "advance 1", "observe 2"}),
             boost::test_tools::per_element());
  // A complete one is left as it is, and the host in peace.
  host.calls.clear();
  const both before = seen;
  BOOST_TEST(tamp::calibrate(host, seen));
  BOOST_TEST(host.calls.empty());
  BOOST_TEST((seen == before));
}

BOOST_AUTO_TEST_CASE(a_model_without_blocks_is_calibrated_at_once) {
  open_mlp host(0, 4, 4, 3);
  both seen;
  BOOST_TEST(tamp::calibrate(host, seen));
  BOOST_TEST(seen.complete());
  BOOST_TEST(seen.layers() == 0u);
}

BOOST_AUTO_TEST_CASE(threads_change_no_bit) {
  open_mlp host(2, 16, 24, 4);
  both expected;
  tamp::calibrate(host, expected);
  for (const auto& exec : support::every_executor) {
    both seen;
    tamp::calibrate(exec, host, seen);
    BOOST_TEST((seen == expected), exec);
  }
}

BOOST_AUTO_TEST_CASE(the_callback_is_told_before_each_block_of_the_dense_model) {
  open_mlp host(2, 4, 4, 5);
  both seen;
  std::size_t calls = 0;
  tamp::calibrate(host, seen, [&](const tamp::progress& p) {
    BOOST_TEST(p.dense);
    BOOST_TEST(p.block == calls);
    BOOST_TEST(p.blocks == 2u);
    BOOST_TEST(p.layers == 4u);
    BOOST_TEST(p.layer.empty());
    BOOST_TEST(seen.blocks_done() == calls);
    ++calls;
    return true;
  });
  BOOST_TEST(calls == 2u);
}

BOOST_AUTO_TEST_CASE(one_that_was_stopped_before_any_block_goes_on_to_the_same_bits) {
  const open_mlp fresh(4, 8, 12, 6);
  open_mlp host = fresh;
  both expected;
  tamp::calibrate(host, expected);
  for (std::size_t stop = 0; stop < 4; ++stop) {
    open_mlp first = fresh, second = fresh;
    both seen;
    BOOST_TEST(
        !tamp::calibrate(first, seen, [&](const tamp::progress& p) { return p.block != stop; }));
    BOOST_TEST(!seen.complete());
    BOOST_TEST(seen.blocks_done() == stop);
    BOOST_TEST((seen != expected));
    BOOST_TEST(tamp::calibrate(second, seen));
    BOOST_TEST((seen == expected));
    for (const std::string& call : second.calls)  // blocks already done are not observed again
      if (call.starts_with("observe")) BOOST_TEST(std::stoul(call.substr(8)) >= stop);
  }
}

BOOST_AUTO_TEST_CASE(an_activation_that_is_not_finite_leaves_the_blocks_before_it) {
  open_mlp host(3, 4, 4, 7);
  host.weights[1].up(0, 0) = support::infinity;
  both seen;
  BOOST_CHECK_THROW(tamp::calibrate(host, seen), tamp::value_error);
  BOOST_TEST(seen.blocks_done() == 1u);
  BOOST_TEST(seen.of<column_norm>(2).tokens() == 0u);
  BOOST_TEST(seen.of<column_norm>(1).tokens() == 18u);
}

BOOST_AUTO_TEST_CASE(two_halves_of_the_samples_merge_into_the_whole) {
  const open_mlp host(3, 8, 12, 8);
  const auto& all = host.samples;
  open_mlp whole_host = host, left_host = host.with_samples({all[0]}),
           right_host = host.with_samples({all[1], all[2]});
  both whole, left, right;
  tamp::calibrate(whole_host, whole);
  tamp::calibrate(left_host, left);
  tamp::calibrate(right_host, right);
  both other_way = right;
  other_way.combine(left);
  left.combine(right);
  BOOST_TEST(left.samples() == other_way.samples());
  BOOST_TEST(left.model() == whole.model());
  for (const both* merged : {&left, &other_way}) {
    const auto expected = numbers_of(whole), numbers = numbers_of(*merged);
    BOOST_REQUIRE(numbers.size() == expected.size());
    for (std::size_t k = 0; k < numbers.size(); ++k)
      BOOST_TEST(std::abs(numbers[k] - expected[k]) <= 1e-13 * expected[k]);
  }
}

BOOST_AUTO_TEST_CASE(parts_that_do_not_belong_together_are_not_merged) {
  open_mlp host(2, 4, 4, 9), other(2, 4, 4, 10);
  both seen, half, foreign;
  tamp::calibrate(host, seen);
  tamp::calibrate(other, foreign);
  tamp::calibrate(host, half, [](const tamp::progress& p) { return p.block == 0; });
  const both before = seen;
  support::check_error<tamp::value_error>(
      "calibration: only complete ones can be combined; these have seen 2 of 2 and 1 of 2 blocks",
      [&] { seen.combine(half); });
  support::check_error<tamp::value_error>(
      "calibration: the parts to combine were made with the models " + hexadecimal(seen.model()) +
          " and " + hexadecimal(foreign.model()),
      [&] { seen.combine(foreign); });
  // Calibrations that were assigned have no fingerprint of a model.
  open_mlp longer(3, 4, 4, 9);
  const auto nothing_seen = [](std::string_view, std::size_t, std::size_t) {
    return tamp::stat::column_norm();
  };
  auto of_two = tamp::calibration_from<tamp::stat::column_norm>(host, nothing_seen);
  const auto of_three = tamp::calibration_from<tamp::stat::column_norm>(longer, nothing_seen);
  support::check_error<tamp::value_error>(
      "calibration: the parts to combine have other layers: 4 in 2 blocks and 6 in 3",
      [&] { of_two.combine(of_three); });
  BOOST_TEST((seen == before));
}

BOOST_AUTO_TEST_CASE(layers_and_blocks_that_are_not_there_are_refused) {
  open_mlp host(2, 4, 4, 9);
  both seen;
  support::check_error<tamp::shape_error>("calibration: there is no layer 0 of 0",
                                          [&] { (void)seen.input_of(0); });
  tamp::calibrate(host, seen);
  for (const auto& read : std::vector<std::function<void()>>{
           [&] { (void)seen.name(4); }, [&] { (void)seen.input_of(4); },
           [&] { (void)seen.of<tamp::stat::column_norm>(4); }})
    support::check_error<tamp::shape_error>("calibration: there is no layer 4 of 4", read);
  support::check_error<tamp::value_error>("calibration: all 2 blocks were observed", [&] {
    seen.observe_next(tamp::execute::sequential{}, host);
  });
}

BOOST_AUTO_TEST_CASE(one_of_another_model_or_calibration_set_is_refused_with_both_fingerprints) {
  open_mlp host(2, 4, 4, 11);
  both seen;
  tamp::calibrate(host, seen, [](const tamp::progress& p) { return p.block == 0; });
  const both before = seen;
  open_mlp other = host;
  other.weights[1].up(0, 0) += 1;
  both of_other;
  of_other.prepare(tamp::execute::standard{}, other);
  support::check_error<tamp::value_error>("calibration: made with the model " +
                                              hexadecimal(seen.model()) + ", this one is " +
                                              hexadecimal(of_other.model()),
                                          [&] { tamp::calibrate(other, seen); });
  auto elsewhere = host.with_samples({host.samples[0]});
  support::check_error<tamp::value_error>("calibration: made with the samples " +
                                              hexadecimal(seen.samples()) + ", these are " +
                                              hexadecimal(elsewhere.fingerprint()),
                                          [&] { tamp::calibrate(elsewhere, seen); });
  BOOST_TEST((seen == before));
}

BOOST_AUTO_TEST_CASE(what_a_host_does_not_show_is_refused_before_anything_runs) {
  host_that_tells host(2, 4, 4, 12);
  calibration<column_norm> inputs;
  BOOST_TEST(tamp::calibrate(host, inputs));
  host.calls.clear();
  both seen;
  support::check_error<tamp::value_error>(
      "this recipe looks at hidden states, which the host does not show",
      [&] { tamp::calibrate(host, seen); });
  BOOST_TEST(host.calls.empty());
  host.told = observable::input | observable::hidden;
  BOOST_TEST(tamp::calibrate(host, seen));
}

BOOST_AUTO_TEST_CASE(needs_of_several_policies_are_gathered_once) {
  const auto seen = tamp::calibration_for(wants_norm{}, wants_nothing{}, wants_change{},
                                          wants_norm{}, wants_clipped{3}, wants_clipped{3});
  static_assert(
      std::is_same_v<decltype(seen), const calibration<column_norm, hidden_change, clipped_norm>>);
  BOOST_TEST(seen.label() == "column_norm, hidden_change, clipped_norm 3");
  static_assert(std::is_same_v<decltype(tamp::calibration_for(wants_nothing{})), calibration<>>);
}

BOOST_AUTO_TEST_CASE(one_statistic_with_two_parameters_is_refused_with_both) {
  support::check_error<tamp::value_error>(
      "calibration: two policies need a statistic with different parameters: clipped_norm 3 and "
      "clipped_norm 4",
      [] { tamp::calibration_for(wants_clipped{3}, wants_norm{}, wants_clipped{4}); });
}

BOOST_AUTO_TEST_CASE(every_layer_starts_with_the_parameters) {
  open_mlp host(2, 4, 4, 13);
  auto seen = tamp::calibration_for(wants_clipped{5});
  tamp::calibrate(host, seen);
  for (std::size_t k = 0; k < 4; ++k) BOOST_TEST(seen.of<clipped_norm>(k).clip == 5);
}

BOOST_AUTO_TEST_CASE(fields_are_those_of_the_blocks_done) {
  open_mlp host(2, 4, 4, 14);
  both seen;
  BOOST_TEST(numbers_of(seen).empty());
  tamp::calibrate(host, seen, [](const tamp::progress& p) { return p.block == 0; });
  std::vector<std::string> names;
  seen.fields(seen, [&](std::string_view name, const auto&) { names.emplace_back(name); });
  const std::vector<std::string> expected = {"layer.0.0.sum_of_squares", "layer.0.0.count",
                                             "layer.0.0.tokens",         "layer.0.1.sum_of_changes",
                                             "layer.0.1.tokens",         "layer.1.0.sum_of_squares",
                                             "layer.1.0.count",          "layer.1.0.tokens",
                                             "layer.1.1.sum_of_changes", "layer.1.1.tokens"};
  BOOST_TEST(names == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_was_filled_in_is_checked) {
  open_mlp host(2, 4, 4, 15);
  both seen;
  tamp::calibrate(host, seen);
  both other = seen.emptied();
  BOOST_TEST((other == both()));
  other.prepare(tamp::execute::standard{}, host);
  support::check_error<tamp::value_error>("calibration: 3 of 2 blocks cannot have been done",
                                          [&] { other.resume_at(3); });
  other.resume_at(1);
  BOOST_TEST(other.blocks_done() == 1u);
  BOOST_CHECK_NO_THROW(seen.validate("test"));
  seen.fields(seen, [](std::string_view name, auto& value) {
    if constexpr (requires { value[0]; })
      if (name == "layer.2.0.sum_of_squares") value[3] = -1;
  });
  support::check_error<tamp::value_error>(
      "test: layer.2.0: column_norm: the sum of squares of feature 3 is -1",
      [&] { seen.validate("test"); });
}

BOOST_AUTO_TEST_CASE(parts_of_the_samples_have_the_totals_of_all) {
  using tamp::stat::pairwise;
  open_mlp host(2, 4, 6, 1);
  calibration<pairwise<column_norm>, pairwise<hidden_change>> whole;
  tamp::calibrate(host, whole);
  const calibration<column_norm, hidden_change> all = whole.totals();
  BOOST_TEST(all.complete());
  BOOST_TEST(all.name(3) == "1.down");
  BOOST_TEST(all.of<column_norm>(3).count() == host.samples.size());

  // The first sample on one machine, the others on another.
  const auto samples = open_mlp(2, 4, 6, 1).samples;
  auto first = open_mlp(2, 4, 6, 1).with_samples({samples[0]});
  auto second = open_mlp(2, 4, 6, 1).with_samples({samples[1], samples[2]});
  decltype(whole) here, there({pairwise<column_norm>({}, 1), pairwise<hidden_change>({}, 1)});
  tamp::calibrate(first, here);
  tamp::calibrate(second, there);
  const auto merged = here.combine(there).totals();
  for (std::size_t layer = 0; layer < 4; ++layer) {
    BOOST_TEST((merged.of<column_norm>(layer) == all.of<column_norm>(layer)));
    BOOST_TEST((merged.of<hidden_change>(layer) == all.of<hidden_change>(layer)));
  }
}

BOOST_AUTO_TEST_SUITE_END()
