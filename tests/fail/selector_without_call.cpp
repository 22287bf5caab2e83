// expects: or a selector, which is called with (exec, output, kinds, attention) and returns the
// places of the tokens it takes
#include <tamp/tamp.hpp>
#include <vector>

struct selector {
  std::vector<std::size_t> operator()() const { return {}; }
  friend bool operator==(const selector&, const selector&) = default;
};
const tamp::stat::weighted<tamp::stat::column_norm, selector> norms;
