// expects: compose: the recipe has two weightings of tokens
#include <tamp/tamp.hpp>

const auto recipe = tamp::compose(tamp::score::wanda{}, tamp::stat::balanced_modalities{},
                                  tamp::stat::amia_select{}, tamp::pattern::per_row{},
                                  tamp::allocate::uniform{0.5});
