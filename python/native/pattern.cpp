#include "pattern.hpp"

#include <tamp/error.hpp>
#include <tamp/pattern/detail/pattern_forms.hpp>

namespace tamp_python {
namespace {

template <class Score>
void select(const any_pattern& pattern, const tamp::detail::any_executor& exec,
            const tamp::detail::any_scored_rows<Score>& scores, double sparsity,
            tamp::mask::bitmask& keep) {
  with_pattern(pattern.name, [&](const auto& known) {
    tamp::detail::choose(exec, known, scores, sparsity, keep, "select", {});
  });
}

}  // namespace

std::optional<double> fixed_sparsity(std::string_view pattern) {
  std::optional<double> sparsity;
  const bool known = with_pattern(pattern, [&](const auto& its) {
    if constexpr (requires { its.sparsity; }) sparsity = its.sparsity;
  });
  if (!known)
    tamp::detail::raise<tamp::value_error>("there is no pattern called \"", pattern,
                                           "\": the names are ", pattern_names);
  return sparsity;
}

void any_pattern::select_tensor(const tamp::detail::any_executor& exec,
                                const tamp::detail::any_scored_rows<float>& scores, double sparsity,
                                tamp::mask::bitmask& keep) const {
  select(*this, exec, scores, sparsity, keep);
}
void any_pattern::select_tensor(const tamp::detail::any_executor& exec,
                                const tamp::detail::any_scored_rows<double>& scores,
                                double sparsity, tamp::mask::bitmask& keep) const {
  select(*this, exec, scores, sparsity, keep);
}

}  // namespace tamp_python
