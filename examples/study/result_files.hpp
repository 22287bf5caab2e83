#pragma once

// The files that results go to: CSV row by row, JSON and Markdown at the end of the run.

#include <cstddef>
#include <string>
#include <vector>

#include "continued_csv.hpp"
#include "result_table.hpp"

namespace study {

// Where results are to be written, by which run. A name that is empty stands for no file.
struct result_places {
  std::string csv{}, json{}, markdown{};
  run_description run{};
};

// Results that an interrupted run continues.
class result_files {
 public:
  // Opens the CSV file, or continues it, as continued_csv says: the first columns are a row's key.
  // Throws if one of the other files could not be written, or two of them are one.
  result_files(result_places places, std::string settings, std::vector<column> columns,
               std::size_t key_columns);

  // The rest of the row of this key, or a null pointer if the CSV file did not have it.
  const std::string* find(const std::string& key) const { return csv_.find(key); }
  // The row is in the CSV file when this returns.
  void add(const std::string& key, const std::string& values) { csv_.add(key, values); }
  // Writes JSON and Markdown with all rows, those that the CSV file had before included. Each is
  // written beside its place and renamed: an older file stays whole if that fails, and the other
  // one is written.
  void finish() const;

 private:
  result_places places_;
  std::string settings_;
  std::vector<column> columns_;
  continued_csv csv_;
};

// Throws if one of the files could not be written, or two of them are one.
void check(const result_places& places);
// Writes all files of results that are known at once, each beside its place and renamed. Throws
// if one of them cannot be written; the others are.
void save(const result_places& places, const result_table& table);

}  // namespace study
