#include <tamp/error.hpp>

#include "pruning.hpp"
#include "run.hpp"
#if defined(TAMP_PYTHON_WITH_EIGEN)
#  include <tamp/allocate/uniform.hpp>
#  include <tamp/prune/compose.hpp>
#  include <tamp/prune/prune.hpp>
#  include <tamp/score/sparsegpt.hpp>
#endif

namespace tamp_python {

#if defined(TAMP_PYTHON_WITH_EIGEN)

namespace {

// Calls use(recipe) with the recipe as a type.
template <class Result, class Use>
Result with_recipe(const recipe& r, const Use& use) {
  Result result;
  const tamp::score::sparsegpt score{.blocksize = r.blocksize, .damping = r.damping};
  with_pattern(r.pattern, [&](const auto& pattern) {
    if constexpr (requires { pattern.sparsity; })
      result = use(tamp::compose(score, pattern));
    else
      result = use(tamp::compose(score, pattern, tamp::allocate::uniform{r.sparsity}));
  });
  return result;
}

}  // namespace

tamp::mask::bitmask select_by_sparsegpt(const tamp::any_view& weight, const layer_statistics& seen,
                                        const recipe& r) {
  return with_recipe<tamp::mask::bitmask>(r, [&](const auto& composed) {
    return tamp::select(executor(), weight, *seen.gram, composed);
  });
}
tamp::pruned prune_by_sparsegpt(const tamp::any_view& weight, const layer_statistics& seen,
                                const recipe& r) {
  return with_recipe<tamp::pruned>(r, [&](const auto& composed) {
    return tamp::prune(executor(), weight, *seen.gram, composed);
  });
}

#else

namespace {
[[noreturn]] void refuse() {
  tamp::detail::raise<tamp::error>(
      "sparsegpt: this package was built without Eigen: install Eigen and build it anew");
}
}  // namespace

tamp::mask::bitmask select_by_sparsegpt(const tamp::any_view&, const layer_statistics&,
                                        const recipe&) {
  refuse();
}
tamp::pruned prune_by_sparsegpt(const tamp::any_view&, const layer_statistics&, const recipe&) {
  refuse();
}

#endif

}  // namespace tamp_python
