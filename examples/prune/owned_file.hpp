#pragma once

// An open file of the system.

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

namespace tamp_prune {

// Closes the file at the end, which also gives up its lock.
class owned_file {
 public:
  owned_file() = default;
  // False afterwards if the file cannot be opened, and errno says why.
  owned_file(const std::filesystem::path& path, int flags)
      : number_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  owned_file(owned_file&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  owned_file& operator=(owned_file&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~owned_file() {
    if (number_ >= 0) ::close(number_);
  }

  explicit operator bool() const { return number_ >= 0; }
  int number() const { return number_; }

 private:
  int number_ = -1;
};

}  // namespace tamp_prune
