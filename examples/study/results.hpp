#pragma once

// The table that is printed and the CSV file that is kept, row by row as they come.

#include <string>
#include <vector>

#include "continued_csv.hpp"
#include "recipes.hpp"

namespace study {

// The result of one recipe.
struct row {
  named_recipe recipe;
  unsigned seed = 0;  // of the calibration set
  double asked = 0, achieved = 0;
  std::vector<double> quality;
  double error = 1;                             // see error_left
  double calibrate = 0, select = 0, apply = 0;  // seconds
};

// Rows on the terminal and, if a path is given, in a CSV file. A file of an interrupted study of
// the same settings is continued: `known` finds the rows that it already has.
class results {
 public:
  results(std::vector<std::string> quality_names, const std::string& settings,
          const std::string& csv);

  bool known(const row& r) const;
  void add(const row& r);
  // Prints a row that the CSV file already has.
  void repeat(const row& r) const;

 private:
  std::vector<std::string> names_;
  continued_csv file_;
};

}  // namespace study
