#pragma once

/// @file
/// Reads GGUF files, as llama.cpp uses them: metadata, and tensors as rows.
///
/// The format: magic, version, counts, key-value pairs, descriptions of the tensors, then their
/// bytes at aligned offsets (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). Versions 2
/// and 3, little-endian.

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../error.hpp"
#include "detail/mapped_file.hpp"
#include "detail/shown.hpp"
#include "ggml_rows.hpp"
#include "ggml_types.hpp"
#include "gguf_metadata.hpp"

namespace tamp::inline TAMP_FLAGS::io {

/// One tensor as the header of a GGUF file describes it.
struct gguf_tensor {
  std::string name;
  std::vector<std::size_t> shape;  ///< slowest dimension first, as in row-major order
  std::uint32_t type = 0;          ///< ggml's number of the type
  std::string_view type_name;      ///< "Q4_1", or "unknown"
  std::size_t offset = 0;          ///< from the start of the data
  /// They belong to the file and live as long as it does. Those of an unknown type end where the
  /// next tensor begins, or with the file.
  std::span<const std::byte> bytes;

  /// The length of a row: the last extent, or 1 if there is none.
  std::size_t cols() const { return shape.empty() ? 1 : shape.back(); }
  bool empty() const { return std::find(shape.begin(), shape.end(), 0u) != shape.end(); }
};

/// A tensor of a GGUF file as a row_tensor: rows are converted to float as they are read. Refers to
/// the file, which must outlive it. To prune a tensor, copy its bytes and see ggml_rows.
class gguf_rows {
 public:
  /// The tensor's bytes must be those of its shape and type.
  gguf_rows(std::string_view file, const gguf_tensor& tensor, std::size_t rows)
      : tensor_(&tensor),
        rows_(tensor.type, tensor.bytes, rows, tensor.cols(),
              tamp::detail::sentence(file, ": tensor '", tamp::detail::shown(tensor.name), '\'')) {}

  const std::string& name() const { return tensor_->name; }
  std::string_view type() const { return rows_.type().name; }
  /// Slowest dimension first. All but the last count as rows.
  const std::vector<std::size_t>& shape() const { return tensor_->shape; }
  std::size_t cols() const { return rows_.cols(); }
  std::size_t rows() const { return rows_.rows(); }

  /// Writes row i, as float, into `out`.
  /// @throws shape_error if there is no row i or `out` has not cols() entries
  void read_row(std::size_t i, std::span<float> out) const { rows_.read_row(i, out); }

 private:
  const gguf_tensor* tensor_;
  ggml_rows<const std::byte> rows_;
};

/// A GGUF file, mapped into memory. Opening it reads metadata and descriptions; all of both is
/// checked against the size of the file before it is believed.
class gguf_file {
 public:
  /// @throws file_error if the file cannot be opened, or is damaged or contradicts itself
  explicit gguf_file(const std::filesystem::path& path) : file_(path) { read(); }

  /// The keys of the metadata, sorted.
  std::vector<std::string> keys() const {
    std::vector<std::string> all;
    for (const auto& [key, value] : metadata_) all.push_back(key);
    return all;
  }
  bool has(std::string_view key) const { return metadata_.contains(key); }

  /// A value of the metadata: a number, a bool or a std::string.
  /// @throws file_error if there is no such key, if it holds something else, or if an integer does
  ///         not fit into T; so does values
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
  const std::vector<gguf_tensor>& tensors() const noexcept { return tensors_; }
  bool contains(std::string_view name) const { return index_.contains(name); }

