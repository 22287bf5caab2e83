#include <filesystem>
#include <tamp/io/calibration.hpp>
#include <type_traits>
#include <utility>

#include "prune_model.hpp"
#include "with_recipe.hpp"

namespace study {
namespace {

constexpr auto dense_statistics_for = [] {
  using namespace tamp::allocate;
  return tamp::calibration_for(owl<>{}, das{}, block_influence{});
};

// True for an allocation whose statistic is one of them.
template <class Allocation, class... Statistics>
constexpr bool is_one_of(const tamp::calibration<Statistics...>*) {
  return (std::is_same_v<tamp::detail::needed_statistic_of<Allocation>, Statistics> || ...);
}
template <class Allocation>
constexpr bool is_calibrated =
    is_one_of<Allocation>(static_cast<const decltype(dense_statistics_for())*>(nullptr));

}  // namespace

planner::planner(const llama::model& dense, const std::vector<llama::calibration_sample>& samples,
                 int threads, std::string file)
    : dense_(dense),
      host_(dense_, samples),
      exec_{threads},
      file_(std::move(file)),
      seen_(dense_statistics_for()) {}

bool planner::calibrate(const tamp::progress_callback& on_progress) {
  if (seen_.complete()) return true;
  if (!file_.empty() && std::filesystem::exists(file_)) tamp::io::load(exec_, file_, host_, seen_);
  const auto save = [&] {
    if (!file_.empty()) tamp::io::save(file_, seen_);
  };
  std::size_t saved = seen_.blocks_done();
  const bool done = tamp::calibrate(exec_, host_, seen_, [&](const tamp::progress& now) {
    if (seen_.blocks_done() != saved) save();
    saved = seen_.blocks_done();
    return !on_progress || on_progress(now);
  });
  if (done) save();
  return done;
}

std::vector<layer_densities> planner::densities(const tamp::progress_callback& on_progress) {
  using enum tamp::modality;
  std::vector<layer_densities> all;
  if (!calibrate(on_progress)) return all;
  for (std::size_t block = 0; block < host_.blocks(); ++block)
    host_.visit_layers(block, [&](const std::string& name, const auto&) {
      const auto& seen = seen_.of<tamp::stat::token_diversity>(all.size());
      all.push_back(
          {name, seen.density(image, image), seen.density(text, text), seen.density(image, text)});
    });
  return all;
}

std::optional<tamp::pruning_plan> planner::plan(const named_recipe& named,
                                                const tamp::progress_callback& on_progress) {
  const auto compose_with = [](auto... policies) {
    return tamp::compose(tamp::score::magnitude{}, policies...);  // plans do not look at the score
  };
  const auto plan_by = [&](auto allocate) -> std::optional<tamp::pruning_plan> {
    const auto recipe = compose_with(allocate, tamp::pattern::per_row{});
    tamp::pruning_plan plan;
    if constexpr (is_calibrated<decltype(allocate)>) {
      if (!calibrate(on_progress)) return std::nullopt;
      plan = tamp::plan(exec_, host_, seen_, recipe);
    } else if constexpr (tamp::detail::needs_statistic<decltype(allocate)>) {
      host_.rewind();
      auto seen = tamp::calibration_for(allocate);  // Gram matrices, which no file keeps
      if (!tamp::calibrate(exec_, host_, seen, on_progress)) return std::nullopt;
      plan = tamp::plan(exec_, host_, seen, recipe);
    } else {
      plan = tamp::plan(exec_, host_, recipe);
    }
    plan.recipe = weighed_score(named) + ", " + allocate.label() + ", " + named.pattern;
    return plan;
  };
  // Patterns that leave the sparsity open differ by the groups of mixed ones alone.
  const auto plan_open = [&] {
    return with_allocation(named.allocate, named.sparsity.value(), [&](auto allocate) {
      if (named.pattern == "mixed:8")
        return plan_by(tamp::allocate::in_groups<8, decltype(allocate)>{allocate});
      return plan_by(allocate);
    });
  };
  return with_pattern(
      named.pattern, [&](auto) { return plan_open(); },
      [&](auto pattern) -> std::optional<tamp::pruning_plan> {
        tamp::pruning_plan plan = tamp::plan(exec_, host_, compose_with(pattern));
        plan.recipe = weighed_score(named) + ", " + named.pattern;
        return plan;
      });
}

}  // namespace study
