// expects: this weight lies in the CPU's memory, its mask in the GPU's
#include <tamp/cuda/cuda.cuh>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/ria.hpp>
#include <tamp/score/wanda.hpp>
#include <vector>

using device_weight = tamp::matrix_view<float, tamp::cuda_space>;
const auto recipe = tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{});

void wrong(const tamp::cuda::bitmask& keep, tamp::matrix_view<float> weight) {
  tamp::apply(tamp::on(nullptr), weight, keep);
}
