// expects: this tensor lives on a GPU: include <tamp/cuda/cuda.cuh>
#include <tamp/tamp.hpp>

void wrong(const tamp::mask::bitmask& keep, tamp::matrix_view<float, tamp::cuda_space> weight) {
  tamp::apply(weight, keep);
}
