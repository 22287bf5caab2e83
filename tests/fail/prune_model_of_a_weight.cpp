// expects: this is one weight, and the operation works on a model: prune(W, statistics, recipe)
// prunes a weight
#include <tamp/tamp.hpp>
#include <vector>

void wrong(std::vector<float>& numbers) {
  auto weight = tamp::view(numbers, 2, 4);
  tamp::prune_model(weight, tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{}));
}
