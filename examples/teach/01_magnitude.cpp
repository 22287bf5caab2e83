// Step 1: pruning by magnitude. Each row of a weight loses the half that is smallest in magnitude.
#include <cstdio>
#include <iostream>
#include <tamp/tamp.hpp>
#include <vector>

int main() {
  // Two outputs, four inputs, row after row, as an engine would hold them.
  std::vector<float> weights{0.5f, -2.0f, 1.0f,  0.1f,  //
                             3.0f, 0.2f,  -0.3f, 4.0f};
  const auto W = tamp::view(weights, 2, 4);

  // A recipe says how: by which score, in which pattern, how much.
  const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{},
                                    tamp::allocate::uniform{0.5});

  // select only looks. '#' stays, '.' goes.
  const auto keep = tamp::select(W, recipe);
  std::cout << recipe.label() << "\n"
            << keep << "kept " << keep.count() << " of " << keep.size() << "\n\n";

  // apply is the one call that writes.
  tamp::apply(W, keep);
  std::cout << "after apply:\n";
  for (std::size_t i = 0; i < W.rows(); ++i) {
    for (const float w : W.row(i)) std::printf("%5.1f", static_cast<double>(w));
    std::printf("\n");
  }
}
