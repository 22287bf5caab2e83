#pragma once

// Wanda on a host's tensor beside the same on Eigen's matrix, in one process. Only ratios travel between machines.

#include <Eigen/Core>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <random>
#include <tamp/adapt/eigen.hpp>
#include <tamp/tamp.hpp>
#include <vector>

namespace hosts {

inline constexpr int size = 4096, times = 15;

template <class Work>
double seconds(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

inline double fastest(const std::vector<double>& numbers) {
  return *std::min_element(numbers.begin(), numbers.end());
}

template <class Number>
using eigen_matrix = Eigen::Matrix<Number, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// A weight of 4096 x 4096 normal numbers.
template <class Number>
const eigen_matrix<Number>& dense_weight() {
  static const eigen_matrix<Number> weight = []() -> eigen_matrix<Number> {
    std::mt19937 random(1);
    std::normal_distribution<float> number;
    return eigen_matrix<Number>::NullaryExpr(
        size, size, [&] { return tamp::element_traits<Number>::store(number(random)); });
  }();
  return weight;
}

inline const std::vector<float>& norms() {
  static const std::vector<float> some = [] {
    std::mt19937 random(2);
    std::uniform_real_distribution<float> number(0.1f, 4.0f);
    std::vector<float> all(size);
    std::generate(all.begin(), all.end(), [&] { return number(random); });
    return all;
  }();
  return some;
}

template <class Weight>
void prune_half(Weight&& weight) {
  static const auto recipe =
      tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
  tamp::apply(weight, tamp::select(weight, std::span<const float>(norms()), recipe));
}

// Prints how long select and apply take, half of each row, beside Eigen's matrix of the same numbers. `reset`
// makes the tensor dense again. `elements` are those of the tensor, or null where there are none to compare.
template <class Number, class Tensor, class Reset>
void beside_eigen(const char* host, const char* numbers, Tensor&& tensor, const Number* elements,
                  const Reset& reset) {
  eigen_matrix<Number> matrix = dense_weight<Number>();
  std::vector<double> on_host, on_eigen;
  for (int k = 0; k < times; ++k) {
    std::memcpy(matrix.data(), dense_weight<Number>().data(), sizeof(Number) * size * size);
    on_eigen.push_back(seconds([&] { prune_half(matrix); }));
    reset();
    on_host.push_back(seconds([&] { prune_half(tensor); }));
    if (elements != nullptr &&
        std::memcmp(matrix.data(), elements, sizeof(Number) * size * size) != 0)
      std::puts("they differ!");
  }
  std::printf("| %-28s | %-9s | %7.2f ms | %7.2f ms | %5.2f |\n", host, numbers,
              1e3 * fastest(on_host), 1e3 * fastest(on_eigen),
              fastest(on_host) / fastest(on_eigen));
}

// The same for a tensor of which `memory` are the elements, row by row.
template <class Number, class Tensor>
void beside_eigen(const char* host, const char* numbers, Tensor&& tensor, Number* memory) {
  beside_eigen<Number>(host, numbers, tensor, memory, [&] {
    std::memcpy(memory, dense_weight<Number>().data(), sizeof(Number) * size * size);
  });
}

}  // namespace hosts
