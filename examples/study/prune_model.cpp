#include "prune_model.hpp"

#include "prune_with_score.hpp"

namespace study {

reach_of_samples::reach_of_samples(const llama::model& dense,
                                   const std::vector<llama::calibration_sample>& samples,
                                   int threads)
    : dense_(dense), samples_(samples), threads_(threads) {}

const tamp::token_weights* reach_of_samples::measure(const tamp::progress_callback& on_progress) {
  if (weights_.complete()) return &weights_;
  llama::model copy = dense_;  // a host may write; measuring does not
  llama::tamp_host host(copy, samples_);
  const tamp::execute::openmp exec{threads_};
  return tamp::stat::reach::measure(exec, host, weights_, on_progress) ? &weights_ : nullptr;
}

tamp::prune_report prune_model(const named_recipe& named, const tamp::pruning_plan& plan,
                               llama::model& model,
                               const std::vector<llama::calibration_sample>& samples, int threads,
                               const tamp::progress_callback& on_progress,
                               reach_of_samples* reach) {
  if (!named.refinement.empty()) {
    reach_of_samples own(model, samples, threads);
    const tamp::token_weights* weights = nullptr;
    if (named.weighting == "reach") {
      weights = (reach == nullptr ? own : *reach).measure(on_progress);
      if (weights == nullptr) {
        tamp::prune_report stopped;
        stopped.cancelled = true;
        return stopped;
      }
    }
    return prune_refined(named, plan, model, samples, threads, on_progress, weights);
  }
  if (named.weighting != "all")
    return prune_weighed(named, plan, model, samples, threads, on_progress, reach);
  return prune_by_method(named, plan, model, samples, threads, on_progress);
}

std::optional<double> error_left(const tamp::prune_report& report) {
  double sum = 0;
  std::size_t layers = 0;
  for (const tamp::layer_report& layer : report.layers)
    if (layer.error && layer.error->before > 0) {
      sum += layer.error->after / layer.error->before;
      ++layers;
    }
  if (layers == 0) return std::nullopt;
  return sum / static_cast<double>(layers);
}

}  // namespace study
