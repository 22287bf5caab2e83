// expects: compose: a refinement that repairs weights is the last one
#include <tamp/refine/repair.hpp>
#include <tamp/tamp.hpp>

const auto recipe =
    tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5},
                  tamp::refine::repair{}, tamp::refine::swaps{25});
