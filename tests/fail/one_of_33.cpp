// expects: pattern::n_of_m<N, M> keeps N of every M weights: 0 < N < M <= 32
#include <tamp/tamp.hpp>

const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<1, 33>{});
