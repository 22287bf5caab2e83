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
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "../detail/mapped_file.hpp"
#include "../detail/strict_json.hpp"
#include "../error.hpp"
#include "../tensor/element.hpp"
#include "../tensor/view.hpp"
#include "dtype.hpp"

namespace tamp::inline TAMP_FLAGS::io {

/// One tensor of a file. The bytes belong to the file and live as long as it does.
struct tensor_info {
  std::string name;
  dtype type{};
  std::vector<std::size_t> shape;
  std::span<const std::byte> bytes;

  /// How many numbers there are.
  std::size_t size() const { return detail::product(shape); }
};

/// A safetensors file, mapped into memory. Opening it reads the header only; what the header says
/// is checked in full before any of it is believed.
class safetensors_file {
 public:
  /// @throws file_error if the file cannot be opened or its header is damaged or contradicts itself
  explicit safetensors_file(const std::filesystem::path& path) : file_(path) { read_header(); }

  /// All tensors, in the order of their bytes.
  const std::vector<tensor_info>& tensors() const noexcept { return tensors_; }
  /// What the header says under "__metadata__".
  const std::map<std::string, std::string>& metadata() const noexcept { return metadata_; }

  bool contains(std::string_view name) const { return find(name) != tensors_.end(); }

  /// @throws file_error if there is no tensor of that name; so do the functions below
  const tensor_info& at(std::string_view name) const {
    const auto found = find(name);
    if (found == tensors_.end())
      tamp::detail::raise<file_error>(file_.name(), ": has no tensor named '", name, "'");
    return *found;
  }

  /// A tensor's numbers, in row-major order, where they lie in the file.
  /// @throws file_error if they are of another type than T, or do not lie at a multiple of its
  ///         alignment (a header of odd length does that; read_floats copes)
  template <class T>
  std::span<const T> values(std::string_view name) const {
    const tensor_info& tensor = at(name);
    const auto& wanted = detail::entry(detail::dtype_of<T>());
    if (tensor.type != wanted.type)
      tamp::detail::raise<file_error>(file_.name(), ": tensor '", name, "' holds ",
                                      detail::entry(tensor.type).name, ", not ", wanted.name);
    if (tensor.bytes.empty()) return {};
    if (reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % alignof(T) != 0)
      tamp::detail::raise<file_error>(file_.name(), ": tensor '", name,
                                      "' does not lie at a multiple of ", alignof(T),
                                      " bytes and has to be copied to be read");
    if constexpr (std::is_same_v<T, bool>)
      for (const std::byte b : tensor.bytes)
        if (b > std::byte{1})
          tamp::detail::raise<file_error>(file_.name(), ": tensor '", name,
                                          "' holds a BOOL that is ", std::to_integer<unsigned>(b));
    return {reinterpret_cast<const T*>(tensor.bytes.data()), tensor.bytes.size() / sizeof(T)};
  }

  /// A tensor of two dimensions as a matrix; one of one dimension is a row.
  /// @throws shape_error if it has another number of dimensions
  template <element T>
  matrix_view<const T> matrix(std::string_view name) const {
    const auto& shape = at(name).shape;
    if (shape.size() != 1 && shape.size() != 2)
      tamp::detail::raise<shape_error>(file_.name(), ": tensor '", name, "' has ", shape.size(),
                                       " dimensions and is no matrix");
    return {values<T>(name).data(), shape.size() == 2 ? shape[0] : 1, shape.back()};
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
        tamp::detail::raise<file_error>(file_.name(), ": tensor '", name, "' holds ",
                                        detail::entry(tensor.type).name,
                                        ", which are not floating-point numbers");
    }
  }

 private:
  static constexpr std::uint64_t longest_header = 100'000'000;
  // Numbers lie three levels deep; one more is left to what a later version of the format may add.
  static constexpr int deepest = 4;

  std::vector<tensor_info>::const_iterator find(std::string_view name) const {
    const auto at = index_.find(name);
    return at == index_.end() ? tensors_.end()
                              : tensors_.begin() + static_cast<std::ptrdiff_t>(at->second);
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

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    tamp::detail::raise<file_error>(file_.name(), ": ", parts...);
  }

