// expects: a refinement does not know which weights of this pattern may take each other's places
#include <tamp/tamp.hpp>

struct every_other {
  using role = tamp::role::pattern;
  template <class Score>
  struct row_selector {
    row_selector(std::size_t, double) {}
    void operator()(const tamp::detail::scored_row<Score>&, std::span<tamp::mask::word>) {}
  };
};

void refine(tamp::matrix_view<const float> weight, const tamp::mask::bitmask& keep,
            const tamp::stat::gram& gram) {
  (void)tamp::refine::swaps{}(weight, keep, gram, every_other{});
}
