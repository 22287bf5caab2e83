#pragma once

// Prunes a model by the names of a recipe's policies.

#include <llama/model.hpp>
#include <tamp/prune/prune_model.hpp>
#include <vector>

#include "recipes.hpp"

namespace study {

// Prunes `model` in place, calibrated on `samples` (embedded sequences); the report says how it
// went. threads = 0 means all.
tamp::prune_report prune_model(const named_recipe& named, llama::model& model,
                               const std::vector<llama::matrix>& samples, int threads,
                               const tamp::progress_callback& on_progress);

}  // namespace study
