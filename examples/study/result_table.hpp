#pragma once

// The results of a run as a table, and as text in three formats.

#include <string>
#include <string_view>
#include <vector>

#include "run_description.hpp"

namespace study {

// Numbers of one kind, or words.
struct column {
  std::string name;
  std::string unit = "";  // "%", "nats", "s", "bytes"; empty for words and pure numbers
  bool is_words = false;
};
// Columns of quality between others.
std::vector<column> around(const std::vector<column>& before, const std::vector<column>& qualities,
                           const std::vector<column>& after);
// The names, with commas between them: the first line of a CSV file.
std::string names_of(const std::vector<column>& columns);

struct result_table {
  std::string settings;  // what is measured on what
  std::vector<column> columns;
  // Cells as a CSV file has them. An empty one was not measured.
  std::vector<std::vector<std::string>> rows;
};

// A number with as many digits as tell it from all others. Not a number: an empty cell.
std::string cell_of(double number);
// A number with so many decimals, or as cell_of has it where they do not tell it from others: 0.30,
// 0.301.
std::string with_decimals(double number, int decimals);
// The cells of a line of CSV without quotes.
std::vector<std::string> cells_of(std::string_view line);

// The first line is a comment of the settings, the second one names the columns. Cells with commas are
// quoted.
std::string csv_text(const result_table& table);
// An object of the run, the settings, the unit of each column that has one, and the rows, each an
// object. A number that was not measured, or is not finite, is null.
std::string json_text(const result_table& table, const run_description& run);
// The settings, the table, and the run's file. Numbers have as many digits as people read.
std::string markdown_text(const result_table& table, const run_description& run);

}  // namespace study
