// Planning and pruning of the layers of files.
#include <prune/prune_files.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <tamp/error.hpp>
#include <tamp/io/calibration.hpp>
#include <tamp/io/norms_file.hpp>
#include <tamp/io/pruning_plan.hpp>
#include <tamp/prune/calibrate.hpp>
#include <tamp/score/wanda.hpp>
#include <tamp/tensor/view.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "models.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_prune_files)

namespace fs = std::filesystem;
using support::check_error;
using support::dtype;
using support::temporary_folder;
using tamp::io::named_norms;
using tamp_prune::choose_layers;
using tamp_prune::file_host;
using tamp_prune::find_model;
using tamp_prune::settings;

namespace {

// A model with two experts in one tensor, and one layer beside them.
struct small_model {
  temporary_folder folder;
  tamp_prune::model_files files;
  tamp_prune::layer_list layers;
  settings s;

  small_model() {
    support::write_weights(
        folder / "m",
        {support::random_tensor("blk.0.attn_q.weight", dtype::f32, {2, 4}),
         support::random_tensor("blk.0.ffn_gate_exps.weight", dtype::f32, {2, 6, 4})});
    files = find_model(folder / "m");
    layers = choose_layers(files, {});
    s = support::settings_for(folder / "m", folder / "out");
    s.statistics = (folder / "norms").string();
  }
  void save(const named_norms& norms) const { tamp::io::save(folder / "norms", norms); }
  tamp_prune::norms load() const {
    return tamp_prune::norms_of_layers(tamp::io::read_norms(s.statistics), files, layers);
  }
};

named_norms good_norms(std::vector<std::uint64_t> tokens, std::uint64_t others) {
  named_norms norms;
  norms.add("blk.0.attn_q.weight", {1, 2, 3, 4}, others);
  norms.add("blk.0.ffn_gate_exps.weight", {4, {5, 6, 7, 8, 9, 10, 11, 12}, std::move(tokens)});
  return norms;
}

// A calibration that an engine with tamp has saved of its own pass.
struct engine {
  std::vector<float> q = std::vector<float>(8, 1.0f), x{3, 0, 0, 1, 4, 0, 2, 0};
  std::size_t blocks() const { return 1; }
  void visit_layers(std::size_t, auto&& visit) {
    visit("blk.0.attn_q", tamp::view(q, 2, 4));
    visit("blk.0.ffn_gate_exps.weight", tamp::view(q, 2, 4));
  }
  void observe_block(std::size_t, auto& observer) {
    observer.input(0, tamp::view(x, 2, 4));
    observer.input(1, tamp::view(x, 2, 4));
  }
  void advance(std::size_t) {}
  void rewind() {}
};

}  // namespace

BOOST_AUTO_TEST_CASE(norms_are_found_by_name_and_expert) {
  const small_model m;
  m.save(good_norms({3, 0}, 20));
  const auto seen = m.load();
  BOOST_TEST(seen.layers() == 3u);
  using tamp::stat::column_norm;
  BOOST_TEST((seen.of<column_norm>(0).values() == std::vector<float>{1, 2, 3, 4}));
  BOOST_TEST((seen.of<column_norm>(1).values() == std::vector<float>{5, 6, 7, 8}));
  BOOST_TEST((seen.of<column_norm>(2).values() == std::vector<float>{9, 10, 11, 12}));
  BOOST_TEST(seen.of<column_norm>(0).tokens() == 20u);
  BOOST_TEST(seen.of<column_norm>(1).tokens() == 3u);
  BOOST_TEST(seen.of<column_norm>(2).tokens() == 0u);  // is pruned by magnitude
}

BOOST_AUTO_TEST_CASE(norms_are_found_under_the_name_of_the_layer) {
  const small_model m;
  named_norms norms;
  norms.add("blk.0.attn_q", {1, 2, 3, 4}, 20);  // as many hosts name it
  norms.add("blk.0.ffn_gate_exps.weight", {4, {5, 6, 7, 8, 9, 10, 11, 12}, {1, 1}});
  m.save(norms);
  BOOST_TEST((m.load().of<tamp::stat::column_norm>(0).values() == std::vector<float>{1, 2, 3, 4}));
  // Under its own name they are its own.
  norms.add("blk.0.attn_q.weight", {4, 3, 2, 1}, 20);
  m.save(norms);
  BOOST_TEST((m.load().of<tamp::stat::column_norm>(0).values() == std::vector<float>{4, 3, 2, 1}));
}

BOOST_AUTO_TEST_CASE(a_calibration_of_tamp_has_norms) {
  const small_model m;
  engine host;
  auto seen = tamp::calibration_for(tamp::score::wanda{});
  tamp::calibrate(host, seen);
  tamp::io::save(m.s.statistics, seen);
  tamp_prune::choice queries;
  queries.only = {"*attn_q*"};
  const auto layers = choose_layers(m.files, queries);
  const auto norms =
      tamp_prune::norms_of_layers(tamp::io::read_norms(m.s.statistics), m.files, layers);
  const auto found = norms.of<tamp::stat::column_norm>(0).values();
  // Per token: sqrt((9 + 16) / 2), 0, sqrt(4 / 2), sqrt(1 / 2).
  const std::vector<float> expected{3.5355339f, 0, 1.4142135f, 0.70710678f};
  for (std::size_t j = 0; j < 4; ++j)
    BOOST_TEST(found[j] == expected[j], boost::test_tools::tolerance(1e-6f));
}

