// The cost of LibTorch's tensors beside Eigen's matrix, and LibTorch's own operations beside tamp.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cstdio>
#include <tamp/adapt/torch.hpp>
#include <tuple>
#include <vector>

#include "beside_eigen.hpp"

namespace {

// As the published code has it: the lower half of each row, sorted by |W| * norm, becomes zero.
void prune_by_sorting(at::Tensor& W, const at::Tensor& norms) {
  const at::Tensor metric = W.abs() * norms;
  const at::Tensor order = std::get<1>(metric.sort(/*stable=*/true, 1, /*descending=*/false));
  W.masked_fill_(at::zeros_like(W, at::kBool).scatter_(1, order.slice(1, 0, hosts::size / 2), true),
                 0);
}

template <class Number>
void compare(at::ScalarType type) {
  at::Tensor W = at::empty({hosts::size, hosts::size}, type);
  auto* const elements = static_cast<Number*>(W.data_ptr());
  hosts::beside_eigen("at::Tensor", c10::toString(type), W, elements);
  const at::Tensor norms =
      at::from_blob(const_cast<float*>(hosts::norms().data()), {hosts::size}).to(type);
  std::vector<double> by_tamp, by_torch;
  for (int k = 0; k < hosts::times; ++k) {
    const auto reset = [&] {
      std::memcpy(W.data_ptr(), hosts::dense_weight<Number>().data(), W.nbytes());
    };
    reset();
    by_tamp.push_back(hosts::seconds([&] { hosts::prune_half(W); }));
    reset();
    by_torch.push_back(hosts::seconds([&] { prune_by_sorting(W, norms); }));
  }
  std::printf("LibTorch's own operations take %.1f ms, %.0f times as long\n",
              1e3 * hosts::fastest(by_torch), hosts::fastest(by_torch) / hosts::fastest(by_tamp));
}

}  // namespace

int main() {
  std::printf("%d threads\n", at::get_num_threads());
  compare<float>(at::kFloat);
  compare<Eigen::bfloat16>(at::kBFloat16);
}
