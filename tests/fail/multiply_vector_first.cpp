// expects: multiply(where, S, X, Y): the weight comes first, a sparse::matrix, a sparse::view or a dense
// tensor; then the activations, then the result
#include <tamp/tamp.hpp>
#include <vector>

void wrong(const tamp::sparse::matrix<float>& S, const std::vector<float>& x,
           std::vector<float>& y) {
  tamp::sparse::multiply(x, S, y);
}
