#pragma once

/// @file
/// Reads safetensors files. Needs nlohmann-json (CMake: tamp::safetensors).
///
/// The format: a header length (8 bytes, little-endian), that many bytes of JSON that name each
/// tensor with dtype, shape and offsets, then the tensors' bytes without gaps
/// (https://huggingface.co/docs/safetensors).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <numeric>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../element.hpp"
#include "../error.hpp"
#include "../tensor/any_view.hpp"
#include "../tensor/view.hpp"
#include "detail/mapped_file.hpp"
#include "detail/shown.hpp"
#include "dtype.hpp"
#include "safetensors_header.hpp"

namespace tamp::inline TAMP_FLAGS::io {

/// One tensor of a file. The bytes belong to the file and live as long as it does.
struct tensor_info : stored_tensor {
  std::span<const std::byte> bytes;
};

/// A safetensors file, mapped into memory. Opening it reads the header only, in time proportional
/// to it (but for sorting names) and less than ten times its memory; what the header says is
/// checked in full before any of it is believed. Tensors of types that tamp cannot read are listed,
/// too.
class safetensors_file {
 public:
  /// @throws file_error if the file cannot be opened or its header is damaged or contradicts itself
  explicit safetensors_file(const std::filesystem::path& path) : file_(path) { read_header(); }

  /// The file's name, as errors state it.
  const std::string& name() const noexcept { return file_.name(); }
  /// All tensors, in the order of their bytes.
  const std::vector<tensor_info>& tensors() const noexcept { return tensors_; }
  /// The strings under "__metadata__" in the header.
  const std::map<std::string, std::string>& metadata() const noexcept { return metadata_; }

  bool contains(std::string_view name) const { return find(name) != tensors_.end(); }

  /// @throws file_error if there is no tensor of that name; so do the functions below
  const tensor_info& at(std::string_view name) const {
    const auto found = find(name);
    if (found == tensors_.end())
      tamp::detail::raise<file_error>(file_.name(), ": has no tensor named '",
                                      tamp::detail::shown(name), "'");
    return *found;
  }

  /// A tensor's numbers, in row-major order, where they lie in the file. For tensors of types that
  /// C++ lacks there are the bytes of `at`.
  /// @throws file_error if they are of another type than T, or do not lie at a multiple of its
  ///         alignment (a header of odd length does that; read_floats and `at` cope)
  template <class T>
  std::span<const T> values(std::string_view name) const {
    const tensor_info& tensor = at(name);
    const auto& wanted = detail::entry(detail::dtype_of<T>());
    if (tensor.type != wanted.type)
      tamp::detail::raise<file_error>(file_.name(), ": tensor '", tamp::detail::shown(name),
                                      "' holds ", tamp::detail::shown(tensor.type_name), ", not ",
                                      wanted.name);
    if (tensor.bytes.empty()) return {};
    if (reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % alignof(T) != 0)
      tamp::detail::raise<file_error>(file_.name(), ": tensor '", tamp::detail::shown(name),
                                      "' does not lie at a multiple of ", alignof(T),
                                      " bytes and has to be copied to be read");
    if constexpr (std::is_same_v<T, bool>)
      for (const std::byte b : tensor.bytes)
        if (b > std::byte{1})
          tamp::detail::raise<file_error>(file_.name(), ": tensor '", tamp::detail::shown(name),
                                          "' holds a BOOL that is ", std::to_integer<unsigned>(b));
    return {reinterpret_cast<const T*>(tensor.bytes.data()), tensor.bytes.size() / sizeof(T)};
  }

  /// A tensor of two dimensions as a matrix; one of one dimension is a row.
  /// @throws shape_error if it has another number of dimensions, or is empty and has an extent that
  ///         memory cannot hold
  template <element T>
  matrix_view<const T> matrix(std::string_view name) const {
    const auto [rows, cols] = shape_of_matrix(at(name));
    return {values<T>(name).data(), rows, cols};
  }

