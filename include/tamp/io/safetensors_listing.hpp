#pragma once

/// @file
/// The header of a safetensors file, without its data. Needs nlohmann-json (CMake:
/// tamp::safetensors).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "detail/readable_file.hpp"
#include "safetensors_header.hpp"

namespace tamp::inline TAMP_FLAGS::io {

/// The tensors and metadata of a safetensors file, for programs that read the data piece by piece.
/// Nothing is mapped, so that the file may be larger than the address space; safetensors_file
/// checks the same and maps the data.
class safetensors_listing {
 public:
  /// Reads the header.
  /// @throws file_error if the file cannot be read, or its header is damaged or contradicts itself
  explicit safetensors_listing(const tamp::detail::readable_file& file) {
    std::vector<std::byte> first(
        static_cast<std::size_t>((std::min)(file.size(), std::uint64_t{sizeof(std::uint64_t)})));
    file.read(0, first);
    std::string text(detail::header_length(file.name(), first, file.size()), '\0');
    file.read(first.size(), std::as_writable_bytes(std::span(text)));
    const std::uint64_t begin = first.size() + text.size();
    detail::safetensors_header content(file.name(), begin, file.size() - begin);
    content.read(text);
    tensors_ = std::move(content.tensors);
    metadata_ = std::move(content.metadata);
    unknown_types_ = std::move(content.unknown_types);
  }
  explicit safetensors_listing(const std::filesystem::path& path)
      : safetensors_listing(tamp::detail::readable_file(path)) {}

  safetensors_listing(safetensors_listing&&) = default;
  safetensors_listing& operator=(safetensors_listing&&) = default;

  /// All tensors, in the order of their bytes.
  const std::vector<stored_tensor>& tensors() const noexcept { return tensors_; }
  /// The strings under "__metadata__" in the header.
  const std::map<std::string, std::string>& metadata() const noexcept { return metadata_; }

 private:
  std::vector<stored_tensor> tensors_;
  std::map<std::string, std::string> metadata_;
  std::set<std::string, std::less<>> unknown_types_;  // whose names the tensors refer to
};

}  // namespace tamp::inline TAMP_FLAGS::io
