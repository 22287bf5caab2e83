#pragma once

// A CSV file that is written row by row, so that an interrupted study keeps what it has measured.

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace study {

class csv_file {
 public:
  bool is_open() const { return file_.is_open(); }

  // Continues a file behind what it holds, or begins one: `how` is std::ios::app or
  // std::ios::trunc.
  void open(const std::string& path, std::ios::openmode how) {
    path_ = path;
    file_.open(path, std::ios::out | how);
    check();
  }
  // Each piece is in the file when this returns.
  void add(std::string_view text) {
    errno = 0;
    file_ << text << std::flush;
    check();
  }

 private:
  void check() const {
    if (!file_)
      throw std::runtime_error("cannot write " + path_ + (errno == 0 ? "" : ": ") +
                               (errno == 0 ? "" : std::strerror(errno)));
  }

  std::string path_;
  std::ofstream file_;
};

// A table on a terminal or in a pipe can be lost as well.
inline void flush_table() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    throw std::runtime_error("cannot write the table to the standard output");
}

}  // namespace study
