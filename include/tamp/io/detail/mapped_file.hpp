#pragma once

/// @file
/// The bytes of a file, without reading them first.

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "../../error.hpp"

#if __has_include(<sys/mman.h>)
#  include <fcntl.h>
#  include <sys/mman.h>
#  include <sys/stat.h>
#  include <unistd.h>
#else
#  include <fstream>
#  include <vector>
#endif

namespace tamp::inline TAMP_FLAGS::detail {

/// A whole file, read-only, for as long as this object lives. The bytes start at an address that
/// is aligned for every number. Mapped into memory where the system can, else read at once.
/// A mapped file that another program shortens in the meantime cannot be read safely.
class mapped_file {
 public:
  /// @throws file_error if the file cannot be opened or is not a regular one
  explicit mapped_file(const std::filesystem::path& path) : name_(path.string()) { open(); }
  ~mapped_file() { close(); }

  mapped_file(mapped_file&& other) noexcept { swap(other); }
  mapped_file& operator=(mapped_file&& other) noexcept {
    swap(other);
    return *this;
  }

  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }
  const std::string& name() const noexcept { return name_; }

 private:
  void swap(mapped_file& other) noexcept {
    std::swap(name_, other.name_);
    std::swap(bytes_, other.bytes_);
#if !__has_include(<sys/mman.h>)
    std::swap(storage_, other.storage_);
#endif
  }

#if __has_include(<sys/mman.h>)
  void open() {
    // Without O_NONBLOCK a named pipe would keep us waiting for its writer.
    const int file = ::open(name_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) raise<file_error>(name_, ": cannot be opened: ", std::strerror(errno));
    struct ::stat status{};
    const bool regular = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
    const std::size_t size = regular ? static_cast<std::size_t>(status.st_size) : 0;
    void* memory = nullptr;
    if (size != 0) memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
    const int problem = errno;
    ::close(file);
    if (!regular) raise<file_error>(name_, ": is not a regular file");
    if (memory == MAP_FAILED)
      raise<file_error>(name_, ": cannot be mapped into memory: ", std::strerror(problem));
    bytes_ = {static_cast<const std::byte*>(memory), size};
  }
  void close() noexcept {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }
#else
  void open() {
    std::ifstream file(name_, std::ios::binary | std::ios::ate);
    if (!file) raise<file_error>(name_, ": cannot be opened");
    storage_.resize(static_cast<std::size_t>(file.tellg()) / sizeof(double) + 1);
    const auto size = file.tellg();
    file.seekg(0);
    if (!file.read(reinterpret_cast<char*>(storage_.data()), size))
      raise<file_error>(name_, ": cannot be read");
    bytes_ = std::as_bytes(std::span(storage_)).first(static_cast<std::size_t>(size));
  }
  void close() noexcept {}
  std::vector<double> storage_;
#endif

  std::string name_;
  std::span<const std::byte> bytes_;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
