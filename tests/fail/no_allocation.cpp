// expects: compose: this pattern leaves the sparsity open; add an allocation, such as
// tamp::allocate::uniform{0.5}
#include <tamp/tamp.hpp>

const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{});