  void read_header() {
    const auto all = file_.bytes();
    std::uint64_t length = 0;
    if (all.size() < sizeof length)
      refuse("has ", all.size(), " bytes and is too short for a safetensors file");
    std::memcpy(&length, all.data(), sizeof length);
    const auto rest = all.subspan(sizeof length);
    if (length > longest_header)
      refuse("the header claims ", length, " bytes, the format allows ", longest_header);
    if (length > rest.size())
      refuse("the header claims ", length, " bytes, but only ", rest.size(), " follow");
    const auto header = rest.first(static_cast<std::size_t>(length));
    const auto data = rest.subspan(header.size());

    const std::string_view text(reinterpret_cast<const char*>(header.data()), header.size());
    const nlohmann::json json =
        tamp::detail::parse_object(text, deepest, file_.name(), "the header");
    for (const auto& [name, value] : json.items()) {
      if (name == "__metadata__")
        read_metadata(value);
      else
        tensors_.push_back(read_tensor(name, value, data));
    }
    const auto begin = [](const tensor_info& t) { return t.bytes.data(); };
    std::sort(tensors_.begin(), tensors_.end(), [&](const auto& a, const auto& b) {
      return std::tuple(begin(a), a.bytes.size(), std::string_view(a.name)) <
             std::tuple(begin(b), b.bytes.size(), std::string_view(b.name));
    });
    const std::byte* end = data.data();
    for (const tensor_info& tensor : tensors_) {
      if (begin(tensor) < end) refuse("tensor '", tensor.name, "' overlaps the one before it");
      if (begin(tensor) > end)
        refuse("there are ", begin(tensor) - end, " unused bytes before tensor '", tensor.name,
               "'");
      end = begin(tensor) + tensor.bytes.size();
    }
    if (end != data.data() + data.size())
      refuse("the tensors end after ", end - data.data(), " bytes, but the file has ", data.size());
    for (std::size_t k = 0; k < tensors_.size(); ++k) index_.emplace(tensors_[k].name, k);
  }

  void read_metadata(const nlohmann::json& value) {
    if (!value.is_object()) refuse("__metadata__ is not a JSON object");
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) refuse("the metadata '", key, "' is not a string");
      metadata_.emplace(key, text.get<std::string>());
    }
  }

  tensor_info read_tensor(const std::string& name, const nlohmann::json& value,
                          std::span<const std::byte> data) const {
    if (!value.is_object() || !value.contains("dtype") || !value.contains("shape") ||
        !value.contains("data_offsets"))
      refuse("tensor '", name, "' is not described by dtype, shape and data_offsets");
    tensor_info tensor;
    tensor.name = name;
    const auto& type = value["dtype"];
    const auto known =
        std::find_if(std::begin(detail::dtypes), std::end(detail::dtypes), [&](const auto& entry) {
          return type.is_string() && type.get_ref<const std::string&>() == entry.name;
        });
    if (known == std::end(detail::dtypes))
      refuse("tensor '", name, "' has the dtype ", type.dump(-1, ' ', true),
             ", which tamp does not read");
    tensor.type = known->type;
    tensor.shape = read_numbers(name, "shape", value["shape"]);
    const auto offsets = read_numbers(name, "data_offsets", value["data_offsets"]);
    if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data.size())
      refuse("the data_offsets of tensor '", name, "' do not lie within the ", data.size(),
             " bytes of data");
    tensor.bytes = data.subspan(offsets[0], offsets[1] - offsets[0]);
    const std::size_t size = tensor.size();
    if (size != tensor.bytes.size() / known->size || tensor.bytes.size() % known->size != 0)
      refuse("tensor '", name, "' has ", tensor.bytes.size(), " bytes, its shape asks for ", size,
             " numbers of ", known->size);
    return tensor;
  }

  std::vector<std::size_t> read_numbers(const std::string& name, const char* what,
                                        const nlohmann::json& value) const {
    if (!value.is_array()) refuse("the ", what, " of tensor '", name, "' is not a list");
    std::vector<std::size_t> numbers;
    for (const auto& number : value) {
      if (!number.is_number_unsigned())
        refuse("the ", what, " of tensor '", name, "' holds something other than whole numbers");
      numbers.push_back(number.get<std::size_t>());
    }
    return numbers;
  }

  tamp::detail::mapped_file file_;
  std::vector<tensor_info> tensors_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace tamp::inline TAMP_FLAGS::io
