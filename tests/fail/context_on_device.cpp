// expects: this tensor lives on a device, and token policies read numbers of the CPU
#include <tamp/tamp.hpp>

void wrong(tamp::matrix_view<const float, tamp::cuda_space> hidden) {
  tamp::token::context c;
  c.hidden = hidden;
}
