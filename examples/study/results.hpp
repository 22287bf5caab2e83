#pragma once

// The table that is printed and the CSV file that is kept, row by row as they come.

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tamp/detail/replaced_file.hpp>
#include <utility>
#include <vector>

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
  results(std::vector<std::string> quality_names, std::string settings, const std::string& csv)
      : names_(std::move(quality_names)), settings_(std::move(settings)) {
    if (!csv.empty()) open(csv);
    std::string header = fmt::format("{:<34}{:>7}{:>9}", "recipe", "asked", "achieved");
    for (const std::string& name : names_) header += fmt::format("{:>11}", name);
    fmt::print("{}{:>11}{:>9}{:>8}\n", header, "calibrate", "select", "apply");
  }

  bool known(const row& r) const { return kept_.contains(key(r)); }

  void add(const row& r) {
    std::string line = fmt::format("{:<34}{:>7.3f}{:>9.4f}", label(r), r.asked, r.achieved);
    for (const double value : r.quality) line += fmt::format("{:>11.{}f}", value, digits(value));
    fmt::print("{}{:>9.2f} s{:>7.2f} s{:>6.2f} s\n", line, r.calibrate, r.select, r.apply);
    flush_table();
    if (!file_.is_open()) return;
    std::string row = key(r) + fmt::format(",{:.6f}", r.achieved);
    for (const double value : r.quality) row += fmt::format(",{:.6f}", value);
    file_.add(row + fmt::format(",{:.4f},{:.4f},{:.4f}\n", r.calibrate, r.select, r.apply));
  }

  // Prints a row that the CSV file already has.
  void repeat(const row& r) const {
    fmt::print("{:<34}{:>7.3f}  already in the CSV file: {}\n", label(r), r.asked,
               kept_.at(key(r)));
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

  void open(const std::string& path) {
    std::string columns = "score,allocate,pattern,seed,asked,achieved";
    for (const std::string& name : names_) columns += "," + name;
    const std::string head = "# " + settings_ + "\n" + columns + ",calibrate_s,select_s,apply_s\n";
    const std::string old = contents(path);
    if (head.starts_with(old)) {  // new, empty, or interrupted at once
      file_.open(path, std::ios::app);
      file_.add(std::string_view(head).substr(old.size()));
      return;
    }
    if (!old.starts_with(head))
      throw std::runtime_error(path + " holds a study of other settings (" +
                               old.substr(0, old.find('\n')) + "); name another file");
    // A line cut short by an interruption is dropped. The finished ones must not be lost if the
    // disk is full.
    const std::string whole = head + finished_rows(old, head);
    if (whole != old) {
      tamp::detail::replaced_file file(path);
      file.open(whole);
      file.commit();
    }
    file_.open(path, std::ios::app);
  }

  // What a regular file holds. Devices and pipes are only written to.
  static std::string contents(const std::string& path) {
    if (!std::filesystem::is_regular_file(path)) return {};
    std::ifstream file(path);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file) throw std::runtime_error("cannot read " + path);
    return text;
  }

  // The rows that have all their columns; `known` finds them.
  std::string finished_rows(const std::string& old, const std::string& head) {
    const auto columns =
        std::count(head.begin() + std::ptrdiff_t(head.find('\n')), head.end(), ',');
    std::string rows;
    for (std::size_t begin = head.size(), end; (end = old.find('\n', begin)) != old.npos;
         begin = end + 1) {
      const std::string line = old.substr(begin, end - begin);
      if (std::count(line.begin(), line.end(), ',') != columns) continue;
      std::size_t fifth = 0;  // the key ends before the fifth comma
      for (int comma = 0; comma < 5; ++comma) fifth = line.find(',', fifth + (comma != 0));
      kept_.emplace(line.substr(0, fifth), line.substr(fifth + 1));
      rows += line + '\n';
    }
    return rows;
  }

  std::vector<std::string> names_;
  std::string settings_;
  csv_file file_;
  std::map<std::string, std::string> kept_;
};

}  // namespace study
