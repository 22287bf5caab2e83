// expects: multiply(where, S, X, Y): the weight comes first, a sparse::matrix, a sparse::view or a dense
// tensor; then the activations, then the result
#include <string>
#include <tamp/tamp.hpp>
#include <vector>

void wrong(const std::string& weight, const std::vector<float>& x, std::vector<float>& y) {
  tamp::sparse::multiply(tamp::execute::sequential{}, weight, x, y);
}
