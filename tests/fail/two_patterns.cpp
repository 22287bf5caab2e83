// expects: compose: the recipe has two patterns
#include <tamp/tamp.hpp>

const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{},
                                  tamp::pattern::per_tensor{}, tamp::allocate::uniform{0.5});
