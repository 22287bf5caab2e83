#include "structure_scores.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <tamp/error.hpp>
#include <tamp/execute/openmp.hpp>
#include <tamp/io/unit_plan.hpp>
#include <tamp/structure/channel_fluctuation.hpp>
#include <tamp/structure/choose.hpp>
#include <tamp/structure/lowest_units.hpp>
#include <tamp/structure/standardised.hpp>
#include <tamp/structure/unit_norms.hpp>
#include <utility>

#include "file_weights.hpp"

namespace tamp_prune {
namespace {

namespace structure = tamp::structure;

unit_kind kind_of(const structure::group& g) {
  constexpr std::pair<std::string_view, unit_kind> kinds[] = {
      {"neurons", unit_kind::neurons},
      {"heads", unit_kind::heads},
      {"query heads", unit_kind::query_heads},
      {"experts", unit_kind::experts},
      {"layers", unit_kind::layers}};
  for (const auto& [name, kind] : kinds)
    if (g.kind == name) return kind;
  return unit_kind::layers;
}

// FLAP looks at what reads the units: the part whose columns they own.
std::vector<double> flap_scores(const structure::group& g, const file_weights& weights,
                                const text_statistics& seen, const tamp::execute::openmp& exec) {
  for (const structure::part& p : g.parts) {
    const auto found = seen.variances.find(p.weight);
    if (p.along != structure::axis::cols || found == seen.variances.end()) continue;
    std::vector<double> channels;
    weights.visit(p.weight, [&](auto&& weight) {
      channels = structure::channel_fluctuation(exec, weight, found->second.variances());
    });
    return structure::standardised(channels, {.width = p.width, .squared = p.width != 1});
  }
  throw tamp::value_error("--score flap: there are no statistics of what reads the units of " +
                          g.name);
}

structure::input_norms norms_for(const structure::group& g, const tamp::io::named_norms& norms,
                                 const model_files& model) {
  structure::input_norms found;
  for (const structure::part& p : g.parts) {
    const auto shape = matrix_of(find_tensor(model, p.weight));
    if (shape.rows == 1) continue;
    const auto values = norms.of(p.weight, shape.cols);
    found.emplace(p.weight, std::vector<float>(values.begin(), values.end()));
  }
  return found;
}

double fraction_of(const settings& s, const structure_request& request, const structure::group& g) {
  if (!request.count) return request.fraction.value_or(s.sparsity_or_default());
  if (*request.count > g.units)
    throw tamp::value_error(tamp::detail::sentence("--structure: ", *request.count, " of the ",
                                                   g.units, ' ', g.kind, " of ", g.name,
                                                   " cannot leave"));
  return tamp::detail::sparsity_that_drops(*request.count, g.units);
}

}  // namespace

std::vector<std::vector<double>> scores_of_units(const settings& s, const model_files& model,
                                                 const decoder_blocks& decoder,
                                                 const structure::ties& ties,
                                                 const std::optional<text_statistics>& seen) {
  const tamp::execute::openmp exec{.threads = s.threads};
  const file_weights weights(model);
  std::vector<std::vector<double>> scores;
  for (const structure::group& g : ties.groups) {
    const unit_kind kind = kind_of(g);
    if (kind == unit_kind::layers) {
      if (!seen || seen->influence.size() != decoder.blocks.size())
        throw tamp::value_error(
            "--structure layers looks at how far each block turns the residual stream: it needs "
            "--text");
      scores.push_back(seen->influence);
    } else if (s.score == "flap" && kind != unit_kind::experts) {
      scores.push_back(flap_scores(g, weights, *seen, exec));
    } else if (s.score == "magnitude" || kind == unit_kind::experts) {
      scores.push_back(structure::unit_norms(exec, g, weights));
    } else {
      scores.push_back(structure::unit_norms(exec, g, weights, norms_for(g, seen->norms, model)));
    }
  }
  return scores;
}

structure::unit_plan choose_units(const settings& s, const model_files& model,
                                  const decoder_blocks& decoder, const structure::ties& ties,
                                  const std::vector<structure_request>& requests,
                                  const std::optional<text_statistics>& seen) {
  if (!s.plan.empty()) {
    auto plan = tamp::io::load<structure::unit_plan>(s.plan);
    structure::validate(plan, ties);
    return plan;
  }
  const auto scores = scores_of_units(s, model, decoder, ties, seen);
  structure::unit_plan plan;
  if (s.allocate == "global") {
    plan = structure::choose_globally(ties, shapes_of(model), scores, s.sparsity_or_default());
  } else {
    std::vector<double> sparsities;
    for (const structure::group& g : ties.groups)
      for (const structure_request& request : requests)
        if (request.kind == kind_of(g)) sparsities.push_back(fraction_of(s, request, g));
    plan = structure::choose_each(ties, scores, sparsities);
  }
  plan.recipe = tamp::detail::sentence(s.score, ", ", s.allocate, ' ', s.sparsity_or_default());
  return plan;
}

}  // namespace tamp_prune
