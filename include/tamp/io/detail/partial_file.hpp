#pragma once

/// @file
/// A new file beside the place that it will take.

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "../../error.hpp"

#if __has_include(<sys/file.h>)
#  include <fcntl.h>
#  include <sys/file.h>
#  include <sys/stat.h>
#  include <unistd.h>
#else
#  include <fstream>
#endif

namespace tamp::inline TAMP_FLAGS::detail {

/// The mark between a file's name and the rest of a partial file's.
inline constexpr std::string_view partial_mark = ".partial-";

/// True for the name of a partial file of `target`: digits follow the mark.
inline bool is_partial_of(std::string_view name, std::string_view target) {
  if (!name.starts_with(target)) return false;
  name.remove_prefix(target.size());
  return name.starts_with(partial_mark) && name.size() > partial_mark.size() &&
         name.find_first_not_of("0123456789-", partial_mark.size()) == std::string_view::npos;
}

#if __has_include(<sys/file.h>)

/// A file that is written beside a target and then takes its place. Its name is that of the target,
/// ".partial-", the process's number, and a random one. It is locked while it is open, so that what
/// a killed process has left behind can be told from what another one is still writing.
class partial_file {
 public:
  /// `name`: how the user calls the target, for errors.
  explicit partial_file(std::string name) : name_(std::move(name)) {}
  partial_file(const partial_file&) = delete;
  partial_file& operator=(const partial_file&) = delete;
  ~partial_file() { discard(); }

  /// Creates the file, with the owner and the permissions of the target if that exists. Removes
  /// what killed processes have left of such files.
  /// @throws file_error if that cannot be done
  void create(const std::filesystem::path& target) {
    target_ = target;
    remove_stale();
    struct ::stat old{};
    const bool replaces = ::stat(target.c_str(), &old) == 0;
    for (int attempt = 0; file_ < 0; ++attempt) {
      path_ = target;
      path_ += sentence(partial_mark, ::getpid(), '-', std::random_device{}());
      file_ =
          ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, replaces ? 0600 : 0666);
      if (file_ < 0 && (errno != EEXIST || attempt == 100))
        refuse("cannot be written: ", path_.string(), " cannot be created: ", std::strerror(errno));
      if (file_ >= 0 && !claimed()) close();
    }
    if (replaces) imitate(old);
  }

  /// Writes bytes at a distance from the file's beginning.
  /// @throws file_error if that cannot be done
  void write(std::size_t offset, std::span<const std::byte> bytes) {
    if (offset != begin_ + pending_.size() || pending_.size() + bytes.size() > most_pending) {
      flush();
      begin_ = offset;
    }
    if (bytes.size() > most_pending) return write_now(offset, bytes);
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
  }

  /// Puts the file in the target's place, when all of it is on the disk.
  /// @throws file_error if that cannot be done; the target is untouched then, unless the error says
  ///         something else
  void put_in_place() {
    flush();
    expect(::fsync(file_) == 0 || cannot_sync(), "cannot be written");
    // Some file systems report errors only here. The lock stays.
    const int copy = ::dup(file_);
    expect(copy >= 0 && ::close(copy) == 0, "cannot be written");
    const int folder = ::open(target_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool renamed = ::rename(path_.c_str(), target_.c_str()) == 0;
    const int problem = errno;
    const bool synced = !renamed || folder < 0 || ::fsync(folder) == 0 || cannot_sync();
    if (folder >= 0) ::close(folder);
    errno = problem;
    expect(renamed, "cannot be put in place");
    close();
    if (!synced) refuse("is in place, but its folder could not be written to the disk");
  }

  /// Removes the file, if it is not in place.
  void discard() noexcept {
    if (file_ < 0) return;
    ::unlink(path_.c_str());
    close();
  }

 private:
  static constexpr std::size_t most_pending = 1 << 16;

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    raise<file_error>(name_, ": ", parts...);
  }
  void expect(bool fine, std::string_view what) const {
    if (!fine) refuse(what, ": ", std::strerror(errno));
  }
  static bool cannot_sync() { return errno == EINVAL || errno == ENOSYS || errno == ENOTSUP; }

  void close() noexcept {
    ::close(file_);
    file_ = -1;
  }

