#pragma once

// A CSV file that is written row by row, so that an interrupted study keeps what it has measured.

#include <fstream>
#include <string>
#include <string_view>

namespace study {

class csv_file {
 public:
  bool is_open() const { return file_.is_open(); }

  // Continues a file behind what it holds, or begins one.
  void open(const std::string& path);
  // Each piece is in the file when this returns.
  void add(std::string_view text);

 private:
  void check() const;

  std::string path_;
  std::ofstream file_;
};

// Writes a whole file beside its place and renames it: an older one stays whole if that fails. Devices
// and pipes are written to.
void write_whole(const std::string& path, std::string_view text);

// A table on a terminal or in a pipe can be lost as well.
void flush_table();

}  // namespace study
