// expects: compose: the recipe has two scores
#include <tamp/tamp.hpp>

const auto recipe = tamp::compose(tamp::score::wanda{}, tamp::score::magnitude{},
                                  tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
