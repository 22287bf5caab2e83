#include "save_plan.hpp"

#include <tamp/io/compute_plan.hpp>
#include <tamp/io/prune_report.hpp>
#include <tamp/io/pruning_plan.hpp>

namespace study {

void save_plan(const std::filesystem::path& path, const tamp::pruning_plan& plan) {
  tamp::io::save(path, plan);
}

void save_plan(const std::filesystem::path& path, const tamp::compute::compute_plan& plan) {
  tamp::io::save(path, plan);
}

void save_report(const std::filesystem::path& path, const tamp::prune_report& report) {
  tamp::io::save(path, report);
}

}  // namespace study
