// expects: compose: the recipe has two allocations
#include <tamp/tamp.hpp>

const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{},
                                  tamp::allocate::uniform{0.5}, tamp::allocate::uniform{0.6});
