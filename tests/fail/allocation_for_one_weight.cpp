// expects: this allocation compares the layers of a model: give it to tamp::plan or to
// prune_model(host, recipe); for a single weight, use tamp::allocate::uniform
#include <tamp/tamp.hpp>
#include <vector>

void wrong(std::vector<float>& numbers) {
  tamp::prune(tamp::view(numbers, 2, 4),
              tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{},
                            tamp::allocate::lamp{.sparsity = 0.5}));
}
