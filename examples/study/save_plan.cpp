#include "save_plan.hpp"

#include <tamp/io/compute_plan.hpp>
#include <tamp/io/json.hpp>

namespace study {

void save_plan(const std::filesystem::path& path, const tamp::pruning_plan& plan) {
  tamp::io::save_plan(path, plan);
}

void save_plan(const std::filesystem::path& path, const tamp::compute::compute_plan& plan) {
  tamp::io::save_compute_plan(path, plan);
}

}  // namespace study
