// Step 10: what it pays. A pruned weight is stored without its zeros, and multiplied so.
#include <iostream>
#include <tamp/tamp.hpp>
#include <vector>

int main() {
  const std::size_t rows = 256, cols = 512;
  std::vector<tamp::bf16> weights(rows * cols);
  for (std::size_t k = 0; k < weights.size(); ++k)
    weights[k] = tamp::bf16(static_cast<float>(k * 7919 % 1009) / 1009 - 0.5f);
  const auto W = tamp::view(weights, rows, cols);
  std::vector<float> x(cols, 1.0f), sparse_y(rows);

  std::cout << "dense bf16 " << weights.size() * sizeof weights[0] << " bytes\n";
  for (const double sparsity : {0.3, 0.5, 0.7}) {
    const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{},
                                      tamp::allocate::uniform{sparsity});
    const auto S = tamp::sparse::prune(W, recipe);  // W is only read
    tamp::sparse::multiply(S, x, sparse_y);         // y = S x, which reads S once
    std::cout << sparsity << " dropped: " << S.bytes() << " bytes, " << S.bits_per_weight()
              << " bits a weight, y[0] = " << sparse_y[0] << '\n';
  }
}
