#pragma once

// The parts of the module.

#include <nanobind/nanobind.h>

namespace tamp_python {

void bind_errors(nanobind::module_& m);
void bind_recipe(nanobind::module_& m);
void bind_mask(nanobind::module_& m);
void bind_statistics(nanobind::module_& m);
void bind_pruning(nanobind::module_& m);
void bind_tokens(nanobind::module_& m);
void bind_sparse(nanobind::module_& m);
void bind_plans(nanobind::module_& m);
void bind_files(nanobind::module_& m);

}  // namespace tamp_python
