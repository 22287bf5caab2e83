// Step 2: Wanda, 2:4, on an Eigen matrix. Weights are judged by what flows through them.
#include <iostream>
#include <tamp/adapt/eigen.hpp>
#include <tamp/tamp.hpp>

int main() {
  Eigen::MatrixXf W(2, 4), X(3, 4);  // column-major, as Eigen likes it
  W << 4, 3, 2, 1,                   //
      1, 2, 3, 4;
  X << 0, 1, 1, 5,  // the first input is always zero, the last one loud
      0, 1, 2, 5,   //
      0, 1, 1, 5;

  const auto norms = tamp::observe<tamp::stat::column_norm>(X);
  const auto recipe = tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{});
  tamp::prune(W, norms, recipe);

  std::cout << "input norms:";
  for (const float norm : norms.values()) std::cout << ' ' << norm;
  std::cout << "\npruned weight:\n" << W << '\n';
}
