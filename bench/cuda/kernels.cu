// The GPU's kernels, each beside a copy of the same weight from device to device.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <tamp/allocate/uniform.hpp>
#include <tamp/cuda/amia_select.cuh>
#include <tamp/cuda/apply.cuh>
#include <tamp/cuda/column_norm.cuh>
#include <tamp/cuda/select.cuh>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/pattern/per_tensor.hpp>
#include <tamp/prune/compose.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/wanda.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "pool.hpp"

namespace {

using tamp::cuda_space, tamp::matrix_view;
using tamp::allocate::uniform, tamp::score::magnitude, tamp::score::wanda;
using namespace tamp::pattern;

void check(cudaError_t status) { tamp::detail::check_cuda(status, "tamp_bench_cuda"); }

// Numbers as weights have them, near enough: the sum of four uniform ones, each row with a scale of
// its own. A thread makes one.
template <class T>
__global__ void make_weights(T* weights, std::size_t rows, std::size_t cols) {
  const std::size_t at = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (at >= rows * cols) return;
  const auto mixed = [](unsigned long long x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
  };
  const unsigned long long bits = mixed(at + 1);
  float sum = -2;
  for (int k = 0; k < 4; ++k) sum += static_cast<float>(bits >> 16 * k & 0xffff) / 65536.0f;
  const float scale = 0.5f + static_cast<float>(mixed(~(at / cols)) & 0xffff) / 65536.0f;
  weights[at] = tamp::element_traits<T>::store(sum * scale);
}

// Norms, and attention, are positive.
__global__ void make_norms(float* norms, std::size_t cols) {
  const std::size_t j = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (j < cols) norms[j] = 0.25f + static_cast<float>(j * 2654435761u % 1024u) / 1024.0f;
}

// A weight, what it is made anew from before each run, and norms.
template <class T>
class subject {
 public:
  subject(std::size_t rows, std::size_t cols) : rows(rows), cols(cols) {
    check(cudaMalloc(&weights, bytes()));
    check(cudaMalloc(&original, bytes()));
    check(cudaMalloc(&norms, cols * sizeof(float)));
    constexpr unsigned threads = 256;
    const auto blocks = [](std::size_t count) {
      return static_cast<unsigned>((count + threads - 1) / threads);
    };
    make_weights<<<blocks(rows * cols), threads>>>(original, rows, cols);
    make_norms<<<blocks(cols), threads>>>(norms, cols);
    check(cudaGetLastError());
    refresh();
    check(cudaDeviceSynchronize());
  }
  subject(const subject&) = delete;
  ~subject() {
    cudaFree(weights);
    cudaFree(original);
    cudaFree(norms);
  }

  std::size_t bytes() const { return rows * cols * sizeof(T); }
  void refresh() { check(cudaMemcpyAsync(weights, original, bytes(), cudaMemcpyDeviceToDevice)); }
  matrix_view<T, cuda_space> weight() { return {weights, rows, cols}; }
  matrix_view<const float, cuda_space> statistics() { return {norms, 1, cols}; }

  std::size_t rows, cols;
  T *weights = nullptr, *original = nullptr;
  float* norms = nullptr;
};

// Milliseconds of the GPU.
class stopwatch {
 public:
  stopwatch() {
    check(cudaEventCreate(&begin_));
    check(cudaEventCreate(&end_));
  }
  stopwatch(const stopwatch&) = delete;
  ~stopwatch() {
    cudaEventDestroy(begin_);
    cudaEventDestroy(end_);
  }
  template <class Work>
  float milliseconds(const Work& work) {
    check(cudaEventRecord(begin_));
    work();
    check(cudaEventRecord(end_));
    check(cudaEventSynchronize(end_));
    float elapsed = 0;
    check(cudaEventElapsedTime(&elapsed, begin_, end_));
    return elapsed;
  }

