// expects: a score returns float or double
#include <tamp/tamp.hpp>
#include <vector>

struct wide {
  using role = tamp::role::score;
  long double operator()(float weight) const noexcept { return weight; }
};

void wrong(std::vector<float>& numbers) {
  tamp::select(tamp::view(numbers, 2, 4), tamp::compose(wide{}, tamp::pattern::n_of_m<2, 4>{}));
}
