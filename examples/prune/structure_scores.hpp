#pragma once

// Scores of the units of a model's files.

#include <optional>
#include <tamp/structure/ties.hpp>
#include <tamp/structure/unit_plan.hpp>
#include <vector>

#include "decoder_blocks.hpp"
#include "model_ties.hpp"
#include "settings.hpp"
#include "text_norms.hpp"
#include "vocabulary.hpp"

namespace tamp_prune {

// Statistics of the units, beside the weights.
struct unit_statistics {
  std::optional<text_statistics> seen;  // there unless the score is magnitude
  std::optional<token_ranking> tokens;  // there if tokens may leave
};

// The scores of all groups, in their order. Throws tamp::value_error where a kind of unit cannot be
// scored so.
std::vector<std::vector<double>> scores_of_units(const settings& s, const model_files& model,
                                                 const decoder_blocks& decoder,
                                                 const tamp::structure::ties& ties,
                                                 const unit_statistics& known);

// Chooses what stays, as the settings say, or reads the plan that they name.
tamp::structure::unit_plan choose_units(const settings& s, const model_files& model,
                                        const decoder_blocks& decoder,
                                        const tamp::structure::ties& ties,
                                        const std::vector<structure_request>& requests,
                                        const unit_statistics& known);

// Chooses as many units as a uniform allocation does, scattered over each group, before anything
// is known of them but the tokens: what a format cannot say of them it cannot say of the final ones.
tamp::structure::unit_plan rehearsed_units(const settings& s, const model_files& model,
                                           const decoder_blocks& decoder,
                                           const tamp::structure::ties& ties,
                                           const std::vector<structure_request>& requests,
                                           const unit_statistics& known);

}  // namespace tamp_prune
