// Step 3: patterns. The same scores and the same half, in four shapes.
#include <iostream>
#include <tamp/tamp.hpp>
#include <vector>

int main() {
  std::vector<float> weights{9, 8, 7, 6, 1, 2, 3, 4,  //
                             1, 1, 2, 1, 9, 1, 8, 1};
  const auto W = tamp::view(weights, 2, 8);
  const tamp::score::magnitude score;
  const auto show = [&](const auto& recipe) {
    const auto keep = tamp::select(W, recipe);
    std::cout << recipe.label() << '\n' << keep << '\n';
  };

  // The best weights of the whole matrix: the first row keeps more.
  show(tamp::compose(score, tamp::pattern::per_tensor{}, tamp::allocate::uniform{0.5}));
  // The same number in each row.
  show(tamp::compose(score, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5}));
  // Two of any four neighbours, which GPUs can multiply at twice the speed. It fixes the sparsity.
  show(tamp::compose(score, tamp::pattern::n_of_m<2, 4>{}));
  // Whole blocks of two rows and two columns.
  show(tamp::compose(score, tamp::pattern::block<2, 2>{}, tamp::allocate::uniform{0.5}));
}