  /// Locks the file, where the file system can. Whoever looked for stale files between the creation
  /// and the lock may have removed it.
  bool claimed() const {
    struct ::stat status{};
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return false;
    return ::fstat(file_, &status) == 0 && status.st_nlink != 0;
  }

  /// Takes over owner, group and permissions; what the system refuses stays as it is.
  void imitate(const struct ::stat& old) const {
    struct ::stat mine{};
    bool same_owner =
        ::fstat(file_, &mine) == 0 && mine.st_uid == old.st_uid && mine.st_gid == old.st_gid;
    if (!same_owner) same_owner = ::fchown(file_, old.st_uid, old.st_gid) == 0;
    if (!same_owner && ::fchown(file_, static_cast<::uid_t>(-1), old.st_gid) != 0) errno = 0;
    // A file of another owner must not pass that owner's rights on to those who run it.
    if (::fchmod(file_, old.st_mode & (same_owner ? 07777u : 0777u)) != 0) errno = 0;
  }

  void flush() {
    write_now(begin_, pending_);
    begin_ += pending_.size();
    pending_.clear();
  }
  void write_now(std::size_t offset, std::span<const std::byte> bytes) const {
    if (file_ < 0) refuse("cannot be written: it is not open");
    while (!bytes.empty()) {
      const auto written =
          ::pwrite(file_, bytes.data(), bytes.size(), static_cast<::off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      expect(written > 0, "cannot be written");
      offset += static_cast<std::size_t>(written);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  void remove_stale() const {
    const std::string target = target_.filename().string();
    std::error_code problem;
    std::filesystem::directory_iterator at(target_.parent_path(), problem), end;
    for (; !problem && at != end; at.increment(problem))
      if (is_partial_of(at->path().filename().string(), target)) remove_if_stale(at->path());
  }
  static void remove_if_stale(const std::filesystem::path& path) {
    constexpr int how = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    int file = ::open(path.c_str(), O_RDWR | how);
    if (file < 0) file = ::open(path.c_str(), O_RDONLY | how);
    if (file < 0) return;
    struct ::stat status{};
    if (::fstat(file, &status) == 0 && S_ISREG(status.st_mode) &&
        ::flock(file, LOCK_EX | LOCK_NB) == 0)
      ::unlink(path.c_str());
    ::close(file);
  }

  std::string name_;
  std::filesystem::path target_, path_;
  int file_ = -1;
  std::vector<std::byte> pending_;
  std::size_t begin_ = 0;  // of what is pending, in the file
};

#else

/// Without POSIX: no locks, so that nothing that others have left behind is removed.
class partial_file {
 public:
  explicit partial_file(std::string name) : name_(std::move(name)) {}
  partial_file(const partial_file&) = delete;
  partial_file& operator=(const partial_file&) = delete;
  ~partial_file() { discard(); }

  void create(const std::filesystem::path& target) {
    target_ = path_ = target;
    path_ += sentence(partial_mark, std::random_device{}());
    file_.open(path_, std::ios::binary | std::ios::trunc);
    if (!file_) refuse("cannot be written: ", path_.string(), " cannot be created");
    std::error_code ignored;
    const auto old = std::filesystem::status(target, ignored);
    if (std::filesystem::exists(old))
      std::filesystem::permissions(path_, old.permissions(), ignored);
  }
  void write(std::size_t offset, std::span<const std::byte> bytes) {
    file_.seekp(static_cast<std::streamoff>(offset));
    file_.write(reinterpret_cast<const char*>(bytes.data()),
                static_cast<std::streamsize>(bytes.size()));
    if (!file_) refuse("cannot be written");
  }
  void put_in_place() {
    file_.close();
    if (!file_) refuse("cannot be written");
    std::error_code problem;
    std::filesystem::rename(path_, target_, problem);
    if (problem) refuse("cannot be put in place: ", problem.message());
    path_.clear();
  }
  void discard() noexcept {
    if (path_.empty()) return;
    file_.close();
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }

 private:
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    raise<file_error>(name_, ": ", parts...);
  }

  std::string name_;
  std::filesystem::path target_, path_;
  std::ofstream file_;
};

#endif

}  // namespace tamp::inline TAMP_FLAGS::detail
