// expects: compose: the recipe has no score; add one, such as tamp::score::magnitude{}
#include <tamp/tamp.hpp>

const auto recipe = tamp::compose(tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
