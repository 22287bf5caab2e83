#include <tamp/prune/apply.hpp>

#include "pruning.hpp"
#include "run.hpp"

namespace tamp_python {

void apply(const tamp::any_view& weight, const tamp::mask::bitmask& keep) {
  tamp::apply(executor(), weight, keep);
}

void check_writable(const tamp::any_view& weight) {
  weight.visit_writable([](auto target) { tamp::detail::check_writable("prune", target); });
}

tamp::pruned prune(const tamp::any_view& weight, const layer_statistics& seen, const recipe& r) {
  if (r.score == "sparsegpt") return prune_by_sparsegpt(weight, seen, r);
  // Arrays that cannot be written to are refused before anything is computed.
  check_writable(weight);
  const auto keep = select(weight, seen, r);
  apply(weight, keep);
  return {keep.size(), keep.count()};
}

}  // namespace tamp_python
