#include "csv_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <tamp/error.hpp>
#include <tamp/io/detail/replaced_file.hpp>

namespace study {

void csv_file::open(const std::string& path) {
  path_ = path;
  errno = 0;
  file_.open(path, std::ios::out | std::ios::app);
  check();
}

void csv_file::add(std::string_view text) {
  errno = 0;
  file_ << text << std::flush;
  check();
}

void csv_file::check() const {
  if (!file_)
    throw tamp::file_error("cannot write " + path_ + (errno == 0 ? "" : ": ") +
                           (errno == 0 ? "" : std::strerror(errno)));
}

void write_whole(const std::string& path, std::string_view text) {
  std::error_code ignored;
  if (std::filesystem::is_other(std::filesystem::status(path, ignored))) {
    csv_file file;
    file.open(path);
    return file.add(text);
  }
  tamp::detail::replaced_file file(path);
  file.open(text);
  file.commit();
}

void flush_table() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    throw tamp::file_error("cannot write the table to the standard output");
}

}  // namespace study
