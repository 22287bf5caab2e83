#include <tamp/prune/detail/running_report.hpp>

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "../../support/errors.hpp"

// The report while a plan is followed. That a model's weights are what it says is tested in
// model_pruner.cpp.
BOOST_AUTO_TEST_SUITE(prune_detail_running_report)

using support::check_error;
using tamp::detail::running_report;

namespace {

const tamp::pruning_plan two_blocks{"wanda, uniform 0.5, per_row",
                                    {{"a", 0, 2, 4, 0.5}, {"b", 0, 2, 4, 0.5}, {"c", 2, 2, 4, 0.5}},
                                    {"a note"}};

struct follower {
  tamp::prune_report report;
  tamp::progress_callback on_progress;
  running_report running{
      two_blocks, report, on_progress, 3, {"wanda, uniform 0.5, per_row", "wanda", "per_row"}};
};

}  // namespace

BOOST_AUTO_TEST_CASE(next_is_the_first_layer_that_is_not_done) {
  follower f;
  f.running.begin();
  BOOST_TEST(f.report.next == "a");
  BOOST_TEST(f.report.notes == two_blocks.notes, boost::test_tools::per_element());
  auto layer = tamp::detail::untouched(two_blocks.layers[0]);
  f.running.writing_begins(layer);
  BOOST_TEST(f.report.unfinished == "a");
  f.running.add(layer);
  BOOST_TEST(f.report.unfinished == "");
  BOOST_TEST(f.report.next == "b");
  for (std::size_t k = 1; k < 3; ++k) f.running.add(tamp::detail::untouched(two_blocks.layers[k]));
  BOOST_TEST(f.report.next == "");
}

BOOST_AUTO_TEST_CASE(a_block_has_the_layers_that_the_plan_gives_it) {
  const follower f;
  BOOST_TEST(f.running.layers_of(0).size() == 2u);
  BOOST_TEST(f.running.layers_of(1).size() == 0u);
  BOOST_TEST(f.running.layers_of(2).size() == 1u);
  BOOST_TEST(f.running.first_of(f.running.layers_of(2)) == 2u);
}

BOOST_AUTO_TEST_CASE(an_error_says_what_was_written) {
  follower f;
  f.running.begin();
  const auto fails = [] { throw tamp::value_error("no more ink"); };
  check_error<tamp::value_error>("no more ink", [&] { f.running.with_state(fails); });
  f.running.add(tamp::detail::untouched(two_blocks.layers[0]));
  check_error<tamp::value_error>(
      "no more ink; 1 of 3 layers are done (a), all from b on are as they were",
      [&] { f.running.with_state(fails); });
  f.running.writing_begins(tamp::detail::untouched(two_blocks.layers[1]));
  check_error<tamp::value_error>(
      "no more ink; 1 of 3 layers are done (a), b is written in part, the others are as they were",
      [&] { f.running.with_state(fails); });
}

BOOST_AUTO_TEST_CASE(a_callback_that_says_no_cancels) {
  follower f;
  std::vector<std::string> told;
  f.on_progress = [&](const tamp::progress& now) {
    told.emplace_back(now.layer);
    return now.layer.empty();
  };
  f.running.begin();
  BOOST_TEST(f.running.go_on(0, {}));
  BOOST_TEST(!f.running.go_on(0, "a"));
  BOOST_TEST(f.running.cancelled());
  BOOST_TEST(told == (std::vector<std::string>{"", "a"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(weights_that_the_pattern_could_not_drop_are_counted) {
  tamp::pruning_plan plan = two_blocks;
  plan.layers[0].drop = 4;
  tamp::prune_report report;
  const tamp::progress_callback none;
  running_report running(plan, report, none, 3, {"", "wanda", "per_row"});
  auto layer = tamp::detail::untouched(plan.layers[0]);
  layer.kept = 5;  // of 8, though 4 were to go
  running.add(layer);
  running.note_counts();
  BOOST_TEST(report.notes.back() ==
             "per_row: dropped 3 of the 4 weights that the plan counts in 1 layer");
}

BOOST_AUTO_TEST_CASE(a_report_of_another_plan_is_not_gone_on_from) {
  follower f;
  f.running.check_done();
  f.running.check_can_rewind(false);
  f.report.layers.push_back(tamp::detail::untouched(two_blocks.layers[1]));
  check_error<tamp::value_error>(
      "prune: layer 0 of the report to go on from is b, that of the plan a",
      [&] { f.running.check_done(); });
  check_error<tamp::value_error>("prune: to go on after 1 layer, the host needs a rewind()",
                                 [&] { f.running.check_can_rewind(false); });
  f.running.check_can_rewind(true);
}

BOOST_AUTO_TEST_SUITE_END()
