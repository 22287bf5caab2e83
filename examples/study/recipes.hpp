#pragma once

// The recipes that the study knows, by the names of their policies.

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace study {

inline const std::vector<std::string> score_names{"magnitude", "wanda", "ria", "amia", "sparsegpt"};
inline const std::vector<std::string> weighting_names{"all", "amia", "text", "balanced", "reach"};
inline const std::vector<std::string> allocate_names{"uniform",
                                                     "owl",
                                                     "das",
                                                     "erk",
                                                     "lamp",
                                                     "alpha",
                                                     "block_influence",
                                                     "global_threshold",
                                                     "by_error",
                                                     "by_error_sparsegpt"};
inline const std::vector<std::string> pattern_names{"per_row",    "per_tensor", "1:2",  "1:4",
                                                    "2:4",        "4:8",        "8:16", "mixed:8",
                                                    "block:16x1", "block:1x16"};

// A recipe by its names.
struct named_recipe {
  std::string score, allocate, pattern;
  std::optional<double> sparsity;  // empty where the pattern fixes it, as 2:4 does
  std::string weighting = "all";   // which tokens the score's statistic counts, and how much
  std::string refinement = "";     // of its masks: "swaps:25", "repair", "swaps:25+repair", "dsnot"
};

// "wanda", "wanda by reach" if the tokens have weights, "wanda with swaps:25" if its masks are
// refined.
std::string weighed_score(const named_recipe& named);

// Published methods, as they were published: "owl" is Wanda's score with OWL's allocation, "das"
// and "amia" are the two halves of "tamp". per_tensor is, for SparseGPT, within each block of
// columns.
inline const std::map<std::string, named_recipe> methods{
    {"magnitude", {"magnitude", "uniform", "per_row", {}}},
    {"wanda", {"wanda", "uniform", "per_row", {}}},
    {"owl", {"wanda", "owl", "per_row", {}}},
    {"ria", {"ria", "uniform", "per_row", {}}},
    {"sparsegpt", {"sparsegpt", "uniform", "per_tensor", {}}},
    {"das", {"wanda", "das", "per_row", {}}},
    {"amia", {"amia", "uniform", "per_row", {}}},
    {"tamp", {"amia", "das", "per_row", {}}}};

// True if a pattern fixes the sparsity, as 2:4 does.
bool fixes_sparsity(const std::string& pattern);

// The fraction of the weights that a recipe drops.
double asked_sparsity(const named_recipe& named);

// True if another calibration set could make a difference.
bool depends_on_calibration(const named_recipe& named);

// Every combination, patterns that fix their sparsity once. Scores without a statistic, and AMIA's,
// have one weighting.
std::vector<named_recipe> combinations(const std::vector<std::string>& scores,
                                       const std::vector<std::string>& weightings,
                                       const std::vector<std::string>& allocations,
                                       const std::vector<std::string>& patterns,
                                       const std::vector<double>& sparsities);

// Each method at each sparsity; and, for patterns that fix the sparsity, the scores of those
// methods that do not differ by their allocation alone.
std::vector<named_recipe> combinations(const std::vector<std::string>& method_names,
                                       const std::vector<std::string>& fixed_patterns,
                                       const std::vector<double>& sparsities);

// Each recipe with each refinement, of which "none" is none.
std::vector<named_recipe> with_refinements(const std::vector<named_recipe>& recipes,
                                           const std::vector<std::string>& refinements);

}  // namespace study
