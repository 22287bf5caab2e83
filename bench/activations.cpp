// Statistics: 2048 tokens of 4096 features, compared to one read of them. Masks: compared to a
// read.

#include <tamp/tamp.hpp>

#include "floor.hpp"

namespace {

constexpr std::size_t tokens = 2048, features = 4096;

// Calls add(X, weights) on the activations.
template <class T, class Executor, class Add>
void statistic(benchmark::State& state, bool row_major, const Executor& exec, const Add& add) {
  std::vector<T> activations;
  for (const float x : bench::random_weights(tokens, features))
    activations.push_back(tamp::element_traits<T>::store(x));
  const auto X = row_major ? tamp::row_major(activations.data(), tokens, features)
                           : tamp::column_major(activations.data(), tokens, features);
  const std::vector<double> weights(tokens, 0.5);
  bench::against_floor(
      state, activations.size() * sizeof(T), [] {},
      [&] { bench::read(exec, bench::bytes_of(activations)); }, [&] { add(X, weights); });
}

template <class T, class Executor>
void column_norm(benchmark::State& state, bool row_major, const Executor& exec) {
  statistic<T>(state, row_major, exec, [&](const auto& X, const auto&) {
    benchmark::DoNotOptimize(
        tamp::observe<tamp::stat::column_norm>(exec, X).sum_of_squares().data());
  });
}

template <class T, class Executor>
void weighted_norm(benchmark::State& state, bool row_major, const Executor& exec) {
  statistic<T>(state, row_major, exec, [&](const auto& X, const auto& weights) {
    tamp::stat::column_norm norms;
    benchmark::DoNotOptimize(norms.add(exec, X, weights).sum_of_squares().data());
  });
}

template <class T, class Executor>
void column_variance(benchmark::State& state, bool row_major, const Executor& exec) {
  statistic<T>(state, row_major, exec, [&](const auto& X, const auto&) {
    benchmark::DoNotOptimize(tamp::observe<tamp::stat::column_variance>(exec, X).tokens());
  });
}

void mask_count(benchmark::State& state) {
  const tamp::mask::bitmask mask(8192, 32768);
  std::vector<std::uint64_t> words(mask.size() / 64);
  bench::against_floor(
      state, words.size() * 8, [] {}, [&] { bench::read(bench::bytes_of(words)); },
      [&] { benchmark::DoNotOptimize(mask.count()); });
}

void mask_and(benchmark::State& state) {
  tamp::mask::bitmask left(8192, 32768);
  const tamp::mask::bitmask right(8192, 32768);
  std::vector<std::uint64_t> words(left.size() / 64);
  bench::against_floor(
      state, words.size() * 8, [] {}, [&] { bench::read_modify_write(bench::bytes_of(words)); },
      [&] { left &= right; });
}

[[maybe_unused]] const bool registered = [] {
  const auto add = [](const std::string& name, auto body) {
    benchmark::RegisterBenchmark(name.c_str(), body)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond)
        ->MinTime(0.3);
  };
  const auto with = [&](const std::string& threads, auto exec) {
    for (const bool rows : {true, false}) {
      const std::string layout = rows ? "/rows/" : "/columns/";
      add("column_norm" + layout + "float/" + threads,
          [=](benchmark::State& state) { column_norm<float>(state, rows, exec); });
      add("column_norm" + layout + "bf16/" + threads,
          [=](benchmark::State& state) { column_norm<tamp::bf16>(state, rows, exec); });
      add("column_norm_with_weights" + layout + "float/" + threads,
          [=](benchmark::State& state) { weighted_norm<float>(state, rows, exec); });
      add("column_variance" + layout + "float/" + threads,
          [=](benchmark::State& state) { column_variance<float>(state, rows, exec); });
    }
  };
  with("1_thread", tamp::execute::sequential{});
  with("2_threads", tamp::execute::openmp{2});
  add("mask/count", mask_count);
  add("mask/and", mask_and);
  return true;
}();

}  // namespace
