// expects: this tensor's type of number is known only at run time, and an operation on a GPU takes
// one that is known at compile time: visit it
#include <tamp/cuda/select.cuh>
#include <tamp/tamp.hpp>

void wrong(cudaStream_t stream, const tamp::any_view& weight) {
  static_cast<void>(
      tamp::select(tamp::on(stream), weight,
                   tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{})));
}
