#pragma once

/// @file
/// The header of a GGUF file: metadata, and descriptions of the tensors.
///
/// The format: magic, version, counts, key-value pairs, descriptions of the tensors, then their
/// bytes at aligned offsets (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). Versions 2
/// and 3, little-endian.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../error.hpp"
#include "detail/shown.hpp"
#include "ggml_types.hpp"
#include "gguf_metadata.hpp"

namespace tamp::inline TAMP_FLAGS::io {

/// One tensor as the header of a GGUF file describes it.
struct gguf_description {
  std::string name;
  std::vector<std::size_t> shape;  ///< slowest dimension first, as in row-major order
  std::uint32_t type = 0;          ///< ggml's number of the type
  std::string_view type_name;      ///< "Q4_1", or "unknown"
  std::size_t offset = 0;          ///< from the start of the data
  /// The number of its bytes. Those of an unknown type end where the next tensor begins, or with
  /// the file.
  std::size_t length = 0;

  /// The length of a row: the last extent, or 1 if there is none.
  std::size_t cols() const { return shape.empty() ? 1 : shape.back(); }
  bool empty() const { return std::find(shape.begin(), shape.end(), 0u) != shape.end(); }
};

/// Metadata and descriptions, for programs that read the data themselves. gguf_file maps the data.
class gguf_header {
 public:
  /// `first` are bytes from the file's beginning on, at least those of the header, and must outlive
  /// the object. All is checked against the size of the file before it is believed.
  /// @throws file_error if the header is damaged, longer than `first`, or contradicts itself
  gguf_header(std::span<const std::byte> first, std::uint64_t file_size, std::string file)
      : file_(std::move(file)), file_size_(file_size) {
    read(first);
  }

  /// The keys of the metadata, sorted.
  std::vector<std::string> keys() const {
    std::vector<std::string> all;
    for (const auto& [key, value] : metadata_) all.push_back(key);
    return all;
  }
  bool has(std::string_view key) const { return metadata_.contains(key); }

  /// A value of the metadata: a number, a bool or a std::string.
  /// @throws file_error if there is no such key, if it holds something else, or if an integer does
  ///         not fit into T. `values` throws the same.
  template <class T>
  T value(std::string_view key) const {
    const gguf_value& found = find(key);
    T result{};
    if (found.is_array || !found.read(result))
      refuse("the metadata '", tamp::detail::shown(key), "' are ", found.describe(), " and not ",
             gguf_value::name_of<T>());
    return result;
  }

  /// An array of the metadata.
  template <class T>
  std::vector<T> values(std::string_view key) const {
    const gguf_value& found = find(key);
    std::vector<T> result;
    if (!found.is_array || !found.read_all(result))
      refuse("the metadata '", tamp::detail::shown(key), "' are ", found.describe(),
             " and not an array of ", gguf_value::name_of<T>());
    return result;
  }

  /// All tensors, in the order of the file.
  const std::vector<gguf_description>& tensors() const noexcept { return tensors_; }
  /// The place of the tensor of that name among all; nothing if there is none.
  std::optional<std::size_t> find_tensor(std::string_view name) const {
    const auto found = index_.find(name);
    if (found == index_.end()) return std::nullopt;
    return found->second;
  }
  /// The offset of the descriptions of tensors in the file.
  std::size_t descriptions_offset() const noexcept { return descriptions_offset_; }
  /// The data and each tensor begin at multiples of this, a power of two.
  std::size_t alignment() const noexcept { return alignment_; }
  /// The offset of the data in the file.
  std::size_t data_offset() const noexcept { return data_offset_; }

 private:
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    tamp::detail::raise<file_error>(file_, ": ", parts...);
  }

  const gguf_value& find(std::string_view key) const {
    const auto found = metadata_.find(key);
    if (found == metadata_.end()) refuse("has no metadata '", tamp::detail::shown(key), "'");
    return found->second;
  }

  void read(std::span<const std::byte> first) {
    detail::gguf_cursor cursor(first, file_);
    if (cursor.bytes(4, "the magic") != "GGUF") refuse("is not a GGUF file");
    const auto version = cursor.number<std::uint32_t>("the version");
    if (version != 2 && version != 3)
      refuse("is a GGUF file of version ", version, "; tamp reads 2 and 3, little-endian");
    const auto tensors = cursor.number<std::uint64_t>("the number of tensors");
    const auto pairs = cursor.number<std::uint64_t>("the number of metadata");
    for (std::uint64_t k = 0; k < pairs; ++k) {
      const std::string key(cursor.string("a metadata key"));
      const auto type = cursor.number<std::uint32_t>("a metadata type");
      if (!metadata_.emplace(key, cursor.value(type)).second)
        refuse("has the metadata '", tamp::detail::shown(key), "' twice");
    }
    descriptions_offset_ = cursor.position();
    for (std::uint64_t k = 0; k < tensors; ++k) read_description(cursor);
    find_data(cursor);
  }

