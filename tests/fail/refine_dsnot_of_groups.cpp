// expects: this refinement exchanges weights anywhere in a row, which breaks an n:m pattern
#include <tamp/tamp.hpp>

void refine(tamp::matrix_view<const float> weight, tamp::matrix_view<const float> inputs) {
  const auto recipe =
      tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{}, tamp::refine::dsnot{});
  auto seen = tamp::statistic_for(recipe);
  seen.add(inputs);
  (void)tamp::select(weight, seen, recipe);
}
