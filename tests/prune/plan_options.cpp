#include <tamp/prune/plan.hpp>

#include <tamp/allocate/uniform.hpp>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/score/magnitude.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "../support/errors.hpp"
#include "../support/model.hpp"

BOOST_AUTO_TEST_SUITE(prune_plan_options)

using support::matrix;
using tamp::compose;
using tamp::granularity;
using tamp::plan_options;
using tamp::allocate::uniform;
using tamp::pattern::n_of_m;
using tamp::pattern::per_row;
using tamp::score::magnitude;

namespace {

// Layers of given names, all in one block unless a name is "|", which begins the next.
struct named_layers {
  struct layer {
    std::string name;
    std::size_t block;
    matrix<float> weight;
  };
  std::vector<layer> layers;
  std::size_t count = 1;

  explicit named_layers(const std::vector<std::string>& names) {
    for (const std::string& name : names)
      if (name == "|")
        ++count;
      else
        layers.push_back({name, count - 1, matrix<float>(2, 4, 1.0f)});
  }
  std::size_t blocks() const { return count; }
  void visit_layers(std::size_t block, auto&& visit) {
    for (auto& l : layers)
      if (l.block == block) visit(l.name, l.weight);
  }
  void observe_block(std::size_t, auto&) { BOOST_FAIL("nothing needs to be observed"); }
  void advance(std::size_t) {}
};

// Says what units it was shown, and gives the u-th the sparsity u / 10.
struct numbering {
  using role = tamp::role::allocate;
  static constexpr granularity unit = granularity::block;
  std::vector<std::string>* seen = nullptr;

  tamp::allocate::allocation operator()(const auto&, const auto& units) const {
    tamp::allocate::allocation answer;
    for (std::size_t u = 0; u < units.size(); ++u) {
      std::string line = std::string(units.name(u)) + " " + std::to_string(units.num_params(u));
      std::size_t size = 0;
      units.visit(u, [&](std::string_view name, const auto& weight, const auto&) {
        line += ' ' + std::string(name);
        size += weight.rows() * weight.cols();
      });
      BOOST_TEST(size == units.num_params(u));
      seen->push_back(line);
      answer.sparsities.push_back(static_cast<double>(u) / 10);
    }
    answer.notes = {"numbered"};
    return answer;
  }
};

std::vector<std::string> units_of(named_layers& host, const plan_options& options,
                                  std::vector<double>* sparsities = nullptr) {
  std::vector<std::string> seen;
  const auto plan = tamp::plan(host, compose(magnitude{}, per_row{}, numbering{&seen}), options);
  BOOST_TEST(plan.notes == std::vector<std::string>{"numbered"}, boost::test_tools::per_element());
  if (sparsities)
    for (const auto& layer : plan.layers) sparsities->push_back(layer.sparsity);
  return seen;
}

using lines = std::vector<std::string>;
const auto half = compose(magnitude{}, per_row{}, uniform{0.5});

// Three layers of which the last has the first one's weight; or all three use one buffer, which is
// filled anew for each of them.
struct host_with_ties {
  matrix<float> first = support::random_matrix(4, 8, 1), second = support::random_matrix(4, 8, 2),
                buffer = first;
  bool one_buffer = false;
  std::size_t blocks() const { return 1; }
  void visit_layers(std::size_t, auto&& visit) {
    const matrix<float>* all[] = {&first, &second, &first};
    const char* names[] = {"one", "mlp", "last"};
    for (std::size_t k = 0; k < 3; ++k) {
      if (one_buffer) {
        if (k == 2) break;
        buffer = *all[k];
        visit(names[k], buffer);
      } else {
        visit(names[k], const_cast<matrix<float>&>(*all[k]));
      }
    }
  }
  void observe_block(std::size_t, auto&) {}
  void advance(std::size_t) {}
};

}  // namespace

BOOST_AUTO_TEST_CASE(by_default_embeddings_heads_norms_and_routers_stay_dense) {
  const lines excluded = {"model.embed_tokens", "lm_head.weight", "model.norm",
                          "model.layers.0.mlp.gate"};
  const lines pruned = {"model.layers.0.mlp.gate_proj", "blk.0.attn_output.weight", "0.up"};
  named_layers all(excluded);
  for (const std::string& name : pruned) all.layers.push_back({name, 0, matrix<float>(2, 4)});
  const auto plan = tamp::plan(all, half);
  BOOST_REQUIRE(plan.layers.size() == excluded.size() + pruned.size());
  for (std::size_t k = 0; k < plan.layers.size(); ++k) {
    const bool stays = k < excluded.size();
    BOOST_TEST(plan.layers[k].excluded == stays, plan.layers[k].name);
    BOOST_TEST(plan.layers[k].sparsity == (stays ? 0.0 : 0.5), plan.layers[k].name);
    BOOST_TEST(plan.layers[k].is_pruned() == !stays);
  }
  BOOST_TEST(plan.sparsity() == 0.5);
}

BOOST_AUTO_TEST_CASE(other_patterns_exclude_other_layers) {
  named_layers host({"lm_head", "0.up", "0.down", "|", "1.up", "1.down"});
  plan_options options;
  options.exclude = {"?.up"};
  const auto plan = tamp::plan(host, half, options);
  const bool expected[] = {false, true, false, true, false};
  for (std::size_t k = 0; k < 5; ++k) BOOST_TEST(plan.layers[k].excluded == expected[k]);
  options.exclude = {};
  for (const auto& layer : tamp::plan(host, half, options).layers) BOOST_TEST(!layer.excluded);
  options.exclude = {"*"};
  support::check_error<tamp::value_error>(
      "plan: there is nothing to prune: all of 5 layers (lm_head, 0.up, 0.down, 1.up, 1.down) are "
      "excluded by \"*\" (5)",
      [&] { tamp::plan(host, half, options); });
}

