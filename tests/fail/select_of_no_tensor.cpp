// expects: the argument in the place of the weight is no tensor that tamp can read: give a
// view, include the adapter of its library (tamp/adapt/), or specialise tamp::tensor_traits
#include <tamp/tamp.hpp>

struct foreign_tensor {};

void wrong(const foreign_tensor& weight) {
  static_cast<void>(
      tamp::select(weight, tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{})));
}
