// expects: compose: this pattern fixes the sparsity; leave the allocation out
#include <tamp/tamp.hpp>

const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{},
                                  tamp::allocate::uniform{0.5});
