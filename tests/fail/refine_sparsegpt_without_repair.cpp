// expects: end the refinements with tamp::refine::repair{}
#include <tamp/score/sparsegpt.hpp>
#include <tamp/tamp.hpp>

void refine(tamp::matrix_view<const float> weight, const tamp::stat::gram& gram) {
  const auto recipe = tamp::compose(tamp::score::sparsegpt{}, tamp::pattern::per_row{},
                                    tamp::allocate::uniform{0.5}, tamp::refine::swaps{25});
  (void)tamp::select(weight, gram, recipe);
}
