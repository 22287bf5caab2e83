// Token statistics: 640 and 2944 output tokens of 4096 features. Their cost is that of one
// symmetrical product of the tokens, so the floor is that many multiply-adds at the speed that the
// processor reaches on numbers in registers.

#include <tamp/tamp.hpp>

#include "floor.hpp"

namespace {

using tamp::modality;

constexpr std::size_t features = 4096;

// Outputs as layers have them: a few clusters; three quarters of the tokens from an image.
struct sample {
  explicit sample(std::size_t count) : kinds(count, modality::text), attention(count) {
    output = bench::random_weights(count, features);
    const std::vector<float> centres = bench::random_weights(12, features);
    for (std::size_t t = 0; t < count; ++t)
      for (std::size_t j = 0; j < features; ++j)
        output[t * features + j] =
            0.5f * output[t * features + j] + centres[t * 7 % 12 * features + j];
    std::fill(kinds.begin(), kinds.begin() + static_cast<std::ptrdiff_t>(count * 3 / 4),
              modality::image);
    for (std::size_t t = 0; t < count; ++t)
      attention[t] = static_cast<float>(t * 37 % 101) / static_cast<float>(50 * count);
  }
  auto matrix() const { return tamp::view(output, kinds.size(), features); }

  std::vector<float> output;
  std::vector<modality> kinds;
  std::vector<float> attention;
};

template <class Executor, class Kernel>
void measure(benchmark::State& state, std::size_t tokens, const Executor& exec,
             const Kernel& kernel) {
  const sample s(tokens);
  const std::size_t multiply_adds = tokens * tokens / 2 * features;
  bench::against_floor(
      state, s.output.size() * sizeof(float), [] {},
      [&] {
        const std::size_t parts = 64;
        exec.for_each_range(parts, [&](std::size_t begin, std::size_t end) {
          bench::multiply_add<float>(multiply_adds / parts * (end - begin));
        });
      },
      [&] { kernel(exec, s); });
}

[[maybe_unused]] const bool registered = [] {
  const auto with = [](const std::string& threads, auto exec) {
    for (const std::size_t tokens : {std::size_t{640}, std::size_t{2944}}) {
      const auto add = [&](const std::string& name, auto kernel) {
        benchmark::RegisterBenchmark(
            (name + "/" + std::to_string(tokens) + "/" + threads).c_str(),
            [=](benchmark::State& state) { measure(state, tokens, exec, kernel); })
            ->UseManualTime()
            ->Unit(benchmark::kMillisecond)
            ->MinTime(0.3);
      };
      add("amia_select", [](const auto& executor, const sample& s) {
        benchmark::DoNotOptimize(
            tamp::stat::amia_select{}(executor, s.matrix(), s.kinds, s.attention).data());
      });
      add("token_diversity", [](const auto& executor, const sample& s) {
        const auto y = s.matrix();
        tamp::stat::token_diversity diversity;
        diversity.add(executor,
                      tamp::layer_sample<decltype(y), decltype(y)>{y, y, s.kinds, s.attention});
        benchmark::DoNotOptimize(diversity.importance());
      });
    }
  };
  with("1_thread", tamp::execute::sequential{});
  with("2_threads", tamp::execute::openmp{2});
  return true;
}();

}  // namespace
