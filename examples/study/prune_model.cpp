#include "prune_model.hpp"

#include "with_recipe.hpp"

namespace study {

tamp::prune_report prune_model(const named_recipe& named, const tamp::pruning_plan& plan,
                               llama::model& model,
                               const std::vector<llama::calibration_sample>& samples, int threads,
                               const tamp::progress_callback& on_progress) {
  llama::tamp_host host(model, samples);
  const tamp::execute::openmp exec{threads};
  // The plan says how much each layer loses: to the recipe all allocations are alike.
  return with_score(named.score, [&](auto score) {
    const auto prune = [&](auto... pattern_and_allocation) {
      return tamp::prune_model(exec, host, plan, tamp::compose(score, pattern_and_allocation...),
                               on_progress);
    };
    return with_pattern(
        named.pattern, [&](auto pattern) { return prune(pattern, tamp::allocate::uniform{}); },
        [&](auto pattern) { return prune(pattern); });
  });
}

}  // namespace study
