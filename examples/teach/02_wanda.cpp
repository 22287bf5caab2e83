// Step 2: Wanda. A weight is judged with the size of the input that it multiplies.
#include <iostream>
#include <tamp/tamp.hpp>
#include <vector>

int main() {
  std::vector<float> weights{4, 3, 2, 1,  //
                             1, 2, 3, 4};
  // Inputs of three tokens: the first feature is always zero, the last one is loud.
  std::vector<float> inputs{0, 1, 1, 5,  //
                            0, 1, 2, 5,  //
                            0, 1, 1, 5};
  const auto W = tamp::view(weights, 2, 4);

  // A statistic keeps what the score needs of the inputs: here the norm of each feature.
  const auto norms = tamp::observe<tamp::stat::column_norm>(tamp::view(inputs, 3, 4));
  std::cout << "norms:";
  for (const float norm : norms.values()) std::cout << ' ' << norm;

  const auto half = [](auto score) {
    return tamp::compose(score, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
  };
  // score(i, j) = |w(i, j)| * norm(j): the weight 4 on a silent input goes first.
  std::cout << "\n\nmagnitude\n" << tamp::select(W, half(tamp::score::magnitude{}));
  std::cout << "\nWanda\n" << tamp::select(W, norms, half(tamp::score::wanda{}));
}
