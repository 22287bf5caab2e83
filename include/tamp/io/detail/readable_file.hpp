#pragma once

/// @file
/// A file that is read piece by piece.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

#include "../../error.hpp"

#if __has_include(<unistd.h>)
#  include <fcntl.h>
#  include <sys/stat.h>
#  include <unistd.h>
#else
#  include <fstream>
#  include <memory>
#  include <mutex>
#  include <system_error>
#endif

namespace tamp::inline TAMP_FLAGS::detail {

/// A regular file, open for reading at any place. Nothing of it is mapped, so that a file may be
/// larger than the address space. Threads may read at the same time.
class readable_file {
 public:
  /// @throws file_error if the file cannot be opened or is not a regular one
  explicit readable_file(const std::filesystem::path& path) : name_(path.string()) { open(); }
  readable_file(readable_file&& other) noexcept
      : name_(std::move(other.name_)),
        size_(other.size_),
        file_(std::exchange(other.file_, closed())) {}
  readable_file& operator=(readable_file&& other) noexcept {
    std::swap(name_, other.name_);
    std::swap(size_, other.size_);
    std::swap(file_, other.file_);
    return *this;
  }
  ~readable_file() { close(); }

  const std::string& name() const noexcept { return name_; }
  /// The number of bytes when it was opened.
  std::uint64_t size() const noexcept { return size_; }

  /// Reads bytes from a distance of the file's beginning on.
  /// @throws file_error if the file ends before, or cannot be read
  void read(std::uint64_t offset, std::span<std::byte> into) const {
    if (offset > size_ || into.size() > size_ - offset)
      raise<file_error>(name_, ": has ", size_, " bytes; ", into.size(), " from byte ", offset,
                        " on cannot be read");
    read_now(offset, into);
  }

 private:
#if __has_include(<unistd.h>)
  static constexpr int closed() noexcept { return -1; }
  void open() {
    // Without O_NONBLOCK a named pipe would keep us waiting for its writer.
    file_ = ::open(name_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file_ < 0) raise<file_error>(name_, ": cannot be opened: ", std::strerror(errno));
    struct ::stat status{};
    if (::fstat(file_, &status) != 0 || !S_ISREG(status.st_mode)) {
      close();
      raise<file_error>(name_, ": is not a regular file");
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
  }
  void close() noexcept {
    if (file_ >= 0) ::close(file_);
    file_ = closed();
  }
  void read_now(std::uint64_t offset, std::span<std::byte> into) const {
    while (!into.empty()) {
      const auto got = ::pread(file_, into.data(), into.size(), static_cast<::off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0)
        raise<file_error>(name_, ": cannot be read at byte ", offset, ": ", std::strerror(errno));
      if (got == 0) raise<file_error>(name_, ": ends at byte ", offset, "; it has become shorter");
      offset += static_cast<std::uint64_t>(got);
      into = into.subspan(static_cast<std::size_t>(got));
    }
  }
#else
  static std::ifstream closed() { return {}; }
  void open() {
    std::error_code problem;
    if (!std::filesystem::is_regular_file(name_, problem))
      raise<file_error>(name_, ": is not a regular file");
    file_.open(name_, std::ios::binary | std::ios::ate);
    if (!file_) raise<file_error>(name_, ": cannot be opened");
    size_ = static_cast<std::uint64_t>(file_.tellg());
  }
  void close() noexcept {}
  void read_now(std::uint64_t offset, std::span<std::byte> into) const {
    const std::lock_guard lock(*reading_);
    file_.clear();
    file_.seekg(static_cast<std::streamoff>(offset));
    if (!file_.read(reinterpret_cast<char*>(into.data()),
                    static_cast<std::streamsize>(into.size())))
      raise<file_error>(name_, ": cannot be read at byte ", offset);
  }
#endif

  std::string name_;
  std::uint64_t size_ = 0;
#if __has_include(<unistd.h>)
  int file_ = closed();
#else
  mutable std::ifstream file_;
  std::unique_ptr<std::mutex> reading_ = std::make_unique<std::mutex>();
#endif
};

}  // namespace tamp::inline TAMP_FLAGS::detail
