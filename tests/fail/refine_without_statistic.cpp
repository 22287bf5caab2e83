// expects: this recipe's score and refinements need their own statistic
#include <tamp/tamp.hpp>

void refine(tamp::matrix_view<const float> weight, const tamp::stat::gram& gram) {
  const auto recipe = tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{},
                                    tamp::allocate::uniform{0.5}, tamp::refine::swaps{25});
  (void)tamp::select(weight, gram, recipe);
}
