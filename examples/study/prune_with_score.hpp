#pragma once

// Prunes by a score that is a type, and the names of the other policies.

#include <vector>

#include "prune_model.hpp"
#include "with_recipe.hpp"

namespace study {

template <class Host, class Score>
tamp::prune_report prune_with_score(Host& host, const named_recipe& named,
                                    const tamp::pruning_plan& plan, int threads,
                                    const tamp::progress_callback& on_progress,
                                    const Score& score) {
  const tamp::execute::openmp exec{threads};
  const auto prune = [&](auto... pattern_and_allocation) {
    return tamp::prune_model(exec, host, plan, tamp::compose(score, pattern_and_allocation...),
                             on_progress);
  };
  // The plan says how much each layer loses: to the recipe all allocations are alike.
  return with_pattern(
      named.pattern, [&](auto pattern) { return prune(pattern, tamp::allocate::uniform{}); },
      [&](auto pattern) { return prune(pattern); });
}

// The same with a statistic of weighted tokens, for weightings but "all".
tamp::prune_report prune_weighed(const named_recipe& named, const tamp::pruning_plan& plan,
                                 llama::model& model,
                                 const std::vector<llama::calibration_sample>& samples, int threads,
                                 const tamp::progress_callback& on_progress,
                                 reach_of_samples* reach);

// The same with refined masks. `reach` is for the weighting of that name.
tamp::prune_report prune_refined(const named_recipe& named, const tamp::pruning_plan& plan,
                                 llama::model& model,
                                 const std::vector<llama::calibration_sample>& samples, int threads,
                                 const tamp::progress_callback& on_progress,
                                 const tamp::token_weights* reach);

}  // namespace study
