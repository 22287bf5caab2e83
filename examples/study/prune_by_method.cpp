// The recipes that neither weigh tokens nor refine masks.

#include <stdexcept>

#include "prune_model.hpp"
#include "prune_with_score.hpp"

namespace study {

tamp::prune_report prune_by_method(const named_recipe& named, const tamp::pruning_plan& plan,
                                   llama::model& model,
                                   const std::vector<llama::calibration_sample>& samples,
                                   int threads, const tamp::progress_callback& on_progress) {
  if (named.weighting != "all" || !named.refinement.empty())
    throw std::invalid_argument("prune_by_method: " + weighed_score(named) +
                                " weighs tokens or refines masks, and it supports neither");
  llama::tamp_host host(model, samples);
  return with_score(named.score, [&](auto score) {
    return prune_with_score(host, named, plan, threads, on_progress, score);
  });
}

}  // namespace study
