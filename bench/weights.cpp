// Selecting, applying and pruning: weights of 4096 x 4096 and 4096 x 11008, half of them dropped.
//
// Floors: select is compared to one read of the weight; apply and prune, which write, to one
// read-modify-write; pruning a whole tensor, and RIA,
// whose sums take a pass of their own, to a read and a read-modify-write. Since nothing may be
// written before the last weight was seen, prune also reads everything first: prune_with_read is
// its ratio to both.

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

constexpr std::size_t rows = 4096;

// An elementwise score that the library has never seen.
struct squared_output {
  using role = tamp::role::score;
  using needs = tamp::stat::column_norm;
  template <std::floating_point Real>
  TAMP_FN Real operator()(Real weight, float norm) const noexcept {
    return weight * weight * norm;
  }
};

template <class T>
struct subject {
  std::size_t cols;
  std::vector<T> fresh, weights;
  std::vector<float> norms = bench::random_norms(cols);

  explicit subject(std::size_t width) : cols(width) {
    for (const float w : bench::random_weights(rows, cols))
      fresh.push_back(tamp::element_traits<T>::store(static_cast<tamp::compute_type<T>>(w)));
    weights = fresh;
  }
  void refresh() { std::copy(fresh.begin(), fresh.end(), weights.begin()); }
  auto view(bool by_rows) {
    return by_rows ? tamp::row_major(weights.data(), rows, cols)
                   : tamp::column_major(weights.data(), rows, cols);
  }
};

// The weight as a model of one layer, for an allocation.
template <class T>
struct one_layer {
  tamp::matrix_view<T> weight;
  std::span<const float> norms;

  std::size_t size() const { return 1; }
  std::string_view name(std::size_t) const { return "layer"; }
  std::size_t num_params(std::size_t) const { return weight.size(); }
  void visit(std::size_t, auto&& use) const { use(name(0), weight, norms); }
};

// One at a time: the largest has 360 MB.
template <class T>
subject<T>& subject_of(std::size_t cols) {
  static subject<T> kept(cols);
  if (kept.cols != cols) kept = subject<T>(cols);
  return kept;
}

// The subject of a row of the table.
struct setting {
  std::size_t cols;
  bool by_rows;
  tamp::execute::instructions set;
};

template <class T, class Executor, class Work>
void measure(benchmark::State& state, const setting& at, const Executor& exec, bool reads,
             bool writes, const Work& work) {
  subject<T>& s = subject_of<T>(at.cols);
  const auto before = tamp::execute::current_instructions();
  tamp::execute::use_instructions(at.set);
  bench::against_floor(
      state, s.weights.size() * sizeof(T), [&] { s.refresh(); },
      [&] {
        if (reads) bench::read(exec, bench::bytes_of(s.weights));
        if (writes) bench::read_modify_write(exec, bench::bytes_of(s.weights));
      },
      [&] { work(s.view(at.by_rows), s.norms); });
  tamp::execute::use_instructions(before);
}

template <class T, class Executor>
void register_all(const std::string& element, const std::string& threads, const Executor& exec,
                  const setting& at) {
  const auto add = [&](const std::string& name, auto body) {
    const std::string where = name + '/' + std::to_string(at.cols) + '/' + element + '/' +
                              (at.by_rows ? "rows/" : "columns/") +
                              std::string(tamp::execute::label(at.set)) + '/' + threads;
    benchmark::RegisterBenchmark(where.c_str(), body)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond)
        ->MinTime(0.1);
  };
  const auto add_recipe = [&](const std::string& name, auto recipe, bool whole_tensor) {
    add("select/" + name, [=](benchmark::State& state) {
      measure<T>(state, at, exec, true, false, [&](auto weight, auto& norms) {
        benchmark::DoNotOptimize(tamp::select(exec, weight, norms, recipe).row(0).data());
      });
    });
    const auto prune = [=](auto weight, auto& norms) {
      benchmark::DoNotOptimize(tamp::prune(exec, weight, norms, recipe).kept);
    };
    add("prune/" + name,
        [=](benchmark::State& state) { measure<T>(state, at, exec, whole_tensor, true, prune); });
    if (!whole_tensor)
      add("prune_with_read/" + name,
          [=](benchmark::State& state) { measure<T>(state, at, exec, true, true, prune); });
  };
  add_recipe("wanda_per_row", compose(wanda{}, per_row{}, uniform{0.5}), false);
  add_recipe("wanda_2:4", compose(wanda{}, n_of_m<2, 4>{}), false);
  // Weights of 16 bits are often equal.
  add_recipe("magnitude_per_row", compose(magnitude{}, per_row{}, uniform{0.5}), false);
  add_recipe("magnitude_2:4", compose(magnitude{}, n_of_m<2, 4>{}), false);
  add_recipe("magnitude_per_tensor", compose(magnitude{}, per_tensor{}, uniform{0.5}), true);
  add_recipe("ria_per_row", compose(ria{}, per_row{}, uniform{0.5}), true);
  add_recipe("own_score_per_row", compose(squared_output{}, per_row{}, uniform{0.5}), false);
  add("apply", [=](benchmark::State& state) {
    const auto keep = tamp::select(subject_of<T>(at.cols).view(true),
                                   compose(magnitude{}, per_row{}, uniform{0.5}));
    measure<T>(state, at, exec, false, true,
               [&](auto weight, auto&) { tamp::apply(exec, weight, keep); });
  });
  add("owl_ratio", [=](benchmark::State& state) {
    measure<T>(state, at, exec, true, false, [&](auto weight, auto& norms) {
      const one_layer<T> model{weight, norms};
      benchmark::DoNotOptimize(tamp::allocate::owl<>{}(exec, model).sparsities[0]);
    });
  });
}

[[maybe_unused]] const bool registered = [] {
  const auto with = [](const std::string& threads, const auto& exec) {
    using tamp::execute::instructions;
    for (const auto set : {instructions::portable, instructions::avx2, instructions::avx512}) {
      if (set > tamp::execute::best_instructions()) continue;
      for (const std::size_t cols : {4096u, 11008u})
        for (const bool by_rows : {true, false}) {
          const setting at{cols, by_rows, set};
          register_all<float>("float", threads, exec, at);
          register_all<tamp::bf16>("bf16", threads, exec, at);
          if (cols != 4096) continue;
          register_all<tamp::f16>("f16", threads, exec, at);
          register_all<double>("double", threads, exec, at);
        }
    }
  };
  with("1_thread", tamp::execute::sequential{});
  with("2_threads", tamp::execute::openmp{2});
  return true;
}();

}  // namespace