BOOST_AUTO_TEST_CASE(a_fixed_pattern_leaves_excluded_layers_dense) {
  named_layers host({"lm_head", "0.up"});
  const auto plan = tamp::plan(host, compose(magnitude{}, n_of_m<1, 4>{}));
  BOOST_TEST(plan.layers[0].sparsity == 0.0);
  BOOST_TEST(plan.layers[0].excluded);
  BOOST_TEST(plan.layers[1].sparsity == 0.75);
  BOOST_TEST(plan.sparsity() == 0.75);
}

BOOST_AUTO_TEST_CASE(units_are_layers_blocks_or_groups) {
  named_layers host({"0.q", "0.k", "0.up", "lm_head", "|", "1.q", "1.up", "|", "2.norm"});
  std::vector<double> by_block, by_layer, by_group;
  plan_options options;  // the allocation itself is made for blocks
  BOOST_TEST(units_of(host, options, &by_block) ==
                 (lines{"block 0 24 0.q 0.k 0.up", "block 1 16 1.q 1.up"}),
             boost::test_tools::per_element());
  BOOST_TEST(by_block == (std::vector<double>{0, 0, 0, 0, 0.1, 0.1, 0}),
             boost::test_tools::per_element());
  options.unit = granularity::layer;
  BOOST_TEST(units_of(host, options, &by_layer) ==
                 (lines{"0.q 8 0.q", "0.k 8 0.k", "0.up 8 0.up", "1.q 8 1.q", "1.up 8 1.up"}),
             boost::test_tools::per_element());
  BOOST_TEST(by_layer == (std::vector<double>{0, 0.1, 0.2, 0, 0.3, 0.4, 0}),
             boost::test_tools::per_element());
  // The first pattern that fits; what none fits stands alone.
  options.unit = granularity::group;
  options.groups = {"*.up", "?.?", "*"};
  BOOST_TEST(
      units_of(host, options, &by_group) == (lines{"?.? 24 0.q 0.k 1.q", "*.up 16 0.up 1.up"}),
      boost::test_tools::per_element());
  BOOST_TEST(by_group == (std::vector<double>{0, 0, 0.1, 0, 0, 0.1, 0}),
             boost::test_tools::per_element());
  options.groups = {"*.up"};
  BOOST_TEST(units_of(host, options) ==
                 (lines{"0.q 8 0.q", "0.k 8 0.k", "*.up 16 0.up 1.up", "1.q 8 1.q"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(groups_without_a_pattern_are_refused) {
  named_layers host({"0.q"});
  plan_options options;
  options.unit = granularity::group;
  support::check_error<tamp::value_error>(
      "plan: one sparsity a group needs patterns in plan_options::groups",
      [&] { tamp::plan(host, half, options); });
}

BOOST_AUTO_TEST_CASE(a_second_name_for_one_weight_is_tied_to_the_first) {
  host_with_ties host;
  const auto plan = tamp::plan(host, half);
  BOOST_TEST(plan.layers[0].tied_to == "");
  BOOST_TEST(plan.layers[1].tied_to == "");
  BOOST_TEST(plan.layers[2].tied_to == "one");
  BOOST_TEST(plan.layers[2].sparsity == 0.0);
  BOOST_TEST(plan.layers[0].sparsity == 0.5);
  BOOST_TEST(plan.sparsity() == 0.5);
}

BOOST_AUTO_TEST_CASE(layers_loaded_into_one_buffer_are_not_tied) {
  host_with_ties host;
  host.one_buffer = true;
  const auto plan = tamp::plan(host, half);
  BOOST_REQUIRE(plan.layers.size() == 2u);
  for (const auto& layer : plan.layers) {
    BOOST_TEST(layer.tied_to == "");
    BOOST_TEST(layer.sparsity == 0.5);
  }
}

// Else pruning "one" would prune the excluded last with it.
BOOST_AUTO_TEST_CASE(a_weight_stays_dense_if_any_of_its_names_is_excluded) {
  host_with_ties host;
  plan_options options;
  for (const char* excluded : {"last", "one"}) {
    options.exclude = {excluded};
    const auto plan = tamp::plan(host, half, options);
    BOOST_TEST(plan.layers[0].excluded);
    BOOST_TEST(plan.layers[0].sparsity == 0.0);
    BOOST_TEST(plan.layers[2].tied_to == "one");
    BOOST_TEST(plan.layers[2].sparsity == 0.0);
    BOOST_TEST(plan.layers[1].sparsity == 0.5);
  }
}

BOOST_AUTO_TEST_CASE(a_tied_layer_prints_whose_weight_it_has) {
  host_with_ties host;
  plan_options options;
  options.exclude = {"mlp"};
  std::ostringstream out;
  out << tamp::plan(host, half, options);
  BOOST_TEST(out.str() ==
             "   0  one        4 x 8      0.5000\n"
             "   0  mlp        4 x 8      0.0000  excluded\n"
             "   0  last       4 x 8      0.0000  tied to one\n");
}

BOOST_AUTO_TEST_CASE(the_fewest_tokens_are_part_of_the_plan) {
  named_layers host({"0.q"});
  BOOST_TEST(tamp::plan(host, half).fewest_tokens == 1u);
  plan_options options;
  options.fewest_tokens = 32;
  BOOST_TEST(tamp::plan(host, half, options).fewest_tokens == 32u);
  BOOST_TEST((tamp::plan(host, half, options) != tamp::plan(host, half)));
}

BOOST_AUTO_TEST_SUITE_END()
