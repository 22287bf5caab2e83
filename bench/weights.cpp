// Selecting, applying and pruning: one 4096 x 4096 weight, half of it dropped.
//
// Floors: select is compared to one read of the weight; apply and prune, which write, to one
// read-modify-write; pruning a whole tensor to a read and a read-modify-write.

#include <tamp/tamp.hpp>

#include "floor.hpp"

namespace {

using tamp::compose;
using tamp::allocate::uniform;
using tamp::pattern::n_of_m;
using tamp::pattern::per_row;
using tamp::pattern::per_tensor;
using tamp::score::magnitude;
using tamp::score::ria;
using tamp::score::wanda;

constexpr std::size_t rows = 4096, cols = 4096;

// An elementwise score that the library has never seen.
struct squared_output {
  using role = tamp::role::score;
  using needs = tamp::stat::column_norm;
  static constexpr bool never_nan = true;
  TAMP_FN float operator()(float weight, float norm) const noexcept {
    return weight * weight * norm;
  }
};

template <class T>
struct subject {
  std::vector<T> fresh, weights;
  std::vector<float> norms = bench::random_norms(cols);

  subject() {
    for (const float w : bench::random_weights(rows, cols))
      fresh.push_back(tamp::element_traits<T>::store(w));
    weights = fresh;
  }
  void refresh() { std::copy(fresh.begin(), fresh.end(), weights.begin()); }
  auto row_major() { return tamp::row_major(weights.data(), rows, cols); }
  auto column_major() { return tamp::column_major(weights.data(), rows, cols); }
  std::size_t bytes() const { return weights.size() * sizeof(T); }
};

enum class layout { rows, columns };

template <class T, class Executor, class Recipe, class Work>
void measure(benchmark::State& state, layout order, const Executor& exec, const Recipe& recipe,
             bool reads, bool writes, const Work& work) {
  static subject<T> s;
  const auto weight = order == layout::rows ? s.row_major() : s.column_major();
  bench::against_floor(
      state, s.bytes(), [] { s.refresh(); },
      [&] {
        if (reads) bench::read(bench::bytes_of(s.weights));
        if (writes) bench::read_modify_write(bench::bytes_of(s.weights));
      },
      [&] { work(exec, weight, s.norms, recipe); });
}

const auto select = [](auto&&... arguments) {
  benchmark::DoNotOptimize(tamp::select(arguments...).count());
};
const auto prune = [](auto&&... arguments) {
  benchmark::DoNotOptimize(tamp::prune(arguments...).kept);
};

template <class T, class Executor>
void apply(benchmark::State& state, layout order, const Executor& exec) {
  const auto recipe = compose(magnitude{}, per_row{}, uniform{0.5});
  subject<float> scratch;
  const auto keep = tamp::select(scratch.row_major(), recipe);
  measure<T>(state, order, exec, recipe, false, true,
             [&](auto& e, auto weight, auto&&...) { tamp::apply(e, keep, weight); });
}

template <class T, class Executor>
void register_all(const std::string& element, const std::string& threads, const Executor& exec) {
  const auto add = [&](const std::string& name, auto body) {
    benchmark::RegisterBenchmark((name + "/" + element + "/" + threads).c_str(), body)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond)
        ->MinTime(0.3);
  };
  const auto add_recipe = [&](const std::string& name, auto recipe, bool whole_tensor) {
    for (const auto order : {layout::rows, layout::columns}) {
      const std::string where = order == layout::rows ? "/rows" : "/columns";
      add("select/" + name + where, [=](benchmark::State& state) {
        measure<T>(state, order, exec, recipe, true, false, select);
      });
      add("prune/" + name + where, [=](benchmark::State& state) {
        measure<T>(state, order, exec, recipe, whole_tensor, true, prune);
      });
    }
  };
  add_recipe("wanda_per_row", compose(wanda{}, per_row{}, uniform{0.5}), false);
  add_recipe("wanda_2:4", compose(wanda{}, n_of_m<2, 4>{}), false);
  add_recipe("magnitude_per_tensor", compose(magnitude{}, per_tensor{}, uniform{0.5}), true);
  add_recipe("ria_per_row", compose(ria{}, per_row{}, uniform{0.5}), false);
  add_recipe("own_score_per_row", compose(squared_output{}, per_row{}, uniform{0.5}), false);
  for (const auto order : {layout::rows, layout::columns})
    add(order == layout::rows ? "apply/rows" : "apply/columns",
        [=](benchmark::State& state) { apply<T>(state, order, exec); });
}

[[maybe_unused]] const bool registered = [] {
  const auto with = [](const std::string& threads, const auto& exec) {
    register_all<float>("float", threads, exec);
    register_all<tamp::bf16>("bf16", threads, exec);
  };
  with("1_thread", tamp::execute::sequential{});
  with("2_threads", tamp::execute::openmp{2});
  return true;
}();

}  // namespace
