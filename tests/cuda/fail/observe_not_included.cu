// expects: or the statistic's header, such as <tamp/cuda/column_norm.cuh>, is not included
#include <tamp/cuda/apply.cuh>
#include <tamp/prune/observe.hpp>
#include <tamp/stat/column_norm.hpp>

void wrong(tamp::matrix_view<float, tamp::cuda_space> activations) {
  tamp::observe<tamp::stat::column_norm>(tamp::on(nullptr), activations);
}
