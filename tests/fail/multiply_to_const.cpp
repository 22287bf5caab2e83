// expects: multiply: the result is const and cannot be written
#include <tamp/tamp.hpp>
#include <vector>

void wrong(const tamp::sparse::matrix<float>& S, const std::vector<float>& x,
           const std::vector<float>& y) {
  tamp::sparse::multiply(S, x, y);
}
