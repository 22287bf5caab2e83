// expects: activations and results are tensors, (tokens, features), or for one token any contiguous range
// of numbers
#include <map>
#include <tamp/tamp.hpp>
#include <vector>

void wrong(const tamp::sparse::matrix<float>& S, const std::map<int, float>& x,
           std::vector<float>& y) {
  tamp::sparse::multiply(S, x, y);
}
