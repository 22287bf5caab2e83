#pragma once

// The statistics that a recipe's score reads, as an argument of Python.

#include <nanobind/nanobind.h>
#include <cstdint>
#include <tamp/stat/amia_select.hpp>
#include <tamp/stat/column_norm.hpp>
#include <tamp/stat/gram.hpp>
#include <tamp/stat/token_diversity.hpp>
#include <tamp/stat/weighted.hpp>
#include <vector>

#include "recipe.hpp"

namespace tamp_python {

using amia_norm = tamp::stat::weighted<tamp::stat::column_norm, tamp::stat::amia_select>;

struct layer_statistics {
  std::vector<float> norms;                // for wanda, ria and amia
  const tamp::stat::gram* gram = nullptr;  // for sparsegpt
};

// Returns what the recipe's score reads of an argument: a statistic, or an array of one norm for
// each column. `operation` is named in errors.
layer_statistics statistics_for(const recipe& r, nanobind::handle argument, const char* operation);

}  // namespace tamp_python
