// expects: unpack: this tensor is const and cannot be written
#include <tamp/tamp.hpp>
#include <vector>

void wrong(const tamp::sparse::matrix<float>& S, const std::vector<float>& numbers) {
  tamp::sparse::unpack(S, tamp::view(numbers, 2, 4));
}
