#pragma once

// A CSV file of rows that are measured one after another, which an interrupted run continues.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "csv_file.hpp"

namespace study {

// What rows are measured on, by its contents.
struct fingerprinted {
  std::string what, fingerprint;  // "model", "8f07c5a1d2b3e496"
};

// The first line is a comment that names the settings and has the fingerprints, the second one names
// the columns. The first columns are a row's key: no other row has the same.
class continued_csv {
 public:
  // Without opening it, nothing is kept and nothing found. A file of other settings, fingerprints or
  // columns is refused. One that was cut off is continued behind its last whole row.
  void open(const std::string& path, const std::string& settings, const std::string& columns,
            std::size_t key_columns, const std::vector<fingerprinted>& measured_on = {});

  // The rest of the row of this key, or a null pointer if the file did not have it.
  const std::string* find(const std::string& key) const;

  // The row is in the file, if one is open, when this returns.
  void add(const std::string& key, const std::string& values);

  // All rows in their order, those that the file had before first.
  const std::vector<std::string>& rows() const { return rows_; }

 private:
  // The rows that have all their columns; `find` finds them.
  std::string finished_rows(std::string_view old, std::ptrdiff_t commas, std::size_t key_columns);

  csv_file file_;
  std::map<std::string, std::string> kept_;
  std::vector<std::string> rows_;
};

}  // namespace study
