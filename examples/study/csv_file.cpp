#include "csv_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>

namespace study {

void csv_file::open(const std::string& path, std::ios::openmode how) {
  path_ = path;
  file_.open(path, std::ios::out | how);
  check();
}

void csv_file::add(std::string_view text) {
  errno = 0;
  file_ << text << std::flush;
  check();
}

void csv_file::check() const {
  if (!file_)
    throw std::runtime_error("cannot write " + path_ + (errno == 0 ? "" : ": ") +
                             (errno == 0 ? "" : std::strerror(errno)));
}

void flush_table() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    throw std::runtime_error("cannot write the table to the standard output");
}

}  // namespace study
