// expects: this is not the statistic that the recipe's score needs
#include <tamp/tamp.hpp>
#include <vector>

struct another_statistic {
  std::vector<float> values() const { return {1, 2, 3, 4}; }
};

void wrong(std::vector<float>& numbers) {
  tamp::select(tamp::view(numbers, 2, 4), another_statistic{},
               tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{}));
}
