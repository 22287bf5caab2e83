// The sparsities of blocks, by hand and by the allocations of single weights.
#include <prune/block_sparsities.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <optional>
#include <prune/decoder_blocks.hpp>
#include <prune/model_files.hpp>
#include <string>
#include <string_view>
#include <tamp/allocate/das.hpp>
#include <tamp/error.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/tensors.hpp"
#include "models.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_block_sparsities)

using support::bytes_of;
using support::check_error;
using support::dtype;
using support::stored;
using support::temporary_folder;
using tamp_prune::distribute_over_blocks;
using tamp_prune::text_statistics;

namespace {

constexpr std::size_t width = 10;

std::string in_block(std::size_t block, std::string_view part) {
  return "model.layers." + std::to_string(block) + '.' + std::string(part) + ".weight";
}

// A matrix of ones in which one number may be another.
stored ones(std::string name, std::size_t rows, float corner = 1) {
  stored t{std::move(name), dtype::f32, {rows, width}};
  for (std::size_t k = 0; k < rows * width; ++k) t.bytes += bytes_of(k == 0 ? corner : 1.0f);
  return t;
}

// Three blocks of an up and a down projection, of which the last has an outlier, and a norm.
struct three_blocks {
  temporary_folder folder;
  tamp_prune::model_files model;
  tamp_prune::decoder_blocks decoder;
  tamp_prune::settings s;

  explicit three_blocks(std::size_t rows_of_last = width) {
    std::vector<stored> tensors;
    for (std::size_t n = 0; n < 3; ++n) {
      tensors.push_back(ones(in_block(n, "mlp.up_proj"), n == 2 ? rows_of_last : width));
      tensors.push_back(ones(in_block(n, "mlp.down_proj"), width, n == 2 ? 50.0f : 1.0f));
      tensors.push_back({in_block(n, "input_layernorm"), dtype::f32, {1}, bytes_of(1.0f)});
    }
    support::write_weights(folder / "model.safetensors", tensors);
    model = tamp_prune::find_model(folder / "model.safetensors");
    decoder = tamp_prune::find_blocks(model);
    s = support::settings_for(folder / "model.safetensors", folder / "out");
  }

  text_statistics seen(const std::vector<float>& first_norms) const {
    text_statistics all{tamp::io::named_norms("text"), {}, {}, {}};
    for (std::size_t n = 0; n < 3; ++n)
      for (const std::string_view part : {"mlp.up_proj", "mlp.down_proj"}) {
        std::vector<float> norms(width, 1.0f);
        norms[0] = first_norms.at(n);
        all.norms.add(in_block(n, part), norms, 9);
      }
    return all;
  }
};

void check(const std::vector<double>& found, const std::vector<double>& expected) {
  BOOST_TEST_REQUIRE(found.size() == expected.size());
  for (std::size_t k = 0; k < found.size(); ++k)
    BOOST_TEST(found[k] == expected[k], boost::test_tools::tolerance(1e-12));
}

}  // namespace

// Outliers are one number of 200 in the last block, and none in the others. Scaled to [0, 1] they are
// 0, 0 and 1, whose mean is 1/3: densities move by 2 * 0.08 times what is above it.
BOOST_AUTO_TEST_CASE(owl_takes_least_of_the_block_with_outliers) {
  three_blocks given;
  given.s.allocate = "owl";
  const auto by_magnitude = distribute_over_blocks(given.s, given.model, given.decoder, {}, 0.5);
  check(by_magnitude.of_block, {0.5 + 0.16 / 3, 0.5 + 0.16 / 3, 0.5 - 0.16 * 2 / 3});
  // By Wanda's scores the first block has outliers in its first column, a tenth of its weights. In the
  // last block they are as many, since 50 times 20 is one more among them.
  given.s.score = "flap";
  const auto seen = given.seen({20, 1, 20});
  const auto by_norms = distribute_over_blocks(given.s, given.model, given.decoder, seen, 0.3);
  BOOST_TEST(by_norms.of_block[0] < 0.3);
  BOOST_TEST(by_norms.of_block[1] > 0.3);
  // Equal ratios leave the same of all.
  const auto equal =
      distribute_over_blocks(given.s, given.model, given.decoder, given.seen({1, 1, 1}), 0.3);
  BOOST_TEST(equal.of_block[0] == equal.of_block[1]);
  BOOST_TEST(equal.of_block[2] < 0.3);  // whose weight of 50 is one
}

