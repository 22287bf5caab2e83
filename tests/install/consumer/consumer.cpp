#include <Eigen/Core>
#include <iostream>
#include <tamp/adapt/eigen.hpp>
#include <tamp/io/pruning_plan.hpp>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/prune/compose.hpp>
#include <tamp/prune/select.hpp>
#include <tamp/score/magnitude.hpp>

int main() {
  Eigen::MatrixXf W(2, 4);
  W << 4, -1, 2, -3, 0.5f, -8, -7, 3;
  const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{});
  std::cout << tamp::select(W, recipe);
  return nlohmann::json(tamp::pruning_plan()).contains("tamp_plan") ? 0 : 1;
}
