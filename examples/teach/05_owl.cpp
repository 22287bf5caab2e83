// Step 5: OWL. Layers with many outlying scores keep more, and the mean stays what was asked.
#include <iostream>
#include <tamp/tamp.hpp>
#include <vector>

int main() {
  // OWL's signal: the percentage of a block's scores above 5 times their mean.
  const std::vector<double> outliers{3.0, 1.0, 1.0, 0.6};
  const std::vector<std::size_t> weights{1000, 1000, 1000, 1000};

  for (const double lambda : {0.0, 0.08, 0.2}) {
    const tamp::allocate::owl<> owl{.sparsity = 0.6, .lambda = lambda};
    const auto found = owl.distribute(outliers, weights);
    std::cout << "lambda " << lambda << ":";
    double sum = 0;
    for (const double sparsity : found.sparsities) {
      std::cout << ' ' << sparsity;
      sum += sparsity;
    }
    std::cout << ", mean " << sum / 4 << '\n';
  }
}
