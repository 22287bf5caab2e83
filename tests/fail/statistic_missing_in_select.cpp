// expects: this recipe's score needs a statistic: observe the layer's inputs and pass the result,
// as in select(weight, norms, recipe)
#include <tamp/tamp.hpp>
#include <vector>

void wrong(std::vector<float>& numbers) {
  tamp::select(tamp::view(numbers, 2, 4),
               tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{}));
}
