// expects: or <tamp/cuda/dynamic_ffn.cuh> is not included
#include <tamp/compute/dynamic_ffn.hpp>
#include <tamp/cuda/apply.cuh>

void wrong(tamp::matrix_view<float, tamp::cuda_space> hidden) {
  tamp::compute::channels(tamp::on(nullptr), hidden, tamp::compute::dynamic_ffn{});
}
