// expects: this weight is const and cannot be pruned in place
#include <tamp/tamp.hpp>
#include <vector>

void wrong(const std::vector<float>& numbers) {
  tamp::prune(tamp::view(numbers, 2, 4),
              tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{}));
}
