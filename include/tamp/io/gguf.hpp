#pragma once

/// @file
/// Reads GGUF files, as llama.cpp uses them: metadata, and tensors as rows (see gguf_header.hpp for
/// the format).

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../detail/checked.hpp"
#include "../error.hpp"
#include "detail/mapped_file.hpp"
#include "detail/shown.hpp"
#include "ggml_rows.hpp"
#include "ggml_types.hpp"
#include "gguf_header.hpp"

namespace tamp::inline TAMP_FLAGS::io {

/// One tensor of a GGUF file. The bytes belong to the file and live as long as it does.
struct gguf_tensor : gguf_description {
  std::span<const std::byte> bytes;
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
  explicit gguf_file(const std::filesystem::path& path)
      : file_(path), header_(file_.bytes(), file_.bytes().size(), file_.name()) {
    for (const gguf_description& t : header_.tensors())
      tensors_.push_back(
          {t, t.length == 0 ? std::span<const std::byte>()
                            : file_.bytes().subspan(header_.data_offset() + t.offset, t.length)});
  }

  /// The keys of the metadata, sorted.
  std::vector<std::string> keys() const { return header_.keys(); }
  bool has(std::string_view key) const { return header_.has(key); }
  /// A value, or an array, of the metadata: see gguf_header.
  template <class T>
  T value(std::string_view key) const {
    return header_.value<T>(key);
  }
  template <class T>
  std::vector<T> values(std::string_view key) const {
    return header_.values<T>(key);
  }

  /// All tensors, in the order of the file.
  const std::vector<gguf_tensor>& tensors() const noexcept { return tensors_; }
  bool contains(std::string_view name) const { return header_.find_tensor(name).has_value(); }

  /// @throws file_error if there is no tensor of that name, its type cannot be read, or it is empty
  ///         and claims rows without a byte to show for them
  gguf_rows tensor(std::string_view name) const {
    const auto found = header_.find_tensor(name);
    if (!found) refuse("has no tensor named '", tamp::detail::shown(name), "'");
    const gguf_tensor& t = tensors_[*found];
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

  tamp::detail::mapped_file file_;
  gguf_header header_;
  std::vector<gguf_tensor> tensors_;
};

}  // namespace tamp::inline TAMP_FLAGS::io