// Tokens of the first block are all alike, those of the second have nothing to do with each other: as
// text alone their importances are 3 - 1 and 3 - 0.
BOOST_AUTO_TEST_CASE(das_takes_least_of_the_block_whose_tokens_differ) {
  three_blocks given(4);
  given.s.allocate = "das";
  text_statistics seen = given.seen({1, 1, 1});
  const support::matrix<float> alike{{1, 0}, {1, 0}}, different{{1, 0}, {0, 1}};
  std::vector<double> importance;
  const std::vector<std::size_t> sizes{100, 100, 100, 100, 40, 100};
  for (std::size_t n = 0; n < 3; ++n)
    for (const std::string_view part : {"mlp.up_proj", "mlp.down_proj"}) {
      auto& diversity = seen.diversities[in_block(n, part)];
      diversity.add(n == 1 ? different : alike);
      importance.push_back(n == 1 ? 3 : 2);
      BOOST_TEST(diversity.importance() == importance.back());
    }
  // In the files the layers of a block come by name: down before up.
  for (std::size_t n = 0; n < 3; ++n) std::swap(importance[2 * n], importance[2 * n + 1]);
  const auto found = distribute_over_blocks(given.s, given.model, given.decoder, seen, 0.5);
  const auto of_layers = tamp::allocate::das{.sparsity = 0.5}.distribute(importance, sizes);
  const auto& by_layer = of_layers.sparsities;
  check(found.of_block, {(by_layer[0] + by_layer[1]) / 2, (by_layer[2] + by_layer[3]) / 2,
                         (40 * by_layer[4] + 100 * by_layer[5]) / 140});
  BOOST_TEST(found.of_block[1] < found.of_block[0]);
  double dropped = 0;  // in all, what was asked for
  for (std::size_t n = 0; n < 3; ++n) dropped += found.of_block[n] * (n == 2 ? 140 : 200);
  BOOST_TEST(dropped == 270.0, boost::test_tools::tolerance(1e-12));

  seen.diversities.erase(in_block(2, "mlp.up_proj"));
  check_error<tamp::value_error>(
      "--allocate das: the text was sent through a model that has no layer "
      "model.layers.2.mlp.up_proj.weight",
      [&] { distribute_over_blocks(given.s, given.model, given.decoder, seen, 0.5); });
}

BOOST_AUTO_TEST_CASE(a_block_without_linear_layers_keeps_the_sparsity) {
  const temporary_folder folder;
  support::write_weights(folder / "model.safetensors",
                         {ones(in_block(0, "mlp.down_proj"), width),
                          ones(in_block(2, "mlp.down_proj"), width, 50.0f),
                          {in_block(1, "input_layernorm"), dtype::f32, {1}, bytes_of(1.0f)},
                          ones("vision.blocks.0.attn.weight", 1)});
  const auto model = tamp_prune::find_model(folder / "model.safetensors");
  auto s = support::settings_for(folder / "model.safetensors", folder / "out");
  s.allocate = "owl";
  const auto found =
      distribute_over_blocks(s, model, tamp_prune::find_blocks(model), std::nullopt, 0.25);
  check(found.of_block, {0.25 + 0.08, 0.25, 0.25 - 0.08});
}

BOOST_AUTO_TEST_CASE(norms_of_other_layers_are_refused) {
  three_blocks given;
  given.s.allocate = "owl";
  given.s.score = "wanda";
  text_statistics other{tamp::io::named_norms("norms"), {}, {}, {}};
  other.norms.add("model.layers.0.mlp.up_proj.weight", std::vector<float>(width, 1.0f), 9);
  BOOST_CHECK_THROW(distribute_over_blocks(given.s, given.model, given.decoder, other, 0.5),
                    tamp::error);
}

BOOST_AUTO_TEST_SUITE_END()
