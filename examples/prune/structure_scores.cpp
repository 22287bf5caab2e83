#include "structure_scores.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <string>
#include <tamp/error.hpp>
#include <tamp/execute/openmp.hpp>
#include <tamp/io/unit_plan.hpp>
#include <tamp/structure/channel_fluctuation.hpp>
#include <tamp/structure/choose.hpp>
#include <tamp/structure/experts_to_drop.hpp>
#include <tamp/structure/lowest_units.hpp>
#include <tamp/structure/standardised.hpp>
#include <tamp/structure/unit_norms.hpp>
#include <utility>

#include "block_sparsities.hpp"
#include "file_weights.hpp"

namespace tamp_prune {
namespace {

namespace structure = tamp::structure;

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

// The number of the block that a group belongs to.
std::size_t block_of(const structure::group& g, const decoder_blocks& decoder) {
  for (std::size_t n = 0; n < decoder.blocks.size(); ++n)
    if (g.name.starts_with(decoder.name(n) + '.')) return n;
  throw tamp::value_error(g.name + " is of no block");
}

// The contributions of a group's experts, with the tokens behind them. The file has them beside the
// norms, by the name of the router's weight.
const tamp::io::weight_norms& contributions_of(const structure::group& g,
                                               const decoder_blocks& decoder,
                                               const tamp::io::named_norms& norms) {
  const std::string name = decoder.blocks[block_of(g, decoder)].router + ".contributions";
  if (!norms.contains(name))
    throw tamp::value_error(tamp::detail::sentence(
        "--score reap: ", norms.origin(), " has no '", name,
        "': let examples/python/observe.py write it, or use --score magnitude"));
  norms.of(name, 1, g.units);  // throws if they are those of other experts
  return norms.at(name);
}

// Names the experts of a choice that saw few tokens. They stay where that is asked for and others can
// go in their place.
void consider_tokens(const settings& s, const structure::group& g,
                     const std::vector<double>& scores, const std::vector<std::uint64_t>& tokens,
                     structure::unit_plan& plan) {
  for (structure::unit_choice& choice : plan.choices) {
    if (choice.group != g.name) continue;
    std::vector<std::size_t> unseen;
    for (std::size_t e = 0; e < tokens.size(); ++e)
      if (s.keep_unseen && tokens[e] < s.fewest_tokens) unseen.push_back(e);
    const auto experts = structure::experts_to_drop(
        scores, g.units - choice.kept.size(),
        {.groups = g.sections, .keep = unseen, .fewest_tokens = s.fewest_tokens}, tokens);
    choice.kept = structure::all_but(g.units, experts.drop);
    for (const std::string& note : experts.notes) plan.notes.push_back(g.name + ", " + note);
  }
}

double fraction_of(const settings& s, const structure_request& request, const structure::group& g,
                   const unit_statistics& known) {
  std::optional<std::size_t> count = request.count;
  if (request.unused) count = known.tokens->unused;
  if (!count) return request.fraction.value_or(s.sparsity_or_default());
  if (*count > g.units)
    throw tamp::value_error(tamp::detail::sentence("--structure: ", *count, " of the ", g.units,
                                                   ' ', g.kind, " of ", g.name, " cannot leave"));
  return tamp::detail::sparsity_that_drops(*count, g.units);
}

// The part of all units of a kind that leaves the model.
double fraction_of_kind(const settings& s, const structure_request& request,
                        const structure::ties& ties, const unit_statistics& known) {
  double first = -1, leaving = 0, units = 0;
  bool is_the_same = true;
  for (const structure::group& g : ties.groups) {
    if (kind_of(g) != request.kind) continue;
    const double fraction = fraction_of(s, request, g, known);
    if (first < 0) first = fraction;
    is_the_same = is_the_same && fraction == first;
    leaving += fraction * static_cast<double>(g.units);
    units += static_cast<double>(g.units);
  }
  return is_the_same ? first : leaving / units;  // without rounding, if it can be
}

// Groups in each of which the units of lowest score leave, by sparsities of their own.
struct groups_by_themselves {
  structure::ties ties;
  std::vector<std::vector<double>> scores;
  std::vector<double> sparsities;
  std::vector<std::string> notes;

