#include "results.hpp"

#include <fmt/format.h>

#include <utility>

namespace study {
namespace {

std::string key(const row& r) {
  return fmt::format("{},{},{},{},{:.4f}", weighed_score(r.recipe), r.recipe.allocate,
                     r.recipe.pattern, r.seed, r.asked);
}
std::string label(const row& r) {
  if (r.recipe.pattern.empty()) return r.recipe.score;
  const std::string names =
      fmt::format("{} {} {}", weighed_score(r.recipe), r.recipe.allocate, r.recipe.pattern);
  return r.seed == 0 ? names : fmt::format("{} #{}", names, r.seed);
}
int digits(double value) { return value >= 1000 ? 0 : value >= 10 ? 1 : 3; }

}  // namespace

results::results(std::vector<std::string> quality_names, const std::string& settings,
                 const std::string& csv)
    : names_(std::move(quality_names)) {
  std::string header = fmt::format("{:<40}{:>7}{:>9}", "recipe", "asked", "achieved");
  std::string columns = "score,allocate,pattern,seed,asked,achieved";
  for (const std::string& name : names_) {
    header += fmt::format("{:>11}", name);
    columns += "," + name;
  }
  if (!csv.empty()) file_.open(csv, settings, columns + ",error,calibrate_s,select_s,apply_s", 5);
  fmt::print("{}{:>8}{:>11}{:>9}{:>8}\n", header, "error", "calibrate", "select", "apply");
}

bool results::known(const row& r) const { return file_.find(key(r)) != nullptr; }

void results::add(const row& r) {
  std::string line = fmt::format("{:<40}{:>7.3f}{:>9.4f}", label(r), r.asked, r.achieved);
  for (const double value : r.quality) line += fmt::format("{:>11.{}f}", value, digits(value));
  fmt::print("{}{:>8.3f}{:>9.2f} s{:>7.2f} s{:>6.2f} s\n", line, r.error, r.calibrate, r.select,
             r.apply);
  flush_table();
  // As many digits as tell the numbers apart from all others.
  std::string values = fmt::format("{}", r.achieved);
  for (const double value : r.quality) values += fmt::format(",{}", value);
  file_.add(key(r), values + fmt::format(",{:.6f},{:.4f},{:.4f},{:.4f}", r.error, r.calibrate,
                                         r.select, r.apply));
}

void results::repeat(const row& r) const {
  fmt::print("{:<40}{:>7.3f}  already in the CSV file: {}\n", label(r), r.asked,
             *file_.find(key(r)));
}

}  // namespace study
