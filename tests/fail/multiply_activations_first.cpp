// expects: a sparse weight stands where the activations belong: the order is multiply(where, S, X, Y),
// the weight first
#include <tamp/tamp.hpp>
#include <vector>

void wrong(const tamp::sparse::matrix<float>& S, const std::vector<float>& x,
           std::vector<float>& y) {
  tamp::sparse::multiply(tamp::view(x, 2, 4), S, tamp::view(y, 2, 3));
}