  structure::unit_plan choose() const {
    structure::unit_plan plan = structure::choose_each(ties, scores, sparsities);
    plan.notes.insert(plan.notes.begin(), notes.begin(), notes.end());
    return plan;
  }
};

// Heads and neurons are compared across blocks where that is asked for: by FLAP's threshold, or by
// what an allocation takes of each block. All other groups lose the amounts that the requests name.
structure::unit_plan choose_by_amount(const settings& s, const model_files& model,
                                      const decoder_blocks& decoder, const structure::ties& ties,
                                      const std::vector<std::vector<double>>& scores,
                                      const std::vector<structure_request>& requests,
                                      const unit_statistics& known) {
  groups_by_themselves alone;
  structure::ties compared;
  std::vector<std::vector<double>> compared_scores;
  for (const structure_request& request : requests) {
    std::optional<block_sparsities> of_blocks;
    if (leaves_blocks(request.kind) && (s.allocate == "owl" || s.allocate == "das")) {
      of_blocks = distribute_over_blocks(s, model, decoder, known.seen,
                                         fraction_of_kind(s, request, ties, known));
      for (std::string& note : of_blocks->notes)
        if (std::find(alone.notes.begin(), alone.notes.end(), note) == alone.notes.end())
          alone.notes.push_back(std::move(note));
    }
    for (std::size_t k = 0; k < ties.groups.size(); ++k) {
      const structure::group& g = ties.groups[k];
      if (kind_of(g) != request.kind) continue;
      if (s.allocate == "global" && leaves_blocks(request.kind)) {
        compared.groups.push_back(g);
        compared_scores.push_back(scores[k]);
        continue;
      }
      alone.ties.groups.push_back(g);
      alone.scores.push_back(scores[k]);
      alone.sparsities.push_back(of_blocks ? of_blocks->of_block[block_of(g, decoder)]
                                           : fraction_of(s, request, g, known));
    }
  }
  structure::unit_plan plan = alone.choose();
  if (compared.groups.empty()) return plan;
  structure::unit_plan of_compared = structure::choose_globally(
      compared, shapes_of(model), compared_scores, s.sparsity_or_default());
  std::move(of_compared.choices.begin(), of_compared.choices.end(),
            std::back_inserter(plan.choices));
  std::move(of_compared.notes.begin(), of_compared.notes.end(), std::back_inserter(plan.notes));
  return plan;
}

}  // namespace

std::vector<std::vector<double>> scores_of_units(const settings& s, const model_files& model,
                                                 const decoder_blocks& decoder,
                                                 const structure::ties& ties,
                                                 const unit_statistics& known) {
  const tamp::execute::openmp exec{.threads = s.threads};
  const file_weights weights(model);
  const auto& seen = known.seen;
  std::vector<std::vector<double>> scores;
  for (const structure::group& g : ties.groups) {
    const unit_kind kind = kind_of(g);
    if (kind == unit_kind::vocabulary) {
      scores.push_back(known.tokens->scores);
    } else if (kind == unit_kind::layers) {
      if (!seen || seen->influence.size() != decoder.blocks.size())
        throw tamp::value_error(
            "--structure layers looks at how far each block turns the residual stream: it needs "
            "--text");
      scores.push_back(seen->influence);
    } else if (s.score == "flap" && kind != unit_kind::experts) {
      scores.push_back(flap_scores(g, weights, *seen, exec));
    } else if (s.score == "reap" && kind == unit_kind::experts) {
      const auto& seen_by_router = contributions_of(g, decoder, seen->norms);
      scores.emplace_back(seen_by_router.values.begin(), seen_by_router.values.end());
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
                                  const unit_statistics& known) {
  if (!s.plan.empty()) {
    auto plan = tamp::io::load<structure::unit_plan>(s.plan);
    structure::validate(plan, ties);
    return plan;
  }
  const auto scores = scores_of_units(s, model, decoder, ties, known);
  structure::unit_plan plan = choose_by_amount(s, model, decoder, ties, scores, requests, known);
  if (s.score == "reap")
    for (std::size_t k = 0; k < ties.groups.size(); ++k) {
      const structure::group& g = ties.groups[k];
      if (kind_of(g) == unit_kind::experts)
        consider_tokens(s, g, scores[k], contributions_of(g, decoder, known.seen->norms).tokens,
                        plan);
    }
  plan.recipe = tamp::detail::sentence(s.score, ", ", s.allocate, ' ', s.sparsity_or_default());
  return plan;
}

structure::unit_plan rehearsed_units(const settings& s, const model_files& model,
                                     const decoder_blocks& decoder, const structure::ties& ties,
                                     const std::vector<structure_request>& requests,
                                     const unit_statistics& known) {
  std::vector<std::vector<double>> scores;
  for (const structure::group& g : ties.groups) {
    if (kind_of(g) == unit_kind::vocabulary) {
      scores.push_back(known.tokens->scores);
      continue;
    }
    // Multiples of the golden ratio, modulo 1: no two neighbours are close.
    std::vector<double>& scattered = scores.emplace_back(g.units);
    for (std::size_t u = 0; u < g.units; ++u)
      scattered[u] = std::fmod(0.6180339887498949 * static_cast<double>(u), 1.0);
  }
  settings uniform = s;
  uniform.allocate = "uniform";
  return choose_by_amount(uniform, model, decoder, ties, scores, requests, known);
}

}  // namespace tamp_prune
