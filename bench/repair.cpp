// SparseGPT and its Gram matrix, in double: 1024 x 1024 weights, 2048 tokens. The floor is the
// number of multiply-adds that the definition asks for, at the speed that the processor reaches on
// numbers in registers.

#include <tamp/score/sparsegpt.hpp>
#include <tamp/tamp.hpp>

#include "floor.hpp"

namespace {

constexpr std::size_t rows = 1024, cols = 1024, tokens = 2048;

template <class Executor, class Kernel>
void measure(benchmark::State& state, std::size_t multiply_adds, const Executor& exec,
             std::vector<float>& weights, const Kernel& kernel) {
  const std::vector<float> fresh = weights;
  bench::against_floor(
      state, weights.size() * sizeof(float),
      [&] { std::copy(fresh.begin(), fresh.end(), weights.begin()); },
      [&] {
        const std::size_t parts = 64;
        exec.for_each_range(parts, [&](std::size_t begin, std::size_t end) {
          bench::multiply_add<double>(multiply_adds / parts * (end - begin));
        });
      },
      kernel);
}

[[maybe_unused]] const bool registered = [] {
  const auto with = [](const std::string& threads, auto exec) {
    const auto add = [&](const std::string& name, auto body) {
      benchmark::RegisterBenchmark((name + "/" + threads).c_str(), body)
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond)
          ->MinTime(0.3);
    };
    add("gram", [=](benchmark::State& state) {
      std::vector<float> x = bench::random_weights(tokens, cols);
      measure(state, tokens * cols * cols / 2, exec, x, [&] {
        tamp::stat::gram gram;
        gram.add(exec, tamp::view(x, tokens, cols));
        benchmark::DoNotOptimize(gram.tokens());
      });
    });
    // Factoring H and inverting it takes cols^3 / 2, carrying the errors on rows * cols^2 / 2.
    const auto add_pattern = [&](const std::string& name, auto recipe) {
      add(name, [=](benchmark::State& state) {
        const std::vector<float> x = bench::random_weights(tokens, cols);
        tamp::stat::gram gram;
        gram.add(exec, tamp::view(x, tokens, cols));
        std::vector<float> weights = bench::random_weights(rows, cols);
        measure(state, (cols + rows) * cols * cols / 2, exec, weights, [&] {
          benchmark::DoNotOptimize(
              tamp::prune(exec, tamp::view(weights, rows, cols), gram, recipe).kept);
        });
      });
    };
    using tamp::score::sparsegpt;
    add_pattern("sparsegpt", tamp::compose(sparsegpt{}, tamp::pattern::per_tensor{},
                                           tamp::allocate::uniform{0.5}));
    add_pattern("sparsegpt_2:4", tamp::compose(sparsegpt{}, tamp::pattern::n_of_m<2, 4>{}));
  };
  with("1_thread", tamp::execute::sequential{});
  with("2_threads", tamp::execute::openmp{2});
  return true;
}();

}  // namespace
