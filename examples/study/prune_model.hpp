#pragma once

// Plans and prunes a model by the names of a recipe's policies.

#include <llama/tamp_host.hpp>
#include <optional>
#include <string>
#include <tamp/tamp.hpp>
#include <vector>

#include "recipes.hpp"

namespace study {

// Mean cosine similarities of the output tokens of one layer of the dense model.
struct layer_densities {
  std::string layer;
  double image, text, across;
};

// The signals of a dense model on one set of calibration samples, gathered in one pass for all
// allocations that ask; and the plans that they make of it.
class planner {
 public:
  // The dense model and the samples must outlive the planner. If `file` is given, what was seen is
  // kept there after every block, so that a pass that was killed goes on from there. threads = 0
  // means all.
  planner(const llama::model& dense, const std::vector<llama::calibration_sample>& samples,
          int threads, std::string file = {});

  // Empty if the callback stopped it.
  std::optional<tamp::pruning_plan> plan(const named_recipe& named,
                                         const tamp::progress_callback& on_progress);

  // Of every layer; empty if the callback stopped it.
  std::vector<layer_densities> densities(const tamp::progress_callback& on_progress);

 private:
  using statistics = decltype(tamp::calibration_for(tamp::allocate::owl<>{}, tamp::allocate::das{},
                                                    tamp::allocate::block_influence{}));

  bool calibrate(const tamp::progress_callback& on_progress);

  llama::model dense_;  // a copy, since hosts may write; planning does not
  llama::tamp_host host_;
  tamp::execute::openmp exec_;
  std::string file_;
  statistics seen_;
};

// The reach of the samples' tokens in the dense model. It is measured once for many recipes.
class reach_of_samples {
 public:
  // The dense model and the samples must outlive it. threads = 0 means all.
  reach_of_samples(const llama::model& dense, const std::vector<llama::calibration_sample>& samples,
                   int threads);

  // Returns null if the callback stopped it. A further call goes on.
  const tamp::token_weights* measure(const tamp::progress_callback& on_progress);

 private:
  const llama::model& dense_;
  const std::vector<llama::calibration_sample>& samples_;
  int threads_;
  tamp::token_weights weights_;
};

// Prunes `model`, which is dense, in place by a plan; the report says how it went. The recipe must
// have the weighting "all" and no refinement, like every entry of `methods`. threads = 0 means all.
tamp::prune_report prune_by_method(const named_recipe& named, const tamp::pruning_plan& plan,
                                   llama::model& model,
                                   const std::vector<llama::calibration_sample>& samples,
                                   int threads, const tamp::progress_callback& on_progress);

// The same by any recipe. `reach` spares measuring the same weights for every recipe.
tamp::prune_report prune_model(const named_recipe& named, const tamp::pruning_plan& plan,
                               llama::model& model,
                               const std::vector<llama::calibration_sample>& samples, int threads,
                               const tamp::progress_callback& on_progress,
                               reach_of_samples* reach = nullptr);

// The share of the layers' errors that refinements leave: the mean over the layers of error after
// by error before. Empty where no layer's error is known, as without refinements.
std::optional<double> error_left(const tamp::prune_report& report);

}  // namespace study
