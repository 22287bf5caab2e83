// expects: this tensor lives on a device, and the CPU cannot read it
#include <tamp/tamp.hpp>

struct device_space {};

void wrong(tamp::matrix_view<float, device_space> flags) { tamp::mask::bitmask::from(flags); }
