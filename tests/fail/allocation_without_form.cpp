// expects: this allocation cannot allocate: give it operator()(std::span<const std::size_t>
// num_params) const, which returns one sparsity a unit
#include <tamp/tamp.hpp>
#include <vector>

struct allocation {
  using role = tamp::role::allocate;
  double operator()(std::size_t) const { return 0.5; }
};
const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{}, allocation{});
