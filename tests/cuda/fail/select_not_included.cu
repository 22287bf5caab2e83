// expects: this is no select(tamp::on(stream), weight, statistics, recipe)
#include <tamp/cuda/apply.cuh>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/prune/compose.hpp>
#include <tamp/prune/select.hpp>
#include <tamp/score/magnitude.hpp>

void wrong(tamp::matrix_view<float, tamp::cuda_space> weight) {
  tamp::select(tamp::on(nullptr), weight,
               tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{}));
}