  /// The same as a read-only view of a type known at run time. Tensors of every type can be viewed;
  /// those of types that tamp does not prune cannot be read (see any_view).
  /// @throws file_error if the elements do not lie at a multiple of their size, or are of less than
  ///         8 bits
  /// @throws shape_error as above
  any_view any_matrix(std::string_view name) const {
    const tensor_info& tensor = at(name);
    const auto [rows, cols] = shape_of_matrix(tensor);
    const std::size_t bytes = detail::entry(tensor.type).bits / 8;
    if (!tensor.bytes.empty() &&
        (bytes == 0 || reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % bytes != 0))
      tamp::detail::raise<file_error>(
          file_.name(), ": tensor '", tamp::detail::shown(name), "' of ",
          tamp::detail::shown(tensor.type_name),
          bytes == 0 ? " has no elements of whole bytes that could be viewed"
                     : " does not lie at a multiple of the size of its elements");
    return any_view(static_cast<const void*>(tensor.bytes.data()), tensor.type, rows, cols);
  }

  /// A copy of a tensor of floating-point numbers, converted to float.
  std::vector<float> read_floats(std::string_view name) const {
    const tensor_info& tensor = at(name);
    switch (tensor.type) {
      case dtype::f64:
        return converted<double>(tensor);
      case dtype::f32:
        return converted<float>(tensor);
      case dtype::f16:
        return converted<f16>(tensor);
      case dtype::bf16:
        return converted<bf16>(tensor);
      default:
        tamp::detail::raise<file_error>(file_.name(), ": tensor '", tamp::detail::shown(name),
                                        "' holds ", tamp::detail::shown(tensor.type_name),
                                        ", and only F64, F32, F16 and BF16 are read as float");
    }
  }

 private:
  std::vector<tensor_info>::const_iterator find(std::string_view name) const {
    const auto place = std::lower_bound(
        by_name_.begin(), by_name_.end(), name,
        [&](std::size_t k, std::string_view wanted) { return tensors_[k].name < wanted; });
    return place == by_name_.end() || tensors_[*place].name != name
               ? tensors_.end()
               : tensors_.begin() + static_cast<std::ptrdiff_t>(*place);
  }

  std::pair<std::size_t, std::size_t> shape_of_matrix(const tensor_info& tensor) const {
    const auto& shape = tensor.shape;
    const auto name = tamp::detail::shown(tensor.name);
    if (shape.size() != 1 && shape.size() != 2)
      tamp::detail::raise<shape_error>(file_.name(), ": tensor '", name, "' has ", shape.size(),
                                       " dimensions and is no matrix");
    const std::size_t rows = shape.size() == 2 ? shape[0] : 1, cols = shape.back();
    tamp::detail::check_shape(tamp::detail::sentence(file_.name(), ": tensor '", name, "'"), rows,
                              cols);
    return {rows, cols};
  }

  template <class T>
  static std::vector<float> converted(const tensor_info& tensor) {
    std::vector<float> floats(tensor.bytes.size() / sizeof(T));
    for (std::size_t k = 0; k < floats.size(); ++k) {
      T value;
      std::memcpy(&value, tensor.bytes.data() + k * sizeof(T), sizeof(T));
      floats[k] = static_cast<float>(element_traits<T>::load(value));
    }
    return floats;
  }

  void read_header() {
    const auto all = file_.bytes();
    const std::size_t length = detail::header_length(file_.name(), all, all.size());
    const std::size_t begin = sizeof(std::uint64_t) + length;
    detail::safetensors_header content(file_.name(), begin, all.size() - begin);
    content.read(file_.text().substr(sizeof(std::uint64_t), length));
    tensors_.reserve(content.tensors.size());
    for (stored_tensor& tensor : content.tensors) {
      const auto bytes = all.subspan(static_cast<std::size_t>(tensor.offset),
                                     static_cast<std::size_t>(tensor.length));
      tensors_.push_back({std::move(tensor), bytes});
    }
    metadata_ = std::move(content.metadata);
    unknown_types_ = std::move(content.unknown_types);
    by_name_.resize(tensors_.size());
    std::iota(by_name_.begin(), by_name_.end(), std::size_t{0});
    std::sort(by_name_.begin(), by_name_.end(),
              [&](std::size_t a, std::size_t b) { return tensors_[a].name < tensors_[b].name; });
  }

  tamp::detail::mapped_file file_;
  std::vector<tensor_info> tensors_;
  std::vector<std::size_t> by_name_;  // places of tensors, by their names
  std::map<std::string, std::string> metadata_;
  std::set<std::string, std::less<>> unknown_types_;
};

}  // namespace tamp::inline TAMP_FLAGS::io
