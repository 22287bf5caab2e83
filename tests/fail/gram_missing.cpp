// expects: this recipe's score needs its own statistic (see the score's `needs`): observe the
// layer's inputs and pass the result, as in prune(weight, gram, recipe)
#include <tamp/score/sparsegpt.hpp>
#include <tamp/tamp.hpp>
#include <vector>

void wrong(const std::vector<float>& numbers) {
  tamp::select(tamp::view(numbers, 2, 4),
               tamp::compose(tamp::score::sparsegpt{}, tamp::pattern::n_of_m<2, 4>{}));
}
