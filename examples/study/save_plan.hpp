#pragma once

// Plans and reports as JSON files. What writes JSON takes long to compile: the programs leave it to the
// library.

#include <filesystem>
#include <tamp/compute/compute_plan.hpp>
#include <tamp/prune/pruning_plan.hpp>
#include <tamp/prune/report.hpp>

namespace study {

void save_plan(const std::filesystem::path& path, const tamp::pruning_plan& plan);
void save_plan(const std::filesystem::path& path, const tamp::compute::compute_plan& plan);
void save_report(const std::filesystem::path& path, const tamp::prune_report& report);

}  // namespace study
