#include <span>
#include <tamp/allocate/uniform.hpp>
#include <tamp/error.hpp>
#include <tamp/prune/compose.hpp>
#include <tamp/prune/select.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/ria.hpp>
#include <tamp/score/wanda.hpp>

#include "pruning.hpp"
#include "run.hpp"

namespace tamp_python {

tamp::mask::bitmask select(const tamp::any_view& weight, const layer_statistics& seen,
                           const recipe& r) {
  if (r.allocate != "uniform")
    tamp::detail::raise<tamp::value_error>(
        "select: the allocation ", r.allocate,
        " compares the layers of a model: give the recipe to tamp.plan, and for a single weight "
        "use recipe.at(sparsity)");
  const auto composed = [&](const auto& score) {
    return tamp::compose(score, any_pattern{r.pattern}, tamp::allocate::uniform{r.sparsity});
  };
  const std::span<const float> norms(seen.norms);
  if (r.score == "sparsegpt") return select_by_sparsegpt(weight, seen, r);
  if (r.score == "magnitude")
    return tamp::select(executor(), weight, composed(tamp::score::magnitude{}));
  if (r.score == "ria")
    return tamp::select(executor(), weight, norms, composed(tamp::score::ria{.alpha = r.alpha}));
  return tamp::select(executor(), weight, norms, composed(tamp::score::wanda{}));
}

}  // namespace tamp_python
