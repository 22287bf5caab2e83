// expects: compose: the recipe has no pattern; add one, such as tamp::pattern::per_row{}
#include <tamp/tamp.hpp>

const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::allocate::uniform{0.5});
