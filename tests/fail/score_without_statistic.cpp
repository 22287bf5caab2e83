// expects: this score needs a statistic and cannot score anything: give it operator()(float
// weight, float statistic) const
#include <tamp/tamp.hpp>
#include <vector>

struct score {
  using role = tamp::role::score;
  using needs = tamp::stat::column_norm;
  float operator()(float weight) const { return weight; }
};
const auto recipe = tamp::compose(score{}, tamp::pattern::n_of_m<2, 4>{});
