// Wanda, half of each row of a weight of 4096 x 4096: the operations on LibTorch's tensor beside the same
// on Eigen's matrix and LibTorch's own, in turn, the fastest of 15 each. Only ratios travel between machines.

#include <tamp/adapt/eigen.hpp>
#include <tamp/adapt/torch.hpp>
#include <tamp/tamp.hpp>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <Eigen/Core>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <tuple>
#include <vector>

namespace {

constexpr int size = 4096, times = 15;

const auto recipe =
    tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});

template <class Work>
double seconds(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double fastest(const std::vector<double>& numbers) {
  return *std::min_element(numbers.begin(), numbers.end());
}

// As the published code has it: the lower half of each row, sorted by |W| * norm, becomes zero.
void prune_by_sorting(at::Tensor& W, const at::Tensor& norms) {
  const at::Tensor metric = W.abs() * norms;
  const at::Tensor order = std::get<1>(metric.sort(/*stable=*/true, 1, /*descending=*/false));
  W.masked_fill_(at::zeros_like(W, at::kBool).scatter_(1, order.slice(1, 0, size / 2), true), 0);
}

template <class Number>
void compare(at::ScalarType type) {
  const at::Tensor dense = at::randn({size, size}).to(type), X = at::randn({128, size});
  const auto norms = tamp::observe<tamp::stat::column_norm>(X);
  const at::Tensor torch_norms = X.norm(2, 0).to(type);
  at::Tensor W = dense.clone();
  Eigen::Matrix<Number, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> E(size, size);
  std::vector<double> on_torch, on_eigen, by_torch;
  for (int k = 0; k < times; ++k) {
    std::memcpy(E.data(), dense.data_ptr(), dense.nbytes());
    on_eigen.push_back(seconds([&] { tamp::apply(E, tamp::select(E, norms, recipe)); }));
    W.copy_(dense);
    on_torch.push_back(seconds([&] { tamp::apply(W, tamp::select(W, norms, recipe)); }));
    if (std::memcmp(E.data(), W.data_ptr(), W.nbytes()) != 0) std::puts("they differ!");
    W.copy_(dense);
    by_torch.push_back(seconds([&] { prune_by_sorting(W, torch_norms); }));
  }
  std::printf(
      "%-9s at::Tensor %6.2f ms, Eigen %6.2f ms, ratio %.3f; LibTorch's own %7.1f ms, ratio %.0f\n",
      c10::toString(type), 1e3 * fastest(on_torch), 1e3 * fastest(on_eigen),
      fastest(on_torch) / fastest(on_eigen), 1e3 * fastest(by_torch),
      fastest(by_torch) / fastest(on_torch));
}

}  // namespace

int main() {
  at::manual_seed(1);
  std::printf("%d threads\n", at::get_num_threads());
  compare<float>(at::kFloat);
  compare<Eigen::bfloat16>(at::kBFloat16);
}
