// expects: these flags are const and cannot be written
#include <tamp/tamp.hpp>
#include <vector>

void wrong(const std::vector<float>& flags) {
  tamp::mask::bitmask(2, 4).copy_to(tamp::view(flags, 2, 4));
}
