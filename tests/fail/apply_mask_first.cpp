// expects: apply(W, keep): the weight comes first, then its mask
#include <tamp/tamp.hpp>
#include <vector>

void wrong(std::vector<float>& numbers, const tamp::mask::bitmask& keep) {
  tamp::apply(keep, tamp::view(numbers, 2, 4));
}
