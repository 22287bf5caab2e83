// expects: unpack(where, S, W): the sparse weight comes first, a sparse::matrix or a sparse::view; then the
// dense tensor into which it is written
#include <tamp/tamp.hpp>
#include <vector>

void wrong(const tamp::sparse::matrix<float>& S, std::vector<float>& numbers) {
  tamp::sparse::unpack(tamp::view(numbers, 2, 4), S);
}
