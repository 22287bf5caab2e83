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

namespace tamp_prune {

// The scores of all groups, in their order. `seen` is there unless the score is magnitude. Throws
// tamp::value_error where a kind of unit cannot be scored so.
std::vector<std::vector<double>> scores_of_units(const settings& s, const model_files& model,
                                                 const decoder_blocks& decoder,
                                                 const tamp::structure::ties& ties,
                                                 const std::optional<text_statistics>& seen);

// Chooses what stays, as the settings say, or reads the plan that they name.
tamp::structure::unit_plan choose_units(const settings& s, const model_files& model,
                                        const decoder_blocks& decoder,
                                        const tamp::structure::ties& ties,
                                        const std::vector<structure_request>& requests,
                                        const std::optional<text_statistics>& seen);

}  // namespace tamp_prune
