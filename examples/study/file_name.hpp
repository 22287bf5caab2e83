#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "recipes.hpp"
#include "result_table.hpp"

namespace study {

// A name for a recipe's files, "wanda_by_reach-uniform-2_4-1-0.50", without an extension: no other
// recipe or seed has the same.
inline std::string file_name(const named_recipe& named, unsigned seed) {
  std::string name = fmt::format("{}-{}-{}-{}-{}", weighed_score(named), named.allocate,
                                 named.pattern, seed, with_decimals(asked_sparsity(named), 2));
  // As file systems like them.
  std::replace(name.begin(), name.end(), ':', '_');
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

}  // namespace study
