// expects: pack(W, keep): the weight comes first, then its mask, a tamp::mask::bitmask
#include <tamp/tamp.hpp>
#include <vector>

auto wrong(const std::vector<float>& numbers, const tamp::mask::bitmask& keep) {
  return tamp::sparse::pack(keep, tamp::view(numbers, 2, 4));
}
