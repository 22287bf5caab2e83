#include <tamp/adapt/torch_model.hpp>
#include <tamp/score/sparsegpt.hpp>
#include <tamp/tamp.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <torch/nn/functional/linear.h>
#include <torch/nn/modules/transformerlayer.h>
#include <torch/script.h>

#include "../../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(adapt_torch_model)

namespace {

using support::check_error;

// A block of two linear layers, one without a bias, and a residual stream.
struct mlp_impl : torch::nn::Module {
  explicit mlp_impl(std::int64_t hidden, std::int64_t width)
      : up(register_module("up", torch::nn::Linear(hidden, width))),
        down(register_module(
            "down", torch::nn::Linear(torch::nn::LinearOptions(width, hidden).bias(false)))) {}

  at::Tensor forward(const at::Tensor& hidden) {
    return hidden + down->forward(at::relu(up->forward(hidden)));
  }

  torch::nn::Linear up, down;
};
TORCH_MODULE_IMPL(mlp, mlp_impl);

constexpr std::int64_t hidden = 16, width = 24;

struct tiny_model {
  explicit tiny_model(at::ScalarType type = at::kFloat) {
    at::manual_seed(1);
    for (int k = 0; k < 3; ++k) {
      modules.emplace_back(hidden, width);
      modules.back()->to(type);
      modules.back()->eval();
    }
    for (const std::int64_t tokens : {20, 1, 7})
      samples.push_back(at::randn({tokens, hidden}).to(type));
  }

  tamp::torch_model host() const {
    std::vector<tamp::torch_block> blocks;
    for (std::size_t k = 0; k < modules.size(); ++k)
      blocks.push_back(tamp::torch_block_of(modules[k], "layers." + std::to_string(k)));
    return {std::move(blocks), samples};
  }

  std::vector<mlp> modules;
  std::vector<at::Tensor> samples;
};

double zeros_of(const at::Tensor& W) {
  return double((W == 0).sum().item<std::int64_t>()) / double(W.numel());
}

const auto half_of_rows =
    tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});

