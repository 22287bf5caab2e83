#pragma once

/// @file
/// A file that is written beside its place and put there in one step.

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "../../error.hpp"
#include "partial_file.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// A new version of a file. All goes into a file beside the target, which commit puts in its place
/// when it is on the disk; a reader sees the old version or the new one. Without commit that file
/// is removed, and what stood under the name before is untouched.
///
/// A symbolic link stays one: what it points to is replaced. The permissions of an older version
/// are kept, and its owner where the system allows it. What is no regular file is never replaced.
class replaced_file {
 public:
  /// Nothing is created before `open`.
  explicit replaced_file(std::filesystem::path path)
      : path_(std::move(path)), partial_(path_.string()) {}

  std::string name() const { return path_.string(); }

  /// Creates the file, and puts the first bytes into it.
  /// @throws file_error if that cannot be done, or a folder, device or pipe has the name
  void open(std::span<const char> first) {
    partial_.create(target());
    partial_.write(0, std::as_bytes(first));
  }

  /// Writes bytes at a distance from the file's beginning.
  /// @throws file_error if that cannot be done
  void write(std::size_t offset, std::span<const std::byte> bytes) {
    partial_.write(offset, bytes);
  }

  /// Makes the file appear under its name.
  /// @throws file_error if it has done so before, or the disk is full; the target is untouched then
  void commit() {
    if (committed_) refuse("has been committed before");
    partial_.put_in_place();
    committed_ = true;
  }

 private:
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    raise<file_error>(name(), ": ", parts...);
  }

  /// The file behind the name and all symbolic links, even if it does not exist yet.
  std::filesystem::path target() const {
    namespace fs = std::filesystem;
    std::error_code problem;
    const fs::file_type type = fs::status(path_, problem).type();
    if (type == fs::file_type::none) refuse("cannot be written: ", problem.message());
    if (type != fs::file_type::not_found && type != fs::file_type::regular)
      refuse("cannot be written: it is a ", name_of(type), ", and only regular files are replaced");
    fs::path target = fs::absolute(path_, problem);
    constexpr int most_links = 40;
    for (int links = 0; links < most_links && fs::is_symlink(fs::symlink_status(target, problem));
         ++links)
      target = target.parent_path() / fs::read_symlink(target, problem);
    if (target.filename().empty()) refuse("cannot be written: the name is that of no file");
    return target;
  }

  static std::string_view name_of(std::filesystem::file_type type) {
    using enum std::filesystem::file_type;
    switch (type) {
      case directory:
        return "folder";
      case block:
      case character:
        return "device";
      case fifo:
        return "pipe";
      case socket:
        return "socket";
      default:
        return "special file";
    }
  }

  std::filesystem::path path_;
  partial_file partial_;
  bool committed_ = false;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
