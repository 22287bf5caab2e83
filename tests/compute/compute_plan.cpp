#include <tamp/compute/compute_plan.hpp>

#include <boost/test/unit_test.hpp>
#include <sstream>
#include <string>

BOOST_AUTO_TEST_SUITE(compute_compute_plan)

using tamp::compute::compute_plan;

namespace {

std::string printed(const compute_plan& plan) {
  std::ostringstream out;
  out << plan;
  return out.str();
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_plan_prints_what_each_part_contributes) {
  compute_plan plan;
  plan.selector = "fitprune";
  plan.tokens.drops = {0, 12, 3};
  plan.reduced_layers = {0, 2};
  plan.ffn = {.keep_ratio = 0.25};
  plan.attention = {.window = 64};
  plan.weights.recipe = "wanda, per_row";
  plan.weights.layers = {{"0.up", 0, 8, 4, 1.0 / 3}};
  plan.dense = 200'000'000'000;
  plan.after_tokens = 150'000'000'000;
  plan.after_visual = 125'000'000'000;
  plan.after_weights = 98'765'000'000;
  BOOST_TEST(
      printed(plan) ==
      "dense                   200.00 G     0.0 % less\n"
      "tokens                  150.00 G    25.0 % less  fitprune, leaving per layer: 0 12 3\n"
      "visual computation      125.00 G    12.5 % less  dynamic_ffn 0.25 10 and "
      "hollow_attention 64 in layers 0 2\n"
      "weights                  98.77 G    13.1 % less  wanda, per_row, sparsity 0.3333\n");
  BOOST_TEST(plan.cost() == 0.493825);
}

BOOST_AUTO_TEST_CASE(a_plan_says_what_processes_the_text_alone) {
  compute_plan plan;
  plan.alone = {4, {{0, 1}}, {2}};
  BOOST_TEST(printed(plan).find("visual computation        0.00 G     0.0 % less  1 blind head, "
                                "layers 2 skipped\n") != std::string::npos);
  plan.reduced_layers = {1};
  BOOST_TEST(printed(plan).find("1 blind head, layers 2 skipped, dynamic_ffn 0.2 10 and "
                                "hollow_attention 256 in layers 1\n") != std::string::npos,
             printed(plan));
}

BOOST_AUTO_TEST_CASE(a_plan_says_where_tokens_leave) {
  compute_plan plan;
  plan.selector = "attention_top_k";
  plan.tokens = {{0, 12}, tamp::token::departure::before_layer};
  const std::string text = printed(plan);
  BOOST_TEST(text.find("attention_top_k, leaving per layer: 0 12 before_layer\n") != text.npos,
             text);
}

BOOST_AUTO_TEST_CASE(a_plan_that_saves_nothing_says_so) {
  for (const char* selector : {"", "fitprune"}) {
    compute_plan plan;
    plan.selector = selector;
    BOOST_TEST(printed(plan) ==
               "dense                     0.00 G     0.0 % less\n"
               "tokens                    0.00 G     0.0 % less  all stay\n"
               "visual computation        0.00 G     0.0 % less  whole\n"
               "weights                   0.00 G     0.0 % less  dense\n");
    BOOST_TEST(plan.cost() == 1.0);
  }
}

BOOST_AUTO_TEST_CASE(printing_leaves_the_stream_as_it_was) {
  std::ostringstream out;
  out << compute_plan{};
  out.str("");
  out << 0.5 << ' ' << 1e-7;
  BOOST_TEST(out.str() == "0.5 1e-07");
}

BOOST_AUTO_TEST_SUITE_END()
