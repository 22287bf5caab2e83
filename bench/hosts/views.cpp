// The cost of a host's tensor beside Eigen's matrix: views, types known at run time, xtensor,
// DLPack.

#include <dlpack/dlpack.h>

#include <cstdint>
#include <cstdio>
#include <tamp/adapt/dlpack.hpp>
#include <tamp/adapt/xtensor.hpp>
#include <vector>
#include <xtensor/xadapt.hpp>

#include "beside_eigen.hpp"

namespace {

using hosts::beside_eigen;
using hosts::size;

template <class Number>
void compare(const char* numbers, tamp::dtype type, DLDataType dlpack) {
  std::vector<Number> memory(std::size_t{size} * size);
  beside_eigen("pointer (matrix_view)", numbers, tamp::view(memory, size, size), memory.data());
  const tamp::any_view any(memory.data(), type, size, size);
  beside_eigen("any_view", numbers, any, memory.data());
  std::int64_t shape[] = {size, size};
  DLTensor tensor{memory.data(), {kDLCPU, 0}, 2, dlpack, shape, nullptr, 0};
  beside_eigen("DLTensor", numbers, tensor, memory.data());
}

}  // namespace

int main() {
  std::puts("| host | numbers | tamp on it | Eigen | ratio |\n|---|---|---|---|---|");
  compare<float>("float", tamp::dtype::f32, {kDLFloat, 32, 1});
  compare<Eigen::bfloat16>("bfloat16", tamp::dtype::bf16, {kDLBfloat, 16, 1});
  compare<double>("double", tamp::dtype::f64, {kDLFloat, 64, 1});
  std::vector<float> memory(std::size_t{size} * size);
  auto array = xt::adapt(memory, {std::size_t{size}, std::size_t{size}});
  beside_eigen("xt::adapt", "float", array, memory.data());
  tamp::any_view columns(memory.data(), tamp::dtype::f32, size, size, 1, size);
  beside_eigen<float>("any_view, column-major", "float", columns, nullptr, [&] {
    Eigen::Map<Eigen::MatrixXf>(memory.data(), size, size) = hosts::dense_weight<float>();
  });
}
