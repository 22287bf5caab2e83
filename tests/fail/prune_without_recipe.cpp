// expects: the argument in the place of the recipe is none: compose a score, a pattern and an
// allocation
#include <tamp/tamp.hpp>
#include <vector>

void wrong(std::vector<float>& numbers) {
  tamp::prune(tamp::view(numbers, 2, 4), tamp::score::magnitude{});
}
