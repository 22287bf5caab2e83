#include "prune_model.hpp"

#include <llama/tamp_host.hpp>

#include "with_recipe.hpp"

namespace study {

tamp::prune_report prune_model(const named_recipe& named, llama::model& model,
                               const std::vector<llama::matrix>& samples, int threads,
                               const tamp::progress_callback& on_progress) {
  llama::tamp_host host(model, samples);
  const tamp::execute::openmp exec{threads};
  return with_recipe(
      named, [&](const auto& recipe) { return tamp::prune(exec, host, recipe, on_progress); });
}

}  // namespace study
