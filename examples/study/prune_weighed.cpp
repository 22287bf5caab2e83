// The recipes whose statistics weigh tokens, apart from the others since they are many.

#include <stdexcept>
#include <tamp/score/weighted.hpp>
#include <vector>

#include "prune_model.hpp"
#include "prune_with_score.hpp"

namespace study {
namespace {

// The text alone, or text and image the same in all: one type for two names.
struct by_modality {
  using role = tamp::role::weighting;
  static constexpr tamp::observable reads = tamp::observable::modality;
  bool balanced = false;

  std::string label() const {
    return balanced ? std::string(tamp::stat::balanced_modalities::label())
                    : tamp::stat::only_modality{}.label();
  }
  std::vector<double> operator()(const auto& exec, const auto& sample) const {
    return balanced ? tamp::stat::balanced_modalities{}(exec, sample)
                    : tamp::stat::only_modality{}(exec, sample);
  }
  friend bool operator==(const by_modality&, const by_modality&) = default;
};

}  // namespace

tamp::prune_report prune_weighed(const named_recipe& named, const tamp::pruning_plan& plan,
                                 llama::model& model,
                                 const std::vector<llama::calibration_sample>& samples, int threads,
                                 const tamp::progress_callback& on_progress,
                                 reach_of_samples* reach) {
  llama::tamp_host host(model, samples);
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
  return with_weighable_score(named.score, [&](auto score) {
    const auto prune = [&](auto& subject, auto weighting) {
      return prune_with_score(
          subject, named, plan, threads, on_progress,
          tamp::score::weighted<decltype(score), decltype(weighting)>{score, weighting});
    };
    if (named.weighting == "amia") return prune(host, tamp::stat::amia_select{});
    if (named.weighting == "text") return prune(host, by_modality{false});
    if (named.weighting == "balanced") return prune(host, by_modality{true});
    if (weights == nullptr)
      throw std::invalid_argument("there is no weighting called " + named.weighting);
    auto weighed = tamp::with_weights(host, *weights);
    return prune(weighed, tamp::stat::reach{});
  });
}

}  // namespace study
