// Refinements of masks, as ratios to score::sparsegpt on the same layer and Gram matrix: 25 swaps a
// row, DSnoT, the layer's error, and repair. Features are correlated, as those of layers are: a few
// directions are common to all, and neighbours go together.

#include <tamp/refine/repair.hpp>
#include <tamp/score/sparsegpt.hpp>
#include <tamp/tamp.hpp>

#include "floor.hpp"

namespace {

struct layer {
  std::size_t side;
  std::vector<float> weights;
  tamp::stat::gram gram;
  tamp::stat::sequence_moments moments;
  tamp::mask::bitmask half, groups;

  template <class Executor>
  layer(const Executor& exec, std::size_t n) : side(n), weights(bench::random_weights(n, n)) {
    constexpr std::size_t common = 32;
    const std::size_t tokens = 2 * n;
    std::mt19937 generator(3);
    std::normal_distribution<float> normal;
    const std::vector<float> directions = bench::random_weights(common, n);
    const std::vector<float> scales = bench::random_norms(n);
    std::vector<float> x(tokens * n);
    for (std::size_t t = 0; t < tokens; ++t) {
      float of_token[common], before = 0;
      for (float& f : of_token) f = 0.18f * normal(generator);
      for (std::size_t j = 0; j < n; ++j) {
        float sum = before = normal(generator) + 0.5f * before;
        for (std::size_t k = 0; k < common; ++k) sum += of_token[k] * directions[k * n + j];
        x[t * n + j] = scales[j] * sum;
      }
    }
    const auto inputs = tamp::view(x, tokens, n);
    gram.add(exec, inputs);
    moments.add(exec, inputs);
    tamp::stat::column_norm norms;
    norms.add(exec, inputs);
    const auto choose = [&](const auto& recipe) {
      return tamp::select(exec, tamp::view(weights, n, n), norms, recipe);
    };
    half = choose(tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{},
                                tamp::allocate::uniform{0.5}));
    groups = choose(tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{}));
  }
};

[[maybe_unused]] const bool registered = [] {
  const auto with = [](const std::string& threads, auto exec, std::size_t side) {
    const auto add = [&](const std::string& name, auto kernel) {
      benchmark::RegisterBenchmark(
          ("refine/" + name + "/" + std::to_string(side) + "/" + threads).c_str(),
          [=](benchmark::State& state) {
            const layer given(exec, side);
            std::vector<float> copy;
            bench::against_floor(
                state, side * side * sizeof(float), [&] { copy = given.weights; },
                [&] {
                  const auto recipe =
                      tamp::compose(tamp::score::sparsegpt{}, tamp::pattern::per_tensor{},
                                    tamp::allocate::uniform{0.5});
                  benchmark::DoNotOptimize(
                      tamp::prune(exec, tamp::view(copy, side, side), given.gram, recipe).kept);
                },
                [&] { kernel(given, tamp::view(given.weights, side, side)); });
          })
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond)
          ->MinTime(0.3);
    };
    using tamp::refine::swaps;
    add("swaps", [=](const layer& l, auto weight) {
      benchmark::DoNotOptimize(swaps{25}(exec, weight, l.half, l.gram).error.after);
    });
    add("swaps_2:4", [=](const layer& l, auto weight) {
      const tamp::pattern::n_of_m<2, 4> pattern;
      benchmark::DoNotOptimize(swaps{25}(exec, weight, l.groups, l.gram, pattern).error.after);
    });
    add("dsnot", [=](const layer& l, auto weight) {
      benchmark::DoNotOptimize(
          tamp::refine::dsnot{}(exec, weight, l.half, l.moments, weight).count());
    });
    add("layer_error", [=](const layer& l, auto weight) {
      benchmark::DoNotOptimize(tamp::refine::layer_error(exec, weight, l.half, l.gram));
    });
    add("repair", [=](const layer& l, auto weight) {
      benchmark::DoNotOptimize(tamp::refine::repair{}(exec, weight, l.half, l.gram).error.after);
    });
  };
  for (const std::size_t side : {std::size_t{1024}, std::size_t{4096}}) {
    with("1_thread", tamp::execute::sequential{}, side);
    with("2_threads", tamp::execute::openmp{2}, side);
  }
  return true;
}();

}  // namespace
