// Which tensors are pruned, as which layers.
#include <prune/layers.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <filesystem>
#include <string>
#include <tamp/error.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "models.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_layers)

namespace fs = std::filesystem;
using support::dtype;
using support::random_tensor;
using support::stored;
using support::temporary_folder;
using tamp_prune::choice;
using tamp_prune::choose_layers;
using tamp_prune::find_model;
using tamp_prune::layer_list;

namespace {

// The layers of a file with these tensors.
layer_list chosen(const std::vector<stored>& tensors, const choice& names = {}) {
  const temporary_folder folder;
  support::write_weights(folder / "m", tensors);
  return choose_layers(find_model(folder / "m"), names);
}
layer_list of_the_model(const choice& names = {}) {
  const temporary_folder folder;
  return choose_layers(find_model(support::write_model(folder)), names);
}
// "stack 0: a b | stack 1: c"
std::string as_text(const layer_list& layers) {
  std::string text;
  for (const auto& b : layers.blocks) {
    text += (text.empty() ? "" : " | ") + b.stack + ' ' + std::to_string(b.number) + ':';
    for (const auto& l : b.layers) text += ' ' + l.name;
  }
  return text;
}
std::string left(const layer_list& layers) {
  std::string text;
  for (const auto& d : layers.dense) text += d.name + ": " + d.why + '\n';
  return text;
}
stored f32(std::string name, std::vector<std::size_t> shape) {
  return random_tensor(std::move(name), dtype::f32, std::move(shape));
}

}  // namespace

BOOST_AUTO_TEST_CASE(linear_layers_of_blocks_and_why_others_are_left) {
  const layer_list layers = of_the_model();
  BOOST_TEST(as_text(layers) ==
             "model.layers 0: model.layers.0.self_attn.q_proj.weight "
             "model.layers.0.mlp.down_proj.weight | model.layers 1: "
             "model.layers.1.self_attn.q_proj.weight model.layers.1.mlp.up_proj.weight");
  BOOST_TEST(left(layers) ==
             "model.embed_tokens.weight: no linear layer of a block\n"
             "model.layers.1.mlp.gate.weight: no linear layer of a block\n"
             "lm_head.weight: no linear layer of a block\n"
             "model.layers.1.self_attn.k_proj.weight: holds I8, which is not pruned\n");
  BOOST_TEST(layers.layers() == 4u);
  BOOST_TEST(layers.size() == 24u + 48u + 24u + 48u);
  const auto& down = layers.blocks[0].layers[1];
  BOOST_TEST((down.rows == 6u && down.cols == 8u && down.length == 96u && !down.is_transposed));
}

BOOST_AUTO_TEST_CASE(blocks_are_in_the_order_of_their_numbers) {
  BOOST_TEST(
      as_text(chosen({f32("layers.10.q_proj.weight", {2, 4}), f32("layers.9.q_proj.weight", {2, 4}),
                      f32("decoder.layers.1.q_proj.weight", {2, 4}),
                      f32("layers.9.k_proj.weight", {2, 4})})) ==
      "decoder.layers 1: decoder.layers.1.q_proj.weight | layers 9: layers.9.q_proj.weight "
      "layers.9.k_proj.weight | layers 10: layers.10.q_proj.weight");
}

BOOST_AUTO_TEST_CASE(names_decide) {
  BOOST_TEST(as_text(of_the_model({.only = {"lm_head*"}, .exclude = {}})) == " 0: lm_head.weight");
  const layer_list without = of_the_model({.only = {}, .exclude = {"*.0.*", "*up_proj*"}});
  BOOST_TEST(as_text(without) == "model.layers 1: model.layers.1.self_attn.q_proj.weight");
  BOOST_TEST(left(without).find("model.layers.0.mlp.down_proj.weight: --exclude *.0.*\n") !=
             std::string::npos);
  const layer_list only = of_the_model({.only = {"*q_proj*", "*up_proj*"}, .exclude = {"*.0.*"}});
  BOOST_TEST(as_text(only) ==
             "model.layers 1: model.layers.1.self_attn.q_proj.weight "
             "model.layers.1.mlp.up_proj.weight");
  BOOST_TEST(left(only).find("lm_head.weight: not among --only\n") != std::string::npos);
}

// GPT-2 stores (in, out), as the bias of (out,) shows.
BOOST_AUTO_TEST_CASE(biases_tell_the_layout_of_gpt_2) {
  const auto layers =
      chosen({f32("h.0.attn.c_attn.weight", {4, 12}), f32("h.0.attn.c_attn.bias", {12}),
              f32("h.0.attn.c_proj.weight", {4, 4}), f32("h.0.attn.c_proj.bias", {4})});
  BOOST_REQUIRE(layers.layers() == 2u);
  const auto& c_attn = layers.blocks[0].layers[0];
  BOOST_TEST((c_attn.rows == 12u && c_attn.cols == 4u && c_attn.is_transposed));
  BOOST_TEST(layers.blocks[0].layers[1].is_transposed);
  // Other models with the same names store (out, in).
  const auto usual =
      chosen({f32("h.0.attn.c_attn.weight", {12, 4}), f32("h.0.attn.c_attn.bias", {12})});
  BOOST_TEST((usual.blocks[0].layers[0].rows == 12u && !usual.blocks[0].layers[0].is_transposed));
}

BOOST_AUTO_TEST_CASE(what_has_no_elements_or_one_dimension_is_no_layer) {
  const auto layers =
      chosen({f32("layers.0.q_proj.weight", {2, 4}), f32("layers.0.k_proj.weight", {0, 4}),
              f32("layers.0.v_proj.weight", {8}), f32("layers.0.o_proj.weight", {}),
              f32("layers.0.wo.weight", {1, 2, 2, 2})});
  BOOST_TEST(as_text(layers) == "layers 0: layers.0.q_proj.weight");
  BOOST_TEST(layers.dense.empty());
}

BOOST_AUTO_TEST_CASE(patterns_that_fit_nothing_are_refused) {
  support::check_error<tamp::value_error>("--only *q_porj* fits none of the model's tensors", [] {
    of_the_model({.only = {"*q_proj*", "*q_porj*"}, .exclude = {}});
  });
  support::check_error<tamp::value_error>("--exclude x fits none of the model's tensors",
                                          [] { of_the_model({.only = {}, .exclude = {"x"}}); });
}

BOOST_AUTO_TEST_CASE(a_model_with_nothing_to_prune_is_refused_with_the_candidates) {
  const auto refused = [](const std::vector<stored>& tensors, const std::string& sentence) {
    BOOST_CHECK_EXCEPTION(chosen(tensors), tamp::value_error, [&](const auto& problem) {
      return std::string_view(problem.what()).ends_with(sentence);
    });
  };
  refused({}, ": there is nothing to prune: no tensor is a matrix of floating-point numbers");
  refused({f32("w", {3})},
          ": there is nothing to prune: no tensor is a matrix of floating-point numbers");
  refused({f32("w", {3, 4}), f32("v", {3, 4})},
          ": there is nothing to prune: choose with --only from these tensors: w, v");
}

BOOST_AUTO_TEST_SUITE_END()
