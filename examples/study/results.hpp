#pragma once

// The table that is printed and the CSV file that is kept, row by row as they come.

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "continued_csv.hpp"
#include "csv_file.hpp"
#include "recipes.hpp"

namespace study {

// What one recipe came to.
struct row {
  named_recipe recipe;
  unsigned seed = 0;  // of the calibration set
  double asked = 0, achieved = 0;
  std::vector<double> quality;
  double calibrate = 0, select = 0, apply = 0;  // seconds
};

// Rows on the terminal and, if a path is given, in a CSV file. A file of an interrupted study of
// the same settings is continued: `known` finds the rows that it already has.
class results {
 public:
  results(std::vector<std::string> quality_names, const std::string& settings,
          const std::string& csv)
      : names_(std::move(quality_names)) {
    std::string header = fmt::format("{:<34}{:>7}{:>9}", "recipe", "asked", "achieved");
    std::string columns = "score,allocate,pattern,seed,asked,achieved";
    for (const std::string& name : names_) {
      header += fmt::format("{:>11}", name);
      columns += "," + name;
    }
    if (!csv.empty()) file_.open(csv, settings, columns + ",calibrate_s,select_s,apply_s", 5);
    fmt::print("{}{:>11}{:>9}{:>8}\n", header, "calibrate", "select", "apply");
  }

  bool known(const row& r) const { return file_.find(key(r)) != nullptr; }

  void add(const row& r) {
    std::string line = fmt::format("{:<34}{:>7.3f}{:>9.4f}", label(r), r.asked, r.achieved);
    for (const double value : r.quality) line += fmt::format("{:>11.{}f}", value, digits(value));
    fmt::print("{}{:>9.2f} s{:>7.2f} s{:>6.2f} s\n", line, r.calibrate, r.select, r.apply);
    flush_table();
    std::string values = fmt::format("{:.6f}", r.achieved);
    for (const double value : r.quality) values += fmt::format(",{:.6f}", value);
    file_.add(key(r),
              values + fmt::format(",{:.4f},{:.4f},{:.4f}", r.calibrate, r.select, r.apply));
  }

  // Prints a row that the CSV file already has.
  void repeat(const row& r) const {
    fmt::print("{:<34}{:>7.3f}  already in the CSV file: {}\n", label(r), r.asked,
               *file_.find(key(r)));
  }

 private:
  static std::string key(const row& r) {
    return fmt::format("{},{},{},{},{:.4f}", r.recipe.score, r.recipe.allocate, r.recipe.pattern,
                       r.seed, r.asked);
  }
  static std::string label(const row& r) {
    if (r.recipe.pattern.empty()) return r.recipe.score;
    const std::string names =
        fmt::format("{} {} {}", r.recipe.score, r.recipe.allocate, r.recipe.pattern);
    return r.seed == 0 ? names : fmt::format("{} #{}", names, r.seed);
  }
  static int digits(double value) { return value >= 1000 ? 0 : value >= 10 ? 1 : 3; }

  std::vector<std::string> names_;
  continued_csv file_;
};

}  // namespace study
