// expects: this pattern cannot choose weights: give it a class template row_selector<Score>,
// made of (columns, sparsity)
#include <tamp/tamp.hpp>
#include <vector>

struct pattern {
  using role = tamp::role::pattern;
};
const auto recipe =
    tamp::compose(tamp::score::magnitude{}, pattern{}, tamp::allocate::uniform{0.5});
