#pragma once

// A whole run: a model goes in, a pruned model comes out.

#include <cstdio>
#include <functional>

#include "progress.hpp"
#include "settings.hpp"
#include "team.hpp"

namespace tamp_prune {

struct surroundings {
  team ranks;  // the first of them prints
  std::FILE *output = stdout, *errors = stderr;
  // Called before anything is written: then `is_stopped` should stop the run, and no signal.
  std::function<void()> on_begin = [] {};
  // Asked between two layers.
  std::function<bool()> is_stopped = [] { return false; };
  // Told the bytes that are done and all bytes of the present step, and the name of what was done
  // last, from any thread. It takes the place of the bar on a terminal.
  progress_function on_progress{};
};

// Returns the exit code: 0, or 130 if `is_stopped` stopped the run. Throws tamp::error if anything
// cannot be read, written or used; OUT is untouched then. All ranks return or throw the same.
int run(const settings& s, const surroundings& around);

}  // namespace tamp_prune