 private:
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
};

float median(std::vector<float> times) {
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

// Runs the kernel and a copy in turn. A copy reads and writes every byte; the operation must read,
// and perhaps write, `passes` times the weight: the share of the copy's bandwidth at which it does.
template <class T, class Work>
void against_copy(benchmark::State& state, std::size_t rows, std::size_t cols, double passes,
                  const Work& work) {
  subject<T> s(rows, cols);
  stopwatch watch;
  std::vector<float> copies, works;
  work(s);  // loads the kernel, and lets the device's pool grow
  for (auto _ : state) {
    copies.push_back(watch.milliseconds([&] { s.refresh(); }));
    works.push_back(watch.milliseconds([&] { work(s); }));
    state.SetIterationTime(static_cast<double>(works.back()) * 1e-3);
  }
  const double copy = median(copies), taken = median(works);
  state.counters["copy_ms"] = copy;
  state.counters["kernel_ms"] = taken;
  state.counters["share_of_copy_bandwidth"] = passes / taken / (2 / copy);
  state.counters["copy_GB/s"] = 2e-6 * static_cast<double>(s.bytes()) / copy;
}

template <class T>
void register_all(const std::string& element, std::size_t rows, std::size_t cols) {
  const auto add = [&](const std::string& name, double passes, auto work) {
    const std::string where =
        name + '/' + std::to_string(rows) + 'x' + std::to_string(cols) + '/' + element;
    benchmark::RegisterBenchmark(
        where.c_str(),
        [=](benchmark::State& state) { against_copy<T>(state, rows, cols, passes, work); })
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond)
        ->MinTime(0.2);
  };
  const auto add_recipe = [&](const std::string& name, auto recipe) {
    const auto on = tamp::on(nullptr);
    const auto select = [=](subject<T>& s) {
      if constexpr (tamp::detail::needs_statistic<typename decltype(recipe)::score_policy>)
        return tamp::select(on, s.weight(), s.statistics(), recipe);
      else
        return tamp::select(on, s.weight(), recipe);
    };
    add("select/" + name, 1, [=](subject<T>& s) { select(s); });
    add("prune/" + name, 2, [=](subject<T>& s) { tamp::apply(on, s.weight(), select(s)); });
  };
  add_recipe("wanda_per_row", tamp::compose(wanda{}, per_row{}, uniform{0.5}));
  add_recipe("wanda_2:4", tamp::compose(wanda{}, n_of_m<2, 4>{}));
  add_recipe("magnitude_per_tensor", tamp::compose(magnitude{}, per_tensor{}, uniform{0.5}));
  add("column_norm", 1, [](subject<T>& s) {
    const auto on = tamp::on(nullptr);
    tamp::cuda::column_norm norm;
    norm.add(on, s.weight());
  });
}

// AMIA's choice of tokens, and how much of it is the product of all pairs of tokens, by cuBLAS in
// float as there.
void choose_tokens(benchmark::State& state, std::size_t tokens, std::size_t features) {
  subject<float> output(tokens, features), attention(1, tokens);
  float* products = nullptr;
  check(cudaMalloc(&products, tokens * tokens * sizeof(float)));
  cublasHandle_t cublas = nullptr;
  tamp::detail::check_cublas(cublasCreate(&cublas), "tamp_bench_cuda");
  tamp::detail::check_cublas(cublasSetMathMode(cublas, CUBLAS_PEDANTIC_MATH), "tamp_bench_cuda");
  const auto multiply = [&] {
    const float one = 1, zero = 0;
    const auto n = static_cast<int>(tokens), d = static_cast<int>(features);
    tamp::detail::check_cublas(cublasSsyrk(cublas, CUBLAS_FILL_MODE_LOWER, CUBLAS_OP_T, n, d, &one,
                                           output.weights, d, &zero, products, n),
                               "tamp_bench_cuda");
  };
  const auto choose = [&] {
    return tamp::stat::select_tokens(tamp::on(nullptr), cublas, output.weight(), {},
                                     attention.statistics(), tamp::stat::amia_select{});
  };
  stopwatch watch;
  std::vector<float> floors, works;
  multiply();
  choose();
  for (auto _ : state) {
    floors.push_back(watch.milliseconds(multiply));
    works.push_back(watch.milliseconds(choose));
    state.SetIterationTime(static_cast<double>(works.back()) * 1e-3);
  }
  state.counters["product_ms"] = median(floors);
  state.counters["kernel_ms"] = median(works);
  state.counters["share_of_product"] = median(floors) / median(works);
  cublasDestroy(cublas);
  cudaFree(products);
}

}  // namespace

int main(int argc, char** argv) {
#if !defined(NDEBUG)
  std::fprintf(stderr,
               "tamp_bench_cuda was compiled with assertions, and its figures would mean "
               "nothing. Configure with: cmake --preset cuda\n");
  return 1;
#endif
  int devices = 0;
  if (const cudaError_t status = cudaGetDeviceCount(&devices); status != cudaSuccess) {
    std::fprintf(stderr, "tamp_bench_cuda needs a GPU: %s\n", cudaGetErrorString(status));
    return 1;
  }
  cudaDeviceProp gpu;
  check(cudaGetDeviceProperties(&gpu, 0));
  benchmark::AddCustomContext("gpu", gpu.name);
  bench::keep_the_pool();
  for (const auto& [rows, cols] :
       {std::pair<std::size_t, std::size_t>{4096, 11008}, {8192, 28672}}) {
    register_all<float>("float", rows, cols);
    register_all<__nv_bfloat16>("bf16", rows, cols);
    register_all<__half>("f16", rows, cols);
  }
  for (const std::size_t tokens : {640u, 2944u})
    benchmark::RegisterBenchmark(
        ("amia_select/" + std::to_string(tokens) + "x4096/float").c_str(),
        [=](benchmark::State& state) { choose_tokens(state, tokens, 4096); })
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond)
        ->MinTime(0.2);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
