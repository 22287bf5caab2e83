// Layers divided among ranks, and their reports put together.
#include <prune/shares.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tamp/error.hpp>
#include <vector>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_shares)

using support::check_error;
using tamp_prune::layer_list;
using tamp_prune::layer_reports;
using tamp_prune::reports_by_name;
using tamp_prune::share;
using tamp_prune::share_of;

namespace {

using bytes = std::vector<std::vector<std::uint64_t>>;  // of each layer of each block

// Blocks of layers that are called a, b ...
struct model {
  layer_list layers;
  tamp::pruning_plan plan;

  explicit model(const bytes& blocks) {
    for (std::size_t b = 0; b < blocks.size(); ++b) {
      auto& block = layers.blocks.emplace_back();
      block.number = b;
      for (const std::uint64_t length : blocks[b]) {
        auto& layer = block.layers.emplace_back();
        layer.name = std::string(1, static_cast<char>('a' + plan.layers.size()));
        layer.length = length;
        plan.layers.push_back({.name = layer.name, .block = b});
      }
    }
    plan.recipe = "as planned";
    plan.fewest_tokens = 7;
  }

  // "a b | c": the layers of each rank.
  std::string divided(std::size_t ranks, const layer_reports& done = {}) const {
    std::string text;
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      const share mine = share_of(layers, plan, done, rank, ranks);
      BOOST_TEST(mine.layers.blocks.size() == layers.blocks.size());
      BOOST_TEST((mine.plan.recipe == plan.recipe && mine.plan.fewest_tokens == 7u));
      std::size_t k = 0;
      std::uint64_t all = 0;
      std::string names;
      for (std::size_t b = 0; b < mine.layers.blocks.size(); ++b) {
        BOOST_TEST(mine.layers.blocks[b].number == b);
        for (const auto& layer : mine.layers.blocks[b].layers) {
          BOOST_TEST(mine.plan.layers.at(k).name == layer.name);
          BOOST_TEST(mine.plan.layers.at(k++).block == b);
          names += (names.empty() ? "" : " ") + layer.name;
          all += layer.length;
        }
      }
      BOOST_TEST((k == mine.plan.layers.size() && all == mine.bytes()));
      text += (rank == 0 ? "" : " | ") + names;
    }
    return text;
  }
};

tamp::layer_report done(std::string name) {
  tamp::layer_report report;
  report.name = std::move(name);
  return report;
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_rank_has_layers_in_a_row_of_about_as_many_bytes) {
  const model even(bytes{{1, 1}, {1, 1}, {1, 1}});
  BOOST_TEST(even.divided(1) == "a b c d e f");
  BOOST_TEST(even.divided(2) == "a b c | d e f");
  BOOST_TEST(even.divided(3) == "a b | c d | e f");
  BOOST_TEST(even.divided(4) == "a | b c | d | e f");
  // The middle byte decides: 2, 6, 9, 15 of 20.
  BOOST_TEST(model(bytes{{4, 4}, {2, 10}}).divided(2) == "a b c | d");
}

BOOST_AUTO_TEST_CASE(ranks_may_have_no_layer) {
  BOOST_TEST(model(bytes{{5}}).divided(3) == " | a | ");
  BOOST_TEST(model(bytes{{1}, {100}}).divided(3) == "a | b | ");
  BOOST_TEST(model(bytes{{}, {}}).divided(2) == " | ");
}

BOOST_AUTO_TEST_CASE(what_is_left_is_divided_anew) {
  const model all(bytes{{1, 1}, {1, 1}, {1, 1}});
  const layer_reports known = reports_by_name({done("a"), done("d")}, all.plan, "here");
  BOOST_TEST(all.divided(2, known) == "b c | e f");
  BOOST_TEST(all.divided(1, known) == "b c e f");
  BOOST_TEST(all.divided(2, reports_by_name(
                                {done("a"), done("b"), done("c"), done("d"), done("e"), done("f")},
                                all.plan, "here")) == " | ");
}

BOOST_AUTO_TEST_CASE(reports_of_other_layers_and_two_of_one_are_refused) {
  const model all(bytes{{1, 1}});
  BOOST_TEST(reports_by_name({done("b"), done("a")}, all.plan, "here").size() == 2u);
  check_error<tamp::file_error>("here: says that z is done, which is no layer of the plan",
                                [&] { reports_by_name({done("a"), done("z")}, all.plan, "here"); });
  check_error<tamp::file_error>(
      "here: says twice that b is done; remove the folder to begin anew",
      [&] { reports_by_name({done("b"), done("a"), done("b")}, all.plan, "here"); });
}

BOOST_AUTO_TEST_SUITE_END()
