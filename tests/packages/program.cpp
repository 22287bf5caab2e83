// The program that every packaging compiles. It needs nothing but tamp and the C++ library.

#if defined(AS_MODULE)
#  include <iostream>
#  include <vector>
import tamp;
#elif defined(AS_SINGLE_HEADER)
#  include "tamp_single.hpp"
// A second inclusion changes nothing.
#  include <iostream>
#  include "tamp_single.hpp"
#else
#  include <iostream>
#  include <tamp/pattern/n_of_m.hpp>
#  include <tamp/prune/apply.hpp>
#  include <tamp/prune/compose.hpp>
#  include <tamp/prune/observe.hpp>
#  include <tamp/prune/select.hpp>
#  include <tamp/score/wanda.hpp>
#  include <vector>
#endif

int main() {
  std::vector<float> weights{4, -1, 2, -3, 0.5f, -8, -7, 3}, inputs{1, 9, 1, 1, 1, 9, 1, 1};
  const auto W = tamp::view(weights, 2, 4);
  const auto norms = tamp::observe<tamp::stat::column_norm>(tamp::view(inputs, 2, 4));
  const auto recipe = tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{});
  const auto keep = tamp::select(W, norms, recipe);
  tamp::apply(W, keep);
  std::cout << recipe.label() << '\n' << keep;
  for (const float w : weights) std::cout << w << ' ';
  std::cout << '\n';
}