BOOST_AUTO_TEST_CASE(a_file_that_counts_no_tokens_is_believed) {
  const small_model m;
  m.save(good_norms({0, 0}, 0));
  const auto seen = m.load();
  for (std::size_t k = 0; k < 3; ++k)
    BOOST_TEST(seen.of<tamp::stat::column_norm>(k).tokens() == 1u);
}

BOOST_AUTO_TEST_CASE(statistics_of_another_model_are_refused) {
  const small_model m;
  const std::string path = m.s.statistics;
  named_norms other;
  other.add("blk.0.attn_k.weight", {1, 2, 3, 4}, 7);
  m.save(other);
  check_error<tamp::file_error>(path +
                                    ": has no norms for 'blk.0.attn_q.weight' among those of 1 "
                                    "weights; most like it: 'blk.0.attn_k.weight'",
                                [&] { m.load(); });
  named_norms narrow;
  narrow.add("blk.0.attn_q.weight", {1, 2, 3}, 7);
  m.save(narrow);
  check_error<tamp::shape_error>(
      path + ": the norms of 'blk.0.attn_q.weight' cover 3 columns, the weight has 4",
      [&] { m.load(); });
  named_norms experts;
  experts.add("blk.0.attn_q.weight", {1, 2, 3, 4}, 7);
  experts.add("blk.0.ffn_gate_exps.weight", {4, std::vector<float>(12, 1.0f), {1, 1, 1}});
  m.save(experts);
  check_error<tamp::shape_error>(path +
                                     ": the norms of 'blk.0.ffn_gate_exps.weight' cover 3 x 4 "
                                     "columns, the weight has 2 x 4",
                                 [&] { m.load(); });
  fs::remove(path);
  check_error<tamp::file_error>(path + ": cannot be opened: No such file or directory",
                                [&] { m.load(); });
}

BOOST_AUTO_TEST_CASE(plans_by_hand) {
  small_model m;
  m.s.sparsity = 0.25;
  file_host host(m.files, m.layers);
  const auto plan = tamp_prune::make_plan(m.s, host, std::nullopt);
  BOOST_REQUIRE(plan.layers.size() == 3u);
  BOOST_TEST(plan.recipe == "magnitude, uniform 0.25, per_row");
  BOOST_TEST(plan.layers[1].name == "blk.0.ffn_gate_exps.weight[0]");
  for (const auto& layer : plan.layers) BOOST_TEST(layer.sparsity == 0.25);
  m.s.sparsity.reset();
  m.s.pattern = "1:4";
  for (const auto& layer : tamp_prune::make_plan(m.s, host, std::nullopt).layers)
    BOOST_TEST(layer.sparsity == 0.75);
  m.s.pattern = "per_tensor";
  m.s.allocate = "erk";
  const auto erk = tamp_prune::make_plan(m.s, host, std::nullopt);
  BOOST_TEST(erk.recipe == "magnitude, erk 0.5, per_tensor");
  BOOST_TEST(erk.layers[0].sparsity < erk.layers[1].sparsity);  // smaller layers keep more
}

BOOST_AUTO_TEST_CASE(a_plan_is_followed_and_one_of_another_model_is_refused) {
  small_model m;
  file_host host(m.files, m.layers);
  auto plan = tamp_prune::make_plan(m.s, host, std::nullopt);
  plan.layers[0].sparsity = 0;
  plan.layers[1].sparsity = 1;
  m.s.plan = (m.folder / "plan").string();
  tamp::io::save(m.s.plan, plan);
  BOOST_TEST((tamp_prune::make_plan(m.s, host, std::nullopt) == plan));
  tamp::prune_report report;
  BOOST_TEST(tamp_prune::prune(m.s, host, std::nullopt, plan, report, {}));
  BOOST_TEST(report.layers[0].zeros() == 0u);
  BOOST_TEST(report.layers[1].zeros() == 24u);
  BOOST_TEST(report.layers[2].zeros() == 12u);
  plan.layers.pop_back();
  tamp::prune_report other;
  check_error<tamp::shape_error>("prune: the plan has 2 layers, the model 3", [&] {
    tamp_prune::prune(m.s, host, std::nullopt, plan, other, {});
  });
  BOOST_TEST(other.layers.empty());
}

