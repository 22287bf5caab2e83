#pragma once

// A whole run with --permute: the same model with its channels in an order in which N:M patterns keep
// more.

#include "run.hpp"
#include "settings.hpp"

namespace tamp_prune {

// As run does. It is done by one process, and is not resumed.
int run_permute(const settings& s, const surroundings& around);

}  // namespace tamp_prune
