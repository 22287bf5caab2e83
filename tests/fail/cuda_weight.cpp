// expects: this tensor lives on a GPU: include <tamp/cuda/cuda.cuh>, or only what is needed from
// <tamp/cuda/select.cuh>, <tamp/cuda/apply.cuh> ..., and let a stream go first, as in
// select(tamp::on(stream), weight, norms, recipe)
#include <tamp/tamp.hpp>

void wrong(tamp::matrix_view<float, tamp::cuda_space> weight) {
  tamp::select(weight, tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{}));
}