  void read_description(detail::gguf_cursor& cursor) {
    gguf_description t;
    t.name = cursor.string("a tensor's name");
    const auto dimensions = cursor.number<std::uint32_t>("a number of dimensions");
    constexpr std::uint32_t most_dimensions = 64;  // ggml has 4
    if (dimensions > most_dimensions)
      refuse("tensor '", tamp::detail::shown(t.name), "' has ", dimensions,
             " dimensions, more than ", most_dimensions);
    for (std::uint32_t d = 0; d < dimensions; ++d) {
      const auto extent = cursor.number<std::uint64_t>("a tensor's shape");
      if (extent > (std::numeric_limits<std::size_t>::max)())
        refuse("tensor '", tamp::detail::shown(t.name), "' has an extent of ", extent);
      t.shape.insert(t.shape.begin(), static_cast<std::size_t>(extent));
    }
    t.type = cursor.number<std::uint32_t>("a tensor's type");
    const ggml::type_info* type = ggml::find_type(t.type);
    t.type_name = type == nullptr ? "unknown" : type->name;
    const auto offset = cursor.number<std::uint64_t>("a tensor's offset");
    if (offset > file_size_ && !t.empty())
      refuse("tensor '", tamp::detail::shown(t.name), "' starts at byte ", offset,
             " of the data, past the end of the file");
    t.offset = static_cast<std::size_t>(offset);
    if (!index_.emplace(t.name, tensors_.size()).second)
      refuse("has two tensors named '", tamp::detail::shown(t.name), "'");
    tensors_.push_back(std::move(t));
  }

  void find_data(const detail::gguf_cursor& cursor) {
    if (has("general.alignment")) alignment_ = value<std::uint32_t>("general.alignment");
    const std::size_t alignment = alignment_;
    if (!std::has_single_bit(alignment))
      refuse("has an alignment of ", alignment, ", which is no power of two");
    data_offset_ = (cursor.position() + alignment - 1) / alignment * alignment;
    if (data_offset_ < file_size_) data_size_ = static_cast<std::size_t>(file_size_ - data_offset_);

    std::vector<std::pair<std::size_t, gguf_description*>> order;
    for (gguf_description& t : tensors_) {
      if (t.offset % alignment != 0)
        refuse("tensor '", tamp::detail::shown(t.name), "' starts at byte ", t.offset,
               " of the data, which is no multiple of ", alignment);
      if (t.empty()) continue;  // wherever it is
      if (t.offset > data_size_)
        refuse("tensor '", tamp::detail::shown(t.name), "' starts at byte ", t.offset, " of ",
               data_size_, " of data");
      order.emplace_back(t.offset, &t);
    }
    std::sort(order.begin(), order.end());
    std::size_t end = 0;
    for (std::size_t k = 0; k < order.size(); ++k) {
      gguf_description& t = *order[k].second;
      if (t.offset < end)
        refuse("tensor '", tamp::detail::shown(t.name), "' overlaps the one before it");
      const ggml::type_info* type = ggml::find_type(t.type);
      end = type != nullptr        ? t.offset + bytes_of(t, *type)
            : k + 1 < order.size() ? order[k + 1].first
                                   : data_size_;
      t.length = end - t.offset;
    }
  }

  /// @throws file_error if the tensor's shape does not fit its type or the file
  std::size_t bytes_of(const gguf_description& t, const ggml::type_info& type) const {
    const std::size_t cols = t.cols(), room = data_size_ - t.offset;
    if (cols % type.values != 0)
      refuse("tensor '", tamp::detail::shown(t.name), "' has rows of ", cols,
             " values, which is no multiple of the ", type.values, " in a block of ", type.name);
    std::size_t blocks = cols / type.values;
    const std::size_t most = room / type.bytes;
    for (std::size_t d = 0; d + 1 < t.shape.size() && blocks <= most; ++d)
      blocks = t.shape[d] <= most / blocks ? blocks * t.shape[d] : most + 1;
    if (blocks > most)
      refuse("tensor '", tamp::detail::shown(t.name), "' is larger than the ", room,
             " bytes from its start to the end of the file");
    return blocks * type.bytes;
  }

  std::string file_;
  std::uint64_t file_size_;
  std::map<std::string, gguf_value, std::less<>> metadata_;
  std::vector<gguf_description> tensors_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::size_t descriptions_offset_ = 0, alignment_ = 32, data_offset_ = 0, data_size_ = 0;
};

}  // namespace tamp::inline TAMP_FLAGS::io
