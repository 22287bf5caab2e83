// expects: the argument in the place of the weight is no tensor that tamp can read
#include <tamp/tamp.hpp>
#include <vector>

void wrong(std::vector<float>& numbers, const tamp::stat::column_norm& norms) {
  static_cast<void>(
      tamp::select(norms, tamp::view(numbers, 2, 4),
                   tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{})));
}
