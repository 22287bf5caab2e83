#pragma once

// A whole run of --structure: a model goes in, one with fewer units comes out.

#include "run.hpp"
#include "settings.hpp"

namespace tamp_prune {

// Returns the exit code. Throws tamp::error if anything cannot be read, written or said by the
// format; OUT is untouched then.
int run_structure(const settings& s, const surroundings& around);

}  // namespace tamp_prune
