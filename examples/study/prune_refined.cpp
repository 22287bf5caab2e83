// The recipes whose masks are refined, apart from the others since they are many.

#include <charconv>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <tamp/refine/repair.hpp>
#include <vector>

#include "prune_model.hpp"
#include "prune_with_score.hpp"
#include "swaps_if_any.hpp"

namespace study {
namespace {

// The steps of a name such as "swaps:25+repair".
struct steps {
  std::size_t swaps = 0;
  bool repairs = false;

  explicit steps(const std::string& name) {
    std::string_view rest = name;
    if (rest.starts_with("swaps:")) {
      rest.remove_prefix(6);
      const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), swaps);
      if (error != std::errc{}) throw std::invalid_argument("there is no refinement " + name);
      rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
      if (rest.empty()) return;
      if (rest.front() == '+') rest.remove_prefix(1);
    }
    repairs = rest == "repair";
    if (!repairs) throw std::invalid_argument("there is no refinement " + name);
  }
};

template <class Host, class Score, class Pattern, class... Allocation>
tamp::prune_report prune_by(Host& host, const named_recipe& named, const tamp::pruning_plan& plan,
                            int threads, const tamp::progress_callback& on_progress,
                            const Score& score, const Pattern& pattern,
                            const Allocation&... allocation) {
  const tamp::execute::openmp exec{threads};
  const auto prune = [&](const auto&... refinements) {
    return tamp::prune_model(exec, host, plan,
                             tamp::compose(score, pattern, allocation..., refinements...),
                             on_progress);
  };
  constexpr bool takes_dsnot = sizeof...(Allocation) != 0 && !tamp::score::repairing<Score>;
  if (named.refinement == "dsnot") {
    if constexpr (takes_dsnot)
      return prune(tamp::refine::dsnot{});
    else
      throw std::invalid_argument("dsnot refines neither n:m masks nor those of sparsegpt");
  }
  const steps asked(named.refinement);
  if (asked.repairs) return prune(swaps_if_any{{.per_row = asked.swaps}}, tamp::refine::repair{});
  if constexpr (tamp::score::repairing<Score>)
    throw std::invalid_argument("the masks of sparsegpt are refined with +repair");
  else
    return prune(tamp::refine::swaps{asked.swaps});
}

template <class Host, class Score>
tamp::prune_report prune_by(Host& host, const named_recipe& named, const tamp::pruning_plan& plan,
                            int threads, const tamp::progress_callback& on_progress,
                            const Score& score) {
  using namespace tamp::pattern;
  const auto prune = [&](const auto&... shape) {
    return prune_by(host, named, plan, threads, on_progress, score, shape...);
  };
  if (named.pattern == "per_row") return prune(per_row{}, tamp::allocate::uniform{});
  if (named.pattern == "per_tensor") return prune(per_tensor{}, tamp::allocate::uniform{});
  if (named.pattern == "2:4") return prune(n_of_m<2, 4>{});
  throw std::invalid_argument("the study refines masks of per_row, per_tensor and 2:4, not of " +
                              named.pattern);
}

}  // namespace

tamp::prune_report prune_refined(const named_recipe& named, const tamp::pruning_plan& plan,
                                 llama::model& model,
                                 const std::vector<llama::calibration_sample>& samples, int threads,
                                 const tamp::progress_callback& on_progress,
                                 const tamp::token_weights* reach) {
  llama::tamp_host host(model, samples);
  if (named.weighting == "all")
    return with_score(named.score, [&](auto score) {
      return prune_by(host, named, plan, threads, on_progress, score);
    });
  if (named.weighting != "reach" || reach == nullptr)
    throw std::invalid_argument("the study refines masks over all tokens and by their reach");
  auto weighed = tamp::with_weights(host, *reach);
  return with_weighable_score(named.score, [&](auto score) {
    return prune_by(weighed, named, plan, threads, on_progress,
                    tamp::score::weighted<decltype(score), tamp::stat::reach>{score, {}});
  });
}

}  // namespace study
