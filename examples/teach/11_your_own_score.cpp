// Step 11: a score of your own. Ten lines, and it composes with everything else.
#include <cmath>
#include <iostream>
#include <tamp/tamp.hpp>
#include <vector>

// Like Wanda, but with the norm's influence as a parameter: 0 is magnitude, 1 is Wanda.
struct tempered_wanda {
  using role = tamp::role::score;
  using needs = tamp::stat::column_norm;
  float temper = 0.5f;

  TAMP_FN float operator()(float weight, float norm) const noexcept {
    return std::fabs(weight) * std::pow(norm, temper);
  }
};

int main() {
  std::vector<float> weights{5, 4, 3, 2, 1}, activations{1, 2, 3, 3, 30};
  const auto W = tamp::view(weights, 1, 5);
  const auto norms = tamp::observe<tamp::stat::column_norm>(tamp::view(activations, 1, 5));

  for (const float temper : {0.0f, 0.5f, 1.0f}) {
    const auto recipe = tamp::compose(tempered_wanda{temper}, tamp::pattern::per_row{},
                                      tamp::allocate::uniform{0.6});
    std::cout << "temper " << temper << ": " << tamp::select(W, norms, recipe);
  }
}
