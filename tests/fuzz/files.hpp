#pragma once

// Files for fuzz targets: the fuzzer's bytes under a name, and a folder to write into.

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "fuzz.hpp"

namespace fuzz {

/// The name of a file in memory that has these bytes until the next call.
inline std::string file_of(std::span<const std::uint8_t> bytes) {
  static const int file = ::memfd_create("fuzz", MFD_CLOEXEC);
  const auto size = static_cast<::ssize_t>(bytes.size());
  check(file >= 0 && ::ftruncate(file, 0) == 0 &&
            ::pwrite(file, bytes.data(), bytes.size(), 0) == size,
        "a file in memory can be written");
  return "/proc/self/fd/" + std::to_string(file);
}

/// A new, empty folder.
class folder {
 public:
  folder() {
    static int folders = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("tamp_fuzz_" + std::to_string(::getpid()) + '_' + std::to_string(folders++));
    std::filesystem::create_directories(path_);
  }
  ~folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;

  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Calls write(path), over a file that is there. If it is refused, that file is untouched, and
/// nothing is left beside it.
/// @returns whether the file was written
template <class Write>
bool replaces(const folder& place, const std::filesystem::path& path, Write&& write) {
  static constexpr std::string_view old = "what was there before";
  std::ofstream(path, std::ios::binary | std::ios::trunc) << old;
  const auto refused = refusal([&] { write(path); });
  check(place.files() == 1, "nothing is left beside the file");
  check(!refused || bytes_of(path) == old, "a refused file leaves the old one");
  return !refused;
}

}  // namespace fuzz
