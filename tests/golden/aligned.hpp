#pragma once

// A file whose numbers can be read where they lie: what NumPy writes behind masks of odd length cannot.

#include <unistd.h>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <tamp/io/safetensors.hpp>
#include <utility>
#include <vector>

namespace golden {

/// A golden file, or a copy of it in which every tensor lies at a multiple of the size of its
/// numbers.
class aligned_file {
 public:
  explicit aligned_file(const std::filesystem::path& path) : file_(path) {
    if (is_aligned()) return;
    std::vector<tamp::io::declaration> tensors;
    for (const auto& tensor : file_->tensors())
      tensors.push_back({tensor.name, tensor.type, tensor.shape});
    copy_ = std::filesystem::temp_directory_path() /
            (std::to_string(::getpid()) + path.filename().string());
    tamp::io::safetensors_writer out(copy_, tensors,
                                     {file_->metadata().begin(), file_->metadata().end()});
    for (const auto& tensor : file_->tensors()) out.write_bytes(tensor.name, tensor.bytes);
    out.commit();
    file_.emplace(copy_);
  }
  aligned_file(const aligned_file&) = delete;
  aligned_file& operator=(const aligned_file&) = delete;
  ~aligned_file() {
    file_.reset();
    std::error_code ignored;
    if (!copy_.empty()) std::filesystem::remove(copy_, ignored);
  }

  const tamp::io::safetensors_file& operator*() const { return *file_; }

 private:
  bool is_aligned() const {
    constexpr std::uintptr_t largest = alignof(double);
    for (const auto& tensor : file_->tensors()) {
      std::size_t numbers = 1;
      for (const std::size_t extent : tensor.shape) numbers *= extent;
      const std::uintptr_t size = numbers == 0 ? 1 : tensor.bytes.size() / numbers;
      if (size != 0 && reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) %
                               (size < largest ? size : largest) !=
                           0)
        return false;
    }
    return true;
  }

  std::optional<tamp::io::safetensors_file> file_;
  std::filesystem::path copy_;
};

}  // namespace golden
