#include "recipes.hpp"

#include "with_recipe.hpp"

namespace study {

double asked_sparsity(const named_recipe& named) {
  return with_pattern(
      named.pattern, [&](auto) { return named.sparsity.value(); },
      [](auto pattern) { return pattern.sparsity; });
}

std::vector<named_recipe> combinations(const std::vector<std::string>& scores,
                                       const std::vector<std::string>& allocations,
                                       const std::vector<std::string>& patterns,
                                       const std::vector<double>& sparsities) {
  std::vector<named_recipe> all;
  for (const std::string& pattern : patterns)
    with_pattern(
        pattern,
        [&](auto) {
          for (const double sparsity : sparsities)
            for (const std::string& score : scores)
              for (const std::string& allocate : allocations)
                all.push_back({score, allocate, pattern, sparsity});
        },
        [&](auto) {
          for (const std::string& score : scores) all.push_back({score, "-", pattern, {}});
        });
  return all;
}

}  // namespace study