// All that watch_linears shows of run().
struct shown {
  std::size_t layer;
  at::Tensor X, Y;
};
template <class Run>
std::vector<shown> shown_of(const std::vector<tamp::torch_linear>& layers, const Run& run) {
  std::vector<shown> all;
  tamp::watch_linears(layers, run,
                      [&](std::size_t layer, const at::Tensor& X, const at::Tensor& Y) {
                        all.push_back({layer, X.clone(), Y.clone()});
                      });
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(linear_modules_are_found_by_their_places) {
  const mlp module(hidden, width);
  const auto layers = tamp::torch_linears(*module, "model.layers.3");
  BOOST_TEST_REQUIRE(layers.size() == 2u);
  BOOST_TEST(layers[0].name == "model.layers.3.up");
  BOOST_TEST(layers[1].name == "model.layers.3.down");
  BOOST_TEST(layers[0].weight.data_ptr() == module->up->weight.data_ptr());
  BOOST_TEST(layers[0].bias.data_ptr() == module->up->bias.data_ptr());
  BOOST_TEST(!layers[1].bias.defined());
  BOOST_TEST(tamp::torch_linears(*module)[0].name == "up");
}

BOOST_AUTO_TEST_CASE(inputs_and_outputs_are_seen_however_a_layer_is_calculated) {
  at::manual_seed(2);
  namespace F = torch::nn::functional;
  const at::Tensor X = at::randn({5, 8}), W = at::randn({6, 8}), b = at::randn({6});
  const at::Tensor residual = at::randn({5, 6});
  const std::vector<tamp::torch_linear> with_bias{{"layer", W, b}}, without{{"layer", W}};
  const at::Tensor plain = X.matmul(W.t()), wanted = plain + b;
  const auto check = [&](const std::vector<tamp::torch_linear>& layers, const auto& run,
                         const at::Tensor& Y) {
    const auto seen = shown_of(layers, run);
    BOOST_TEST_REQUIRE(seen.size() == 1u);
    BOOST_TEST(seen[0].layer == 0u);
    BOOST_TEST(seen[0].X.equal(X));
    BOOST_TEST(seen[0].Y.allclose(Y));
  };
  check(with_bias, [&] { F::linear(X, W, b); }, wanted);
  check(without, [&] { F::linear(X, W); }, plain);
  check(with_bias, [&] { at::linear(X, W, b); }, wanted);
  check(without, [&] { at::linear(X, W); }, plain);
  check(with_bias, [&] { X.mm(W.t()).add_(b); }, wanted);
  check(with_bias, [&] { at::addmm(residual, X, W.t()); }, wanted);
  check(with_bias, [&] { at::addmm(b, X, W.t(), 2); }, wanted);
  check(without, [&] { at::addmm(residual, X, W.t()); }, plain);
  // Dimensions in front are joined, and a vector is one token.
  const at::Tensor X3 = X.unsqueeze(0), x = X[3];
  check(with_bias, [&] { F::linear(X3, W, b); }, wanted);
  check(without, [&] { F::linear(X3.transpose(0, 1), W); }, plain);
  const auto seen = shown_of(with_bias, [&] { F::linear(x, W, b); });
  BOOST_TEST_REQUIRE(seen.size() == 1u);
  BOOST_TEST(seen[0].X.equal(X.slice(0, 3, 4)));
  BOOST_TEST(seen[0].Y.allclose(wanted.slice(0, 3, 4)));
}

BOOST_AUTO_TEST_CASE(what_is_no_layer_of_the_list_is_not_shown) {
  at::manual_seed(3);
  const at::Tensor X = at::randn({5, 8}), W = at::randn({8, 8}), other = at::randn({8, 8});
  const std::vector<tamp::torch_linear> layers{{"layer", W}};
  const auto seen = shown_of(layers, [&] {
    X.matmul(W);              // the transpose of the layer
    X.matmul(other.t());      // another weight
    X.matmul(W.clone().t());  // the same numbers elsewhere
    W.mul(2).add(W.t());
    std::thread([&] { X.matmul(W.t()); }).join();
  });
  BOOST_TEST(seen.empty());
  X.matmul(W.t());  // after the watch
  BOOST_TEST(seen.empty());
}

BOOST_AUTO_TEST_CASE(layers_are_shown_in_the_order_in_which_they_run_and_inputs_alone_if_asked) {
  const tiny_model model;
  mlp module = model.modules[0];
  const auto layers = tamp::torch_linears(*module);
  std::vector<std::size_t> order;
  at::Tensor first;
  tamp::watch_linears(
      layers, [&] { module->forward(model.samples[0]); },
      [&](std::size_t layer, const at::Tensor& X) {
        order.push_back(layer);
        if (layer == 0) first = X.clone();
        X.matmul(layers[1].weight.select(0, 0).slice(0, 0, X.size(1)));  // is not shown itself
        at::linear(at::ones({1, hidden}), layers[0].weight);
      });
  BOOST_TEST((order == std::vector<std::size_t>{0, 1}));
  BOOST_TEST(first.equal(model.samples[0]));
}

BOOST_AUTO_TEST_CASE(exceptions_come_out_of_both_functions) {
  const tiny_model model;
  mlp module = model.modules[0];
  const auto layers = tamp::torch_linears(*module);
  const auto forward = [&] { module->forward(model.samples[0]); };
  int calls = 0;
  BOOST_CHECK_THROW(tamp::watch_linears(layers, forward,
                                        [&](std::size_t, const at::Tensor&) {
                                          ++calls;
                                          throw std::runtime_error("stop");
                                        }),
                    std::runtime_error);
  BOOST_TEST(calls == 1);
  BOOST_CHECK_THROW(
      tamp::watch_linears(
          layers, [] { throw std::logic_error("forward"); }, [](std::size_t, const at::Tensor&) {}),
      std::logic_error);
  // An operation that is a layer and fails, of another width.
  BOOST_CHECK_THROW(shown_of(layers, [&] { module->forward(at::ones({2, hidden + 1})); }),
                    c10::Error);
  BOOST_TEST(shown_of(layers, forward).size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_watch_within_a_watch_is_refused) {
  const std::vector<tamp::torch_linear> none;
  const auto ignore = [](std::size_t, const at::Tensor&) {};
  check_error<tamp::value_error>(
      "watch_linears: this thread already runs one; they cannot be nested", [&] {
        tamp::watch_linears(none, [&] { tamp::watch_linears(none, [] {}, ignore); }, ignore);
      });
  tamp::watch_linears(none, [] {}, ignore);  // works again
}

BOOST_AUTO_TEST_CASE(a_model_is_pruned_in_place_block_by_block_as_by_hand) {
  const tiny_model model, by_hand;
  const void* const memory = model.modules[1]->up->weight.data_ptr();
  auto host = model.host();
  const auto report = tamp::prune_model(host, half_of_rows);
  BOOST_TEST(report.layers.size() == 6u);
  BOOST_TEST(model.modules[1]->up->weight.data_ptr() == memory);
  BOOST_TEST(report.layers[2].name == "layers.1.up");

  const at::NoGradGuard no_gradients;
  std::vector<at::Tensor> states = by_hand.samples;
  for (mlp module : by_hand.modules) {
    tamp::stat::column_norm up, down;
    for (const at::Tensor& x : states) {
      up.add(x);
      down.add(at::relu(module->up->forward(x)));
    }
    tamp::prune(module->up->weight, up, half_of_rows);
    tamp::prune(module->down->weight, down, half_of_rows);
    for (at::Tensor& x : states) x = module->forward(x);
  }
  for (std::size_t k = 0; k < 3; ++k) {
    BOOST_TEST(model.modules[k]->up->weight.equal(by_hand.modules[k]->up->weight));
    BOOST_TEST(model.modules[k]->down->weight.equal(by_hand.modules[k]->down->weight));
    BOOST_TEST(zeros_of(model.modules[k]->up->weight) == 0.5);
  }
}

BOOST_AUTO_TEST_CASE(samples_stay_as_they_are_also_if_a_block_writes_to_its_argument) {
  const at::Tensor W = at::eye(4).add(0.1), sample = at::ones({3, 4});
  const tamp::torch_block block{{{"0.fc1", W}}, [&](const at::Tensor& hidden, std::size_t) {
                                  at::Tensor changed = hidden;
                                  return changed.mul_(2).matmul(W.t());
                                }};
  tamp::torch_model host({block, block}, {sample});
  tamp::prune_model(host, half_of_rows);
  BOOST_TEST(sample.equal(at::ones({3, 4})));
  host.rewind();
  BOOST_TEST(host.states()[0].equal(sample));
}

BOOST_AUTO_TEST_CASE(recipes_that_look_at_all_that_is_shown_work) {
  using namespace tamp;
  const auto achieved = [](const auto& recipe) {
    const tiny_model model;
    auto host = model.host();
    const auto report = prune_model(host, recipe);
    double zeros = 0;
    for (const mlp& module : model.modules)
      zeros += zeros_of(module->up->weight) + zeros_of(module->down->weight);
    BOOST_TEST(report.layers.size() == 6u);
    return zeros / 6;
  };
  BOOST_TEST(achieved(compose(score::sparsegpt{}, pattern::n_of_m<2, 4>{})) == 0.5);
  // Shares of whole rows are rounded down.
  const auto about_half = [](double zeros) { return zeros > 0.44 && zeros <= 0.51; };
  BOOST_TEST(about_half(
      achieved(compose(score::wanda{}, pattern::per_row{}, allocate::owl<>{.sparsity = 0.5}))));
  BOOST_TEST(about_half(achieved(
      compose(score::wanda{}, pattern::per_row{}, allocate::block_influence{.sparsity = 0.5}))));
  BOOST_TEST(about_half(
      achieved(compose(score::ria{}, pattern::per_row{}, allocate::das{.sparsity = 0.5}))));
}

BOOST_AUTO_TEST_CASE(outputs_that_are_shown_to_statistics_are_those_of_the_layers) {
  const tiny_model model;
  auto host = model.host();
  auto seen = tamp::calibration_for(tamp::allocate::das{.sparsity = 0.5});
  tamp::calibrate(host, seen);
  const at::NoGradGuard no_gradients;
  tamp::stat::token_diversity up;
  for (const at::Tensor& x : model.samples) {
    mlp module = model.modules[0];
    up.add(module->up->forward(x), std::vector<tamp::modality>());
  }
  BOOST_TEST((seen.of<tamp::stat::token_diversity>(0) == up));
}

BOOST_AUTO_TEST_CASE(modalities_are_told_if_they_are_given) {
  const tiny_model model;
  std::vector<std::vector<tamp::modality>> kinds;
  for (const at::Tensor& x : model.samples)
    kinds.emplace_back(std::size_t(x.size(0)), tamp::modality::text);
  kinds[0][3] = kinds[0][4] = kinds[0][5] = tamp::modality::image;
  const auto blocks = [&] { return std::vector{tamp::torch_block_of(model.modules[0], "0")}; };
  const auto calibrated = [&](tamp::torch_model host) {
    auto seen = tamp::calibration_for(tamp::allocate::das{.sparsity = 0.5});
    tamp::calibrate(host, seen);
    return seen.of<tamp::stat::token_diversity>(0);
  };
  BOOST_TEST(
      !(calibrated({blocks(), model.samples, kinds}) == calibrated({blocks(), model.samples})));
  kinds[1].push_back(tamp::modality::text);
  check_error<tamp::shape_error>("torch_model: sample 1 has 1 tokens and 2 kinds",
                                 [&] { tamp::torch_model(blocks(), model.samples, kinds); });
  kinds.pop_back();
  check_error<tamp::shape_error>("torch_model: there are 3 samples and 2 lists of kinds of tokens",
                                 [&] { tamp::torch_model(blocks(), model.samples, kinds); });
}

BOOST_AUTO_TEST_CASE(models_of_16_bit_numbers_and_of_double_are_pruned) {
  for (const at::ScalarType type : {at::kBFloat16, at::kDouble}) {
    const tiny_model model(type);
    auto host = model.host();
    tamp::prune_model(host, half_of_rows);
    for (const mlp& module : model.modules) {
      BOOST_TEST((module->up->weight.scalar_type() == type));
      BOOST_TEST(zeros_of(module->up->weight) == 0.5);
      BOOST_TEST(zeros_of(module->down->weight) == 0.5);
    }
  }
}

BOOST_AUTO_TEST_CASE(layers_of_a_transformer_of_torch_are_seen) {
  at::manual_seed(4);
  torch::nn::TransformerEncoderLayer layer(
      torch::nn::TransformerEncoderLayerOptions(hidden, 4).dim_feedforward(width));
  layer->eval();
  auto block = tamp::torch_block_of(layer, "layers.0");
  // The joined projection of queries, keys and values is no module.
  block.layers.push_back({"layers.0.self_attn.in_proj", layer->self_attn->in_proj_weight,
                          layer->self_attn->in_proj_bias});
  BOOST_TEST(block.layers.size() == 4u);
  tamp::torch_model host({block}, {at::randn({9, 1, hidden}), at::randn({5, 1, hidden})});
  const auto report =
      tamp::prune_model(host, tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{}));
  BOOST_TEST(report.layers.size() == 4u);
  for (const auto& of_layer : report.layers) {
    BOOST_TEST_CONTEXT(of_layer.name) {
      BOOST_TEST(of_layer.score == "wanda");  // not magnitude, as of layers that saw no token
      BOOST_TEST(of_layer.achieved() == 0.5);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_script_is_pruned_as_it_was_loaded) {
  at::manual_seed(5);
  torch::jit::Module script("block");
  script.register_parameter("up", at::randn({width, hidden}), false);
  script.register_parameter("down", at::randn({hidden, width}), false);
  script.define(R"(
    def forward(self, x):
        return x + torch.linear(torch.relu(torch.linear(x, self.up)), self.down)
  )");
  tamp::torch_block block;
  for (const auto& parameter : script.named_parameters())
    block.layers.push_back({parameter.name, parameter.value});
  block.forward = [&](const at::Tensor& x, std::size_t) { return script.forward({x}).toTensor(); };
  tamp::torch_model host({block}, {at::randn({20, hidden})});
  const auto report = tamp::prune_model(host, half_of_rows);
  for (const auto& of_layer : report.layers) BOOST_TEST(of_layer.score == "wanda");
  BOOST_TEST(zeros_of(script.attr("up").toTensor()) == 0.5);
}

BOOST_AUTO_TEST_CASE(the_number_of_a_sample_is_told_to_the_block) {
  std::vector<std::size_t> numbers;
  const at::Tensor W = at::eye(4).add(0.1);
  const tamp::torch_block block{{{"0.fc1", W}}, [&](const at::Tensor& hidden, std::size_t sample) {
                                  numbers.push_back(sample);
                                  return hidden.matmul(W.t());
                                }};
  tamp::torch_model host({block}, {at::ones({3, 4}), at::ones({2, 4})});
  host.advance(0);
  BOOST_TEST((numbers == std::vector<std::size_t>{0, 1}));
}

BOOST_AUTO_TEST_CASE(samples_are_told_apart_by_their_fingerprint) {
  const tiny_model model;
  auto host = model.host();
  const auto print = host.fingerprint();
  host.advance(0);
  BOOST_TEST(host.fingerprint() == print);
  const std::vector<at::Tensor> others{model.samples[1], model.samples[0], model.samples[2]};
  BOOST_TEST(tamp::torch_model({}, others).fingerprint() != print);
}

BOOST_AUTO_TEST_CASE(samples_that_are_no_sequences_are_refused) {
  const auto host_of = [](std::vector<at::Tensor> samples) {
    return [samples] { tamp::torch_model({}, samples); };
  };
  check_error<tamp::value_error>("torch_model: there is no sample", host_of({}));
  check_error<tamp::value_error>("torch_model: sample 1 has no floating-point numbers",
                                 host_of({at::ones({2, 4}), at::Tensor()}));
  check_error<tamp::value_error>("torch_model: sample 0 has no floating-point numbers",
                                 host_of({at::ones({2, 4}, at::kLong)}));
  check_error<tamp::shape_error>(
      "torch_model: sample 0 is 2 x 5 x 4; a sample is one sequence, (tokens, hidden)",
      host_of({at::ones({2, 5, 4})}));
  check_error<tamp::shape_error>(
      "torch_model: sample 0 is 4; a sample is one sequence, (tokens, hidden)",
      host_of({at::ones({4})}));
}

BOOST_AUTO_TEST_CASE(a_module_in_training_mode_is_refused) {
  check_error<tamp::value_error>(
      "torch_block_of: the module layers.0 is in training mode: call its eval() first",
      [] { tamp::torch_block_of(mlp(hidden, width), "layers.0"); });
}

BOOST_AUTO_TEST_CASE(activations_that_are_not_finite_stop_it_before_the_block_is_written) {
  const tiny_model model;
  model.samples[1][0][3] = std::nan("");
  const at::Tensor before = model.modules[0]->up->weight.detach().clone();
  auto host = model.host();
  BOOST_CHECK_THROW(tamp::prune_model(host, half_of_rows), tamp::value_error);
  BOOST_TEST(model.modules[0]->up->weight.equal(before));
}

BOOST_AUTO_TEST_SUITE_END()
