// expects: compose: every policy names its role (using role = tamp::role::score, allocate,
// pattern, weighting or refine)
#include <tamp/tamp.hpp>

struct roleless {
  float operator()(float weight) const noexcept { return weight; }
};
const auto recipe =
    tamp::compose(roleless{}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
