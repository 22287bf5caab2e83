#pragma once

// The recipes that the study knows, by the names of their policies.

#include <optional>
#include <string>
#include <vector>

namespace study {

inline const std::vector<std::string> score_names{"magnitude", "wanda"};
inline const std::vector<std::string> allocate_names{"uniform"};
inline const std::vector<std::string> pattern_names{"per_row", "per_tensor", "1:2", "1:4",
                                                    "2:4",     "4:8",        "8:16"};

// A recipe by its names.
struct named_recipe {
  std::string score, allocate, pattern;
  std::optional<double> sparsity;  // empty where the pattern fixes it, as 2:4 does
};

// The fraction of the weights that a recipe drops.
double asked_sparsity(const named_recipe& named);

// Every combination, patterns that fix their sparsity once.
std::vector<named_recipe> combinations(const std::vector<std::string>& scores,
                                       const std::vector<std::string>& allocations,
                                       const std::vector<std::string>& patterns,
                                       const std::vector<double>& sparsities);

}  // namespace study