BOOST_AUTO_TEST_CASE(pruning_goes_on_from_a_report) {
  const small_model m;
  file_host host(m.files, m.layers);
  const auto plan = tamp_prune::make_plan(m.s, host, std::nullopt);
  tamp::prune_report report;
  std::string finished;
  host.on_finish = [&](const tamp_prune::layer& l) {
    finished += l.name + '\n';
    return [](std::span<const std::byte>) {};
  };
  const auto after_one = [&](const tamp::progress&) { return report.layers.size() < 1; };
  BOOST_TEST(!tamp_prune::prune(m.s, host, std::nullopt, plan, report, after_one));
  BOOST_TEST(finished == "blk.0.attn_q.weight\n");
  BOOST_TEST(tamp_prune::prune(m.s, host, std::nullopt, plan, report, {}));
  BOOST_TEST(finished ==
             "blk.0.attn_q.weight\nblk.0.ffn_gate_exps.weight[0]\nblk.0.ffn_gate_exps.weight[1]\n");
}

// Beside others such layers are no error, and neither are they as the share of a rank.
BOOST_AUTO_TEST_CASE(a_share_of_layers_that_are_not_pruned_is_written_as_it_is) {
  const small_model m;
  file_host host(m.files, m.layers);
  auto plan = tamp_prune::make_plan(m.s, host, std::nullopt);
  for (auto& layer : plan.layers) layer.sparsity = 0, layer.excluded = true, layer.drop.reset();
  std::string finished;
  host.on_finish = [&](const tamp_prune::layer& l) {
    finished += l.name + '\n';
    return [](std::span<const std::byte>) {};
  };
  tamp::prune_report report;
  const auto after_one = [&](const tamp::progress&) { return report.layers.size() < 1; };
  BOOST_TEST(!tamp_prune::prune(m.s, host, std::nullopt, plan, report, after_one));
  BOOST_TEST(finished == "blk.0.attn_q.weight\n");
  BOOST_TEST(tamp_prune::prune(m.s, host, std::nullopt, plan, report, {}));
  BOOST_TEST(finished ==
             "blk.0.attn_q.weight\nblk.0.ffn_gate_exps.weight[0]\nblk.0.ffn_gate_exps.weight[1]\n");
  BOOST_REQUIRE(report.layers.size() == 3u);
  for (const auto& layer : report.layers)
    BOOST_TEST((layer.excluded && layer.kept == layer.size() && layer.score.empty()));
  check_error<tamp::value_error>(
      "prune: there is nothing to prune: all of 3 layers (blk.0.attn_q.weight, "
      "blk.0.ffn_gate_exps.weight[0], blk.0.ffn_gate_exps.weight[1]) are excluded or tied",
      [&] { tamp_prune::check_before(m.s, host, std::nullopt, plan); });
}

BOOST_AUTO_TEST_CASE(a_share_of_layers_that_saw_no_token_is_pruned_by_magnitude) {
  small_model m;
  m.save(good_norms({0, 0}, 20));
  m.s.score = "wanda";
  const auto all = m.load();
  file_host host(m.files, m.layers);
  const auto plan = tamp_prune::make_plan(m.s, host, all);
  tamp::prune_report whole;
  BOOST_TEST(tamp_prune::prune(m.s, host, all, plan, whole, {}));

  auto& layers = m.layers.blocks[0].layers;
  layers.erase(layers.begin());
  auto part = plan;
  part.layers.erase(part.layers.begin());
  const tamp_prune::norms seen = m.load();
  file_host part_host(m.files, m.layers);
  tamp::prune_report report;
  std::vector<tamp::layer_report> finished;
  part_host.on_finish = [&](const tamp_prune::layer&) {
    finished.push_back(report.layers.back());
    return [](std::span<const std::byte>) {};
  };
  BOOST_TEST(tamp_prune::prune(m.s, part_host, seen, part, report, {}));
  BOOST_REQUIRE((finished.size() == 2u && whole.layers.size() == 3u));
  for (std::size_t k = 0; k < 2; ++k) {
    const auto &here = finished[k], &there = whole.layers[k + 1];
    BOOST_TEST((here.name == there.name && here.kept == there.kept && here.asked == there.asked));
    BOOST_TEST((here.tokens == 0u && there.tokens == 0u));
    BOOST_TEST((here.fell_back && there.fell_back));
    BOOST_TEST((here.score == "magnitude" && there.score == "magnitude"));
  }
}

BOOST_AUTO_TEST_CASE(the_report_of_all_layers_is_that_of_one_run) {
  const small_model m;
  file_host host(m.files, m.layers);
  const auto plan = tamp_prune::make_plan(m.s, host, std::nullopt);
  tamp_prune::check_before(m.s, host, std::nullopt, plan);
  tamp::prune_report report;
  BOOST_TEST(tamp_prune::prune(m.s, host, std::nullopt, plan, report, {}));
  const auto again = tamp_prune::report_of(m.s, host, std::nullopt, plan, report.layers);
  BOOST_TEST(again.heading() == report.heading());
  BOOST_TEST((again.layers.size() == 3u && again.next.empty() && !again.cancelled));
}

BOOST_AUTO_TEST_SUITE_END()
