// The gains of a block's attention at the shape of a language model of 135 M parameters: 700
// tokens, 9 heads that share 3 heads of values, head_dim 64, hidden 576. The floor is the time of
// the block's own products, about 10.7 * tokens * hidden^2 multiply-adds of floats by Eigen: the
// share of a forward pass that calibration adds.

#include <Eigen/Core>
#include <tamp/execute/openmp.hpp>
#include <tamp/execute/sequential.hpp>
#include <tamp/stat/contribution_gain.hpp>
#include <tamp/stat/token_reach.hpp>

#include "floor.hpp"

namespace {

constexpr std::size_t tokens = 700, heads = 9, kv_heads = 3, head_dim = 64, hidden = 576;
constexpr std::size_t columns = hidden * 107 / 10;  // of all matrices of a block together

// Causal attention and what it reads.
struct block {
  block()
      : attention(heads * tokens * tokens),
        values(bench::random_weights(tokens, kv_heads * head_dim)),
        projection(bench::random_weights(hidden, heads * head_dim)),
        residual(bench::random_weights(tokens, hidden)) {
    for (std::size_t row = 0; row < heads * tokens; ++row)
      for (std::size_t j = 0, i = row % tokens; j <= i; ++j)
        attention[row * tokens + j] = static_cast<float>(1 + (row * 7 + j * 13) % 31) / 1000;
  }
  template <class Executor>
  auto gains(const Executor& exec) const {
    return tamp::stat::contribution_gain(exec, tamp::view(attention, heads * tokens, tokens),
                                         tamp::view(values, tokens, kv_heads * head_dim),
                                         tamp::view(projection, hidden, heads * head_dim),
                                         tamp::view(residual, tokens, hidden));
  }
  std::vector<float> attention, values, projection, residual;
};

// The products of a block's forward pass, shared out by columns.
struct forward {
  template <class Executor>
  void operator()(const Executor& exec) {
    exec.for_each_range(columns, [&](std::size_t begin, std::size_t end) {
      const auto first = static_cast<Eigen::Index>(begin),
                 count = static_cast<Eigen::Index>(end - begin);
      y.middleRows(first, count).noalias() = w.middleRows(first, count) * x;
    });
    benchmark::DoNotOptimize(y.data());
  }
  Eigen::MatrixXf w = Eigen::MatrixXf::Random(columns, hidden),
                  x = Eigen::MatrixXf::Random(hidden, tokens), y{columns, tokens};
};

[[maybe_unused]] const bool registered = [] {
  const auto with = [](const std::string& threads, auto exec) {
    const auto add = [&](const std::string& name, auto kernel) {
      benchmark::RegisterBenchmark(
          (name + "/700/" + threads).c_str(),
          [=](benchmark::State& state) {
            const block b;
            const std::vector<tamp::stat::token_gains> gains{b.gains(exec)};
            forward products;
            bench::against_floor(
                state, b.attention.size() * sizeof(float), [] {}, [&] { products(exec); },
                [&] { kernel(exec, b, gains); });
          })
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond)
          ->Iterations(15);  // the floor of token_reach takes far longer than what is measured
    };
    add("contribution_gain", [](const auto& executor, const block& b, const auto&) {
      benchmark::DoNotOptimize(b.gains(executor).tokens());
    });
    add("token_reach", [](const auto& executor, const block&, const auto& gains) {
      const auto read = tamp::stat::positions_read({}, tokens);
      benchmark::DoNotOptimize(tamp::stat::token_reach(executor, gains, read).data());
    });
  };
  with("1_thread", tamp::execute::sequential{});
  with("2_threads", tamp::execute::openmp{2});
  return true;
}();

}  // namespace
