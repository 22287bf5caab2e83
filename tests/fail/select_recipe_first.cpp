// expects: a recipe stands where the weight belongs
#include <tamp/tamp.hpp>
#include <vector>

void wrong(std::vector<float>& numbers, const tamp::stat::column_norm& norms) {
  static_cast<void>(tamp::select(tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{}),
                                 tamp::view(numbers, 2, 4), norms));
}
