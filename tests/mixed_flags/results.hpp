#pragma once

#include <string>
#include <typeinfo>

/// The results of a unit's calls, in types that all units share.
struct results {
  std::string masks, sums, refusals;
  const std::type_info* standard;  ///< of execute::standard
};

results plain();
results with_vectors();
results with_openmp();
results without_exceptions();
results with_fast_math();
