#include "run_description.hpp"

#include <fmt/format.h>

#include <Eigen/Core>
#include <cstddef>
#include <tamp/version.hpp>

#include "toml_text.hpp"

namespace study {
namespace {

std::string toml_value(const run_option& option) {
  std::string all;
  for (const std::string& value : option.values)
    (all += all.empty() ? "" : ", ") += option.is_number ? value : toml_text(value);
  return option.is_list ? '[' + all + ']' : all;
}

}  // namespace

std::string versions() {
#ifdef __clang__
  const char* const compiler = "clang " __clang_version__;
#else
  const char* const compiler = "GCC " __VERSION__;
#endif
  return fmt::format("tamp {}, {}, Eigen {}.{}.{} ({})", tamp::version, compiler,
                     EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION,
                     Eigen::SimdInstructionSetsInUse());
}

std::string run_text(const run_description& run) {
  std::string text = fmt::format("# {}, {}\n", run.program, run.made_with);
  for (const run_option& option : run.options)
    text += fmt::format("{}={}\n", option.name, toml_value(option));
  return text;
}

}  // namespace study
