// expects: compose: this score reads no statistic, so that there is nothing in which to weigh
// tokens
#include <tamp/tamp.hpp>

const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::stat::balanced_modalities{},
                                  tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
