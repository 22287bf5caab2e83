#include "recipes.hpp"

#include <algorithm>

#include "with_recipe.hpp"

namespace study {

bool fixes_sparsity(const std::string& pattern) {
  return with_pattern(pattern, [](auto) { return false; }, [](auto) { return true; });
}

double asked_sparsity(const named_recipe& named) {
  return with_pattern(
      named.pattern, [&](auto) { return named.sparsity.value(); },
      [](auto pattern) { return pattern.sparsity; });
}

bool depends_on_calibration(const named_recipe& named) {
  const std::vector<std::string> data_free{"-",    "uniform", "erk",
                                           "lamp", "alpha",   "global_threshold"};
  return named.score != "magnitude" || !named.refinement.empty() ||
         std::find(data_free.begin(), data_free.end(), named.allocate) == data_free.end();
}

std::string weighed_score(const named_recipe& named) {
  std::string name = named.score;
  if (named.weighting != "all") name += " by " + named.weighting;
  if (!named.refinement.empty()) name += " with " + named.refinement;
  return name;
}

std::vector<named_recipe> combinations(const std::vector<std::string>& scores,
                                       const std::vector<std::string>& weightings,
                                       const std::vector<std::string>& allocations,
                                       const std::vector<std::string>& patterns,
                                       const std::vector<double>& sparsities) {
  const std::vector<std::string> all_tokens{"all"};
  const auto weightings_of = [&](const std::string& score) -> const std::vector<std::string>& {
    return score == "magnitude" || score == "amia" ? all_tokens : weightings;
  };
  std::vector<named_recipe> all;
  for (const std::string& pattern : patterns)
    with_pattern(
        pattern,
        [&](auto) {
          for (const double sparsity : sparsities)
            for (const std::string& score : scores)
              for (const std::string& weighting : weightings_of(score))
                for (const std::string& allocate : allocations)
                  all.push_back({score, allocate, pattern, sparsity, weighting});
        },
        [&](auto) {
          for (const std::string& score : scores)
            for (const std::string& weighting : weightings_of(score))
              all.push_back({score, "-", pattern, {}, weighting});
        });
  return all;
}

std::vector<named_recipe> combinations(const std::vector<std::string>& method_names,
                                       const std::vector<std::string>& fixed_patterns,
                                       const std::vector<double>& sparsities) {
  std::vector<named_recipe> all;
  for (const double sparsity : sparsities)
    for (const std::string& name : method_names) {
      all.push_back(methods.at(name));
      all.back().sparsity = sparsity;
    }
  for (const std::string& pattern : fixed_patterns)
    for (const std::string& name : method_names) {
      const named_recipe& method = methods.at(name);
      if (method.allocate == "uniform") all.push_back({method.score, "-", pattern, {}});
    }
  return all;
}

std::vector<named_recipe> with_refinements(const std::vector<named_recipe>& recipes,
                                           const std::vector<std::string>& refinements) {
  std::vector<named_recipe> all;
  for (const named_recipe& recipe : recipes)
    for (const std::string& refinement : refinements) {
      all.push_back(recipe);
      all.back().refinement = refinement == "none" ? "" : refinement;
    }
  return all;
}

}  // namespace study
