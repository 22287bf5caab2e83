// expects: this weight is const and cannot be pruned in place
#include <tamp/tamp.hpp>
#include <vector>

void wrong(const std::vector<float>& numbers) {
  tamp::apply(tamp::view(numbers, 2, 4), tamp::mask::bitmask(2, 4));
}
