#pragma once

// The table that is printed and the files that are kept, row by row as they come.

#include <optional>
#include <string>
#include <vector>

#include "recipes.hpp"
#include "result_files.hpp"

namespace study {

// The result of one recipe.
struct row {
  named_recipe recipe;
  unsigned seed = 0;  // of the calibration set
  double asked = 0, achieved = 0;
  std::vector<double> quality;
  std::optional<double> error;                  // see error_left
  double calibrate = 0, select = 0, apply = 0;  // seconds
};

// Rows on the terminal and in the files that are named. The CSV file of an interrupted study of the
// same settings is continued: `known` finds the rows that it already has.
class results {
 public:
  results(const std::vector<column>& qualities, const std::string& settings,
          const result_places& places);

  bool known(const row& r) const;
  void add(const row& r);
  // Prints a row that the CSV file already has.
  void repeat(const row& r) const;
  // Writes the files that need all rows.
  void finish() const { files_.finish(); }

 private:
  result_files files_;
};

}  // namespace study
