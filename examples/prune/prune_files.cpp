#include "prune_files.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <tamp/execute/openmp.hpp>
#include <tamp/io/pruning_plan.hpp>
#include <tamp/prune/plan.hpp>
#include <tamp/prune/prune_model.hpp>
#include <type_traits>
#include <utility>

#include "prune_refined.hpp"
#include "recipes.hpp"
#include "refinement.hpp"

namespace tamp_prune {
namespace {

tamp::execute::openmp executor_of(const settings& s) { return {.threads = s.threads}; }

// The layers stay as they are chosen: patterns of names were seen to before.
tamp::plan_options no_exclusions() {
  tamp::plan_options options;
  options.exclude.clear();
  return options;
}

// Checks a plan before anything is copied: it must be that of the layers, and the pattern must be
// able to follow it.
void check_fits(const settings& s, const tamp::pruning_plan& plan, file_host& host) {
  const auto own = tamp::plan(
      host,
      tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{}, tamp::allocate::uniform{0}),
      no_exclusions());
  with_pattern(s, tamp::score::magnitude{}, [&](const auto& recipe) {
    using recipe_type = std::remove_cvref_t<decltype(recipe)>;
    std::optional<double> fixed;
    if constexpr (recipe_type::sparsity_is_fixed) fixed = recipe_type::pattern_policy::sparsity;
    tamp::detail::check_plan(own, plan, fixed);
  });
}

// Prunes the layers that the report does not list yet.
bool prune_model(const settings& s, file_host& host, const std::optional<norms>& seen,
                 const tamp::pruning_plan& plan, tamp::prune_report& report,
                 const tamp::progress_callback& on_progress) {
  const auto exec = executor_of(s);
  return with_score(s, [&](const auto& score) {
    return with_pattern(s, score, [&](const auto& recipe) {
      using used = typename std::remove_cvref_t<decltype(recipe)>::score_policy;
      if constexpr (tamp::detail::needs_statistic<used>)
        return tamp::prune_model(exec, host, *seen, plan, recipe, report, on_progress);
      else
        return tamp::prune_model(exec, host, plan, recipe, report, on_progress);
    });
  });
}

// Layers that saw no token are pruned by magnitude, as prune_model does it beside others.
bool prune_unseen(settings s, file_host& host, const tamp::pruning_plan& plan,
                  tamp::prune_report& report, const tamp::progress_callback& on_progress) {
  s.score = "magnitude";
  if (host.on_finish)
    host.on_finish = [&report, then = host.on_finish](const layer& l) {
      tamp::layer_report& done = report.layers.back();
      done.fell_back = done.is_pruned();
      return then(l);
    };
  return prune_model(s, host, {}, plan, report, on_progress);
}

// Visits layers that stay as they are, and are written for that.
bool leave(file_host& host, const tamp::pruning_plan& plan, tamp::prune_report& report,
           const tamp::progress_callback& on_progress) {
  const std::size_t done = report.layers.size(), all = plan.layers.size();
  std::size_t k = 0;
  bool goes_on = true;
  for (std::size_t block = 0; block < host.blocks(); ++block) {
    std::size_t of_block = 0;
    host.visit_layers(block, [&](std::string_view name, auto&&) {
      if (k >= done && goes_on)
        goes_on = !on_progress || on_progress({block, host.blocks(), k, all, name, false});
      if (k >= done && goes_on) {
        report.layers.push_back(tamp::detail::untouched(plan.layers[k]));
        host.finish_layer(block, of_block);
      }
      ++k;
      ++of_block;
    });
  }
  return goes_on;
}

}  // namespace

std::string_view name_in(const tamp::io::named_norms& norms, std::string_view tensor) {
  constexpr std::string_view ending = ".weight";
  if (norms.contains(tensor) || !tensor.ends_with(ending)) return tensor;
  const std::string_view layer = tensor.substr(0, tensor.size() - ending.size());
  return norms.contains(layer) ? layer : tensor;
}

