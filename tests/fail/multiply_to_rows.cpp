// expects: multiply: the result has elements in memory: it is a strided tensor, (tokens, rows), or for one
// token any contiguous range of numbers
#include <tamp/tamp.hpp>
#include <vector>

void wrong(const tamp::sparse::matrix<float>& S, const std::vector<float>& x,
           tamp::sparse::matrix<float>& y) {
  tamp::sparse::multiply(S, x, y);
}
