// expects: this tensor lives on a device, and the CPU cannot read it
#include <tamp/tamp.hpp>

struct device_space {};

void wrong(tamp::matrix_view<float, device_space> weight) {
  tamp::select(weight, tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{}));
}
