// expects: the argument in the place of the recipe is none: compose a score, a pattern and an
// allocation
#include <tamp/tamp.hpp>
#include <vector>

void wrong(std::vector<float>& numbers, const tamp::stat::column_norm& norms) {
  static_cast<void>(tamp::select(tamp::view(numbers, 2, 4),
                                 tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{}),
                                 norms));
}
