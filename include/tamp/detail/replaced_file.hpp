#pragma once

/// @file
/// A file that is written beside its place and put there in one step.

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <random>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "../error.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// A new version of a file. All goes into a file beside the target, named after it with ".partial-"
/// and a random number, which commit renames. Without commit that file is removed, and what stood
/// under the name before is untouched.
class replaced_file {
 public:
  /// Nothing is created before `open`.
  explicit replaced_file(std::filesystem::path path) : path_(std::move(path)), partial_(path_) {
    partial_ += sentence(".partial-", std::random_device{}());
  }
  replaced_file(const replaced_file&) = delete;
  replaced_file& operator=(const replaced_file&) = delete;
  ~replaced_file() {
    if (!opened_ || committed_) return;
    file_.close();
    std::error_code ignored;
    std::filesystem::remove(partial_, ignored);
  }

  std::string name() const { return path_.string(); }

  /// Creates the file, and puts the first bytes into it.
  /// @throws file_error if that cannot be done
  void open(std::span<const char> first) {
    opened_ = true;
    file_.open(partial_, std::ios::binary | std::ios::trunc);
    file_.write(first.data(), static_cast<std::streamsize>(first.size()));
    if (!file_) refuse("cannot be written: ", partial_.string(), " cannot be created or filled");
  }

  /// Writes bytes at a distance from the file's beginning.
  /// @throws file_error if that cannot be done
  void write(std::size_t offset, std::span<const std::byte> bytes) {
    file_.seekp(static_cast<std::streamoff>(offset));
    file_.write(reinterpret_cast<const char*>(bytes.data()),
                static_cast<std::streamsize>(bytes.size()));
    if (!file_) refuse("cannot be written");
  }

  /// Makes the file appear under its name.
  /// @throws file_error if it has done so before, or the disk is full; the target is untouched then
  void commit() {
    if (committed_) refuse("has been committed before");
    file_.close();
    if (!file_) refuse("cannot be written");
    std::error_code problem;
    std::filesystem::rename(partial_, path_, problem);
    if (problem) refuse("cannot be put in place: ", problem.message());
    committed_ = true;
  }

 private:
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    raise<file_error>(name(), ": ", parts...);
  }

  std::filesystem::path path_, partial_;
  std::ofstream file_;
  bool opened_ = false, committed_ = false;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
