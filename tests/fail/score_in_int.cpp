// expects: a score returns float or double
#include <tamp/tamp.hpp>
#include <vector>

struct sign {
  using role = tamp::role::score;
  int operator()(float weight) const noexcept { return weight < 0 ? -1 : 1; }
};

void wrong(std::vector<float>& numbers) {
  tamp::select(tamp::view(numbers, 2, 4), tamp::compose(sign{}, tamp::pattern::n_of_m<2, 4>{}));
}