norms norms_of_layers(const tamp::io::named_norms& of_tensors, const model_files& model,
                      const layer_list& layers) {
  // Norms without a token anywhere were made by one who did not count.
  const bool counts = std::any_of(of_tensors.begin(), of_tensors.end(), [](const auto& entry) {
    return std::any_of(entry.second.tokens.begin(), entry.second.tokens.end(),
                       [](std::uint64_t n) { return n != 0; });
  });
  std::map<std::string, tamp::stat::column_norm, std::less<>> of_layer;
  for (const block& b : layers.blocks)
    for (const layer& l : b.layers) {
      const tensor& t = model.tensors[l.tensor];
      const std::size_t matrices = t.shape.size() == 3 ? t.shape[0] : 1;
      const std::size_t matrix = (l.offset - t.offset) / l.length;
      const std::string_view name = name_in(of_tensors, t.name);
      const auto values = of_tensors.of(name, l.cols, matrices).subspan(matrix * l.cols, l.cols);
      const auto& tokens = of_tensors.at(name).tokens;
      of_layer.emplace(l.name,
                       tamp::stat::column_norm::of(
                           values, counts ? tokens[std::min(matrix, tokens.size() - 1)] : 1));
    }
  file_host host(model, layers);
  return tamp::calibration_from<tamp::stat::column_norm>(
      host,
      [&](std::string_view name, std::size_t, std::size_t) { return of_layer.find(name)->second; });
}

tamp::pruning_plan make_plan(const settings& s, file_host& host, const std::optional<norms>& seen) {
  if (!s.plan.empty()) {
    auto plan = tamp::io::load<tamp::pruning_plan>(s.plan);
    if (!s.has_named_score && !plan.recipe.empty() && !plan.recipe.starts_with(s.score + ','))
      throw tamp::value_error(tamp::detail::sentence(s.plan, ": was made for ", plan.recipe,
                                                     ": hand over the same statistics, or name a ",
                                                     "--score to follow it with another one"));
    check_fits(s, plan, host);
    return plan;
  }
  const auto exec = executor_of(s);
  auto plan = with_planned_recipe(s, [&](const auto& recipe) {
    using allocation = typename std::remove_cvref_t<decltype(recipe)>::allocate_policy;
    if constexpr (tamp::detail::needs_statistic<allocation>)
      return tamp::plan(exec, host, *seen, recipe, no_exclusions());
    else
      return tamp::plan(exec, host, recipe, no_exclusions());
  });
  if (!s.refine.empty()) plan.recipe += ", " + refinement_of(s.refine).label();
  return plan;
}

void check_before(const settings& s, file_host& host, const std::optional<norms>& seen,
                  const tamp::pruning_plan& plan) {
  tamp::prune_report none;
  prune_model(s, host, seen, plan, none, [](const tamp::progress&) { return false; });
}

bool prune(const settings& s, file_host& host, const std::optional<norms>& seen,
           const tamp::pruning_plan& plan, tamp::prune_report& report,
           const tamp::progress_callback& on_progress) {
  const auto& layers = plan.layers;
  bool saw_any = !seen && std::ranges::any_of(layers, &tamp::planned_layer::is_pruned);
  for (std::size_t k = 0; k < layers.size() && seen && !saw_any; ++k)
    saw_any = layers[k].is_pruned() && seen->of<tamp::stat::column_norm>(k).tokens() != 0;
  if (saw_any) return prune_model(s, host, seen, plan, report, on_progress);
  return prune_blind(s, host, plan, report, on_progress);
}

bool prune_blind(const settings& s, file_host& host, const tamp::pruning_plan& plan,
                 tamp::prune_report& report, const tamp::progress_callback& on_progress) {
  if (std::ranges::none_of(plan.layers, &tamp::planned_layer::is_pruned))
    return leave(host, plan, report, on_progress);
  return prune_unseen(s, host, plan, report, on_progress);
}

tamp::prune_report report_of(const settings& s, file_host& host, const std::optional<norms>& seen,
                             const tamp::pruning_plan& plan,
                             std::vector<tamp::layer_report> layers) {
  tamp::prune_report report;
  report.layers = std::move(layers);
  if (s.refine.empty())
    prune_model(s, host, seen, plan, report, {});
  else
    complete_refined_report(s, plan, report);
  return report;
}

}  // namespace tamp_prune
