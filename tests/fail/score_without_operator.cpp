// expects: this score cannot score anything: give it operator()(float weight) const, or
// bind(exec, weight, values) const
#include <tamp/tamp.hpp>
#include <vector>

struct score {
  using role = tamp::role::score;
};
const auto recipe = tamp::compose(score{}, tamp::pattern::n_of_m<2, 4>{});
