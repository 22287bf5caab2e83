#include <tamp/prune/report.hpp>

#include <boost/test/unit_test.hpp>
#include <iomanip>
#include <sstream>
#include <string>

BOOST_AUTO_TEST_SUITE(prune_report)

namespace {

tamp::prune_report two_layers() {
  tamp::layer_report first, second;
  first.name = "0.attention";
  first.rows = 2, first.cols = 4, first.kept = 4;
  first.asked = 0.5;
  first.dead_inputs = 1;
  first.observe = 0.001, first.select = 0.002, first.apply = 0.004;
  second.name = "0.mlp";
  second.block = 1;
  second.rows = 8, second.cols = 3, second.kept = 16;
  second.asked = 0.4;
  second.fell_back = true;
  second.select = 0.5;
  tamp::prune_report report;
  report.recipe = "wanda, uniform 0.5, per_row";
  report.layers = {first, second};
  report.calibrate = 1.25;
  return report;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const auto report = two_layers();
  BOOST_TEST(report.layers[0].size() == 8u);
  BOOST_TEST(report.layers[0].achieved() == 0.5);
  BOOST_TEST(report.layers[1].achieved() == 1.0 / 3);
  BOOST_TEST(report.achieved() == 12.0 / 32);  // 4 of 8 and 8 of 24
  BOOST_TEST(report.observe() == 0.001);
  BOOST_TEST(report.select() == 0.502);
  BOOST_TEST(report.apply() == 0.004);
}

BOOST_AUTO_TEST_CASE(where_there_are_no_weights_nothing_was_achieved) {
  BOOST_TEST(tamp::layer_report().achieved() == 0.0);
  BOOST_TEST(tamp::prune_report().achieved() == 0.0);
}

BOOST_AUTO_TEST_CASE(it_prints_as_a_table_and_leaves_the_stream_as_it_was) {
  auto report = two_layers();
  std::ostringstream out;
  out << std::setprecision(3) << report << 0.123456;
  BOOST_TEST(out.str() ==
             "wanda, uniform 0.5, per_row (1 of 2 layers by magnitude)\n"
             "layer          asked achieved   dead   ms\n"
             "0.attention   0.5000   0.5000      1    7.0\n"
             "0.mlp         0.4000   0.3333      0  500.0  saw 0 tokens: magnitude\n"
             "achieved 0.3750, calibrated in 1.250 s, selected in 0.502 s, applied in 0.004 s\n"
             "0.123");
  report.layers.clear();
  report.cancelled = true;
  std::ostringstream cancelled;
  cancelled << report;
  BOOST_TEST(cancelled.str() ==
             "wanda, uniform 0.5, per_row (cancelled)\n"
             "layer    asked achieved   dead   ms\n"
             "achieved 0.0000, calibrated in 1.250 s, selected in 0.000 s, applied in 0.000 s\n");
}

BOOST_AUTO_TEST_CASE(the_heading_says_what_was_done_and_where_it_stopped) {
  auto report = two_layers();
  report.layers[1].fell_back = false;
  BOOST_TEST(report.heading() == "wanda, uniform 0.5, per_row");
  report.layers[1].fell_back = true;
  report.next = "1.mlp";
  BOOST_TEST(report.heading() ==
             "wanda, uniform 0.5, per_row (1 of 2 layers by magnitude) (stopped before 1.mlp)");
  report.cancelled = true;
  report.layers.clear();
  BOOST_TEST(report.heading() == "wanda, uniform 0.5, per_row (cancelled before 1.mlp)");
}

BOOST_AUTO_TEST_CASE(weights_that_were_zero_before_count_as_zero_and_are_named) {
  auto report = two_layers();
  report.layers[0].kept_zeros = 3;
  BOOST_TEST(report.layers[0].zeros() == 7u);
  BOOST_TEST(report.layers[0].achieved() == 7.0 / 8);
  BOOST_TEST(report.achieved() == 15.0 / 32);
  std::ostringstream out;
  out << report;
  BOOST_TEST(out.str().find("0.5000   0.8750      1    7.0  3 kept, but zero before\n") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(layers_that_are_left_alone_do_not_count_and_say_why) {
  auto report = two_layers();
  report.layers[1].tokens = 7;
  tamp::layer_report head, tied, repaired;
  head.name = "head", head.rows = 10, head.cols = 10, head.kept = 100, head.excluded = true;
  tied.name = "tied", tied.rows = 10, tied.cols = 10, tied.kept = 100, tied.tied_to = "0.mlp";
  repaired.name = "1.mlp", repaired.rows = 2, repaired.cols = 4, repaired.kept = 8;
  repaired.note = "damping raised to 0.1";
  report.layers.insert(report.layers.end(), {head, tied, repaired});
  report.notes = {"owl: block 1 saw nothing"};
  BOOST_TEST(report.achieved() == 12.0 / 40);
  BOOST_TEST(!report.layers[2].is_pruned());
  BOOST_TEST(!report.layers[3].is_pruned());
  BOOST_TEST(report.layers[4].is_pruned());
  std::ostringstream out;
  out << report;
  BOOST_TEST(out.str() ==
             "wanda, uniform 0.5, per_row (1 of 3 layers by magnitude)\n"
             "layer          asked achieved   dead   ms\n"
             "0.attention   0.5000   0.5000      1    7.0\n"
             "0.mlp         0.4000   0.3333      0  500.0  saw 7 tokens: magnitude\n"
             "head          0.0000   0.0000      0    0.0  excluded\n"
             "tied          0.0000   0.0000      0    0.0  tied to 0.mlp\n"
             "1.mlp         0.0000   0.0000      0    0.0  damping raised to 0.1\n"
             "owl: block 1 saw nothing\n"
             "achieved 0.3000, calibrated in 1.250 s, selected in 0.502 s, applied in 0.004 s\n");
}

BOOST_AUTO_TEST_SUITE_END()
