// expects: ignoring return
#include <tamp/tamp.hpp>
#include <vector>

#pragma GCC diagnostic error "-Wunused-result"

void wrong(std::vector<float>& numbers) {
  tamp::select(tamp::view(numbers, 2, 4),
               tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{}));
}
