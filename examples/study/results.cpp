#include "results.hpp"

#include <fmt/format.h>

namespace study {
namespace {

std::string key(const row& r) {
  return fmt::format("{},{},{},{},{}", weighed_score(r.recipe), r.recipe.allocate, r.recipe.pattern,
                     r.seed, with_decimals(r.asked, 4));
}
std::string label(const row& r) {
  if (r.recipe.pattern.empty()) return r.recipe.score;
  const std::string names =
      fmt::format("{} {} {}", weighed_score(r.recipe), r.recipe.allocate, r.recipe.pattern);
  return r.seed == 0 ? names : fmt::format("{} #{}", names, r.seed);
}
std::vector<column> columns_with(const std::vector<column>& qualities) {
  return around({{"score", "", true},
                 {"allocate", "", true},
                 {"pattern", "", true},
                 {"seed"},
                 {"asked"},
                 {"achieved"}},
                qualities, {{"error"}, {"calibrate_s", "s"}, {"select_s", "s"}, {"apply_s", "s"}});
}
int digits(double value) { return value >= 1000 ? 0 : value >= 10 ? 1 : 3; }

}  // namespace

results::results(const std::vector<column>& qualities, const std::string& settings,
                 const result_places& places)
    : files_(places, settings, columns_with(qualities), 5) {
  std::string header = fmt::format("{:<40}{:>7}{:>9}", "recipe", "asked", "achieved");
  for (const column& quality : qualities) header += fmt::format("{:>11}", quality.name);
  fmt::print("{}{:>8}{:>11}{:>9}{:>8}\n", header, "error", "calibrate", "select", "apply");
}

bool results::known(const row& r) const { return files_.find(key(r)) != nullptr; }

void results::add(const row& r) {
  std::string line = fmt::format("{:<40}{:>7.3f}{:>9.4f}", label(r), r.asked, r.achieved);
  for (const double value : r.quality) line += fmt::format("{:>11.{}f}", value, digits(value));
  fmt::print("{}{:>8}{:>9.2f} s{:>7.2f} s{:>6.2f} s\n", line,
             r.error ? fmt::format("{:.3f}", *r.error) : "-", r.calibrate, r.select, r.apply);
  flush_table();
  std::string values = cell_of(r.achieved);
  for (const double value : r.quality) values += fmt::format(",{}", cell_of(value));
  files_.add(key(r), values + fmt::format(",{},{:.4f},{:.4f},{:.4f}",
                                          r.error ? fmt::format("{:.6f}", *r.error) : "",
                                          r.calibrate, r.select, r.apply));
}

void results::repeat(const row& r) const {
  fmt::print("{:<40}{:>7.3f}  already in the CSV file: {}\n", label(r), r.asked,
             *files_.find(key(r)));
}

}  // namespace study
