#pragma once

// The files that are written beside the model: reports, plans, statistics and masks.

#include "model_files.hpp"
#include "output_place.hpp"
#include "settings.hpp"

namespace tamp_prune {

// Checks that they can be written, and that none changes the model, OUT, what is read, or another of
// them. Throws tamp::file_error.
void check_side_files(const settings& s, const model_files& model, const output_place& place);

}  // namespace tamp_prune