  /// @throws file_error if there is no tensor of that name, its type cannot be read, or it is empty
  ///         and claims rows without a byte to show for them
  gguf_rows tensor(std::string_view name) const {
    const auto found = index_.find(name);
    if (found == index_.end()) refuse("has no tensor named '", tamp::detail::shown(name), "'");
    const gguf_tensor& t = tensors_[found->second];
    const ggml::type_info* type = ggml::find_type(t.type);
    if (type == nullptr || type->decode_row == nullptr)
      refuse("tensor '", tamp::detail::shown(name), "' is of type ", t.type_name, " (", t.type,
             "), which tamp does not read");
    // A reader allocates a whole row, which an empty tensor with a huge extent would make huge.
    if (t.empty())
      for (const std::size_t extent : t.shape)
        if (extent > file_.bytes().size())
          refuse("tensor '", tamp::detail::shown(name), "' is empty, but has an extent of ",
                 extent);
    std::size_t rows = 1;
    for (std::size_t d = 0; d + 1 < t.shape.size(); ++d)
      rows = tamp::detail::checked_product<file_error>(
          tamp::detail::sentence(file_.name(), ": tensor '", tamp::detail::shown(name), '\''), rows,
          t.shape[d]);
    return {file_.name(), t, rows};
  }

 private:
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    tamp::detail::raise<file_error>(file_.name(), ": ", parts...);
  }

  const gguf_value& find(std::string_view key) const {
    const auto found = metadata_.find(key);
    if (found == metadata_.end()) refuse("has no metadata '", tamp::detail::shown(key), "'");
    return found->second;
  }

  void read() {
    detail::gguf_cursor cursor(file_.bytes(), file_.name());
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
    for (std::uint64_t k = 0; k < tensors; ++k) read_description(cursor);
    find_data(cursor);
  }

  void read_description(detail::gguf_cursor& cursor) {
    gguf_tensor t;
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
    if (offset > file_.bytes().size() && !t.empty())
      refuse("tensor '", tamp::detail::shown(t.name), "' starts at byte ", offset,
             " of the data, past the end of the file");
    t.offset = static_cast<std::size_t>(offset);
    if (!index_.emplace(t.name, tensors_.size()).second)
      refuse("has two tensors named '", tamp::detail::shown(t.name), "'");
    tensors_.push_back(std::move(t));
  }

  void find_data(const detail::gguf_cursor& cursor) {
    std::size_t alignment = 32;
    if (has("general.alignment")) alignment = value<std::uint32_t>("general.alignment");
    if (!std::has_single_bit(alignment))
      refuse("has an alignment of ", alignment, ", which is no power of two");
    const std::size_t begin = (cursor.position() + alignment - 1) / alignment * alignment;
    const auto all = file_.bytes();
    data_ = begin < all.size() ? all.subspan(begin) : std::span<const std::byte>();

    std::vector<std::pair<std::size_t, gguf_tensor*>> order;
    for (gguf_tensor& t : tensors_) {
      if (t.offset % alignment != 0)
        refuse("tensor '", tamp::detail::shown(t.name), "' starts at byte ", t.offset,
               " of the data, which is no multiple of ", alignment);
      if (t.empty()) continue;  // wherever it is
      if (t.offset > data_.size())
        refuse("tensor '", tamp::detail::shown(t.name), "' starts at byte ", t.offset, " of ",
               data_.size(), " of data");
      order.emplace_back(t.offset, &t);
    }
    std::sort(order.begin(), order.end());
    std::size_t end = 0;
    for (std::size_t k = 0; k < order.size(); ++k) {
      gguf_tensor& t = *order[k].second;
      if (t.offset < end)
        refuse("tensor '", tamp::detail::shown(t.name), "' overlaps the one before it");
      const ggml::type_info* type = ggml::find_type(t.type);
      end = type != nullptr        ? t.offset + bytes_of(t, *type)
            : k + 1 < order.size() ? order[k + 1].first
                                   : data_.size();
      t.bytes = data_.subspan(t.offset, end - t.offset);
    }
  }

  /// @throws file_error if the tensor's shape does not fit its type or the file
  std::size_t bytes_of(const gguf_tensor& t, const ggml::type_info& type) const {
    const std::size_t cols = t.cols(), room = data_.size() - t.offset;
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

  tamp::detail::mapped_file file_;
  std::map<std::string, gguf_value, std::less<>> metadata_;
  std::vector<gguf_tensor> tensors_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::span<const std::byte> data_;
};

}  // namespace tamp::inline TAMP_FLAGS::io
