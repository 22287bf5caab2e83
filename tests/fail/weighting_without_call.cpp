// expects: a weighting is a value that is called with (exec, sample) and returns the weight of each
// token (see tamp::stat::weighting)
#include <tamp/tamp.hpp>

struct weighting {
  using role = tamp::role::weighting;
  static constexpr tamp::observable reads = tamp::observable::modality;
  friend bool operator==(const weighting&, const weighting&) = default;
};
const tamp::stat::weighted<tamp::stat::gram, weighting> products;
