// expects: nothing

// The right forms of the mistakes in the other files: this one compiles.
#include <tamp/tamp.hpp>
#include <vector>

void right(std::vector<float>& numbers) {
  const auto weight = tamp::view(numbers, 2, 4);
  const auto recipe =
      tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
  const auto norms = tamp::observe<tamp::stat::column_norm>(weight);
  tamp::apply(weight, tamp::select(weight, norms, recipe));
  tamp::prune(weight, norms, tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{}));
}
