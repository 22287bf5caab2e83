#pragma once

/// @file
/// The header of a safetensors file and its limits. Needs nlohmann-json (CMake: tamp::safetensors).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "../error.hpp"
#include "detail/json_events.hpp"
#include "detail/shown.hpp"
#include "dtype.hpp"

namespace tamp::inline TAMP_FLAGS::io {

/// One tensor, as the header describes it.
struct stored_tensor {
  std::string name;
  dtype type{};
  std::vector<std::size_t> shape;
  std::string_view type_name;  ///< as the file says it, which matters for dtype::unknown
  std::uint64_t offset = 0;    ///< of its bytes, from the file's beginning
  std::uint64_t length = 0;    ///< number of its bytes

  /// The number of elements.
  std::size_t size() const { return detail::product(shape); }
};

namespace detail {

/// The format's own limit, in bytes.
inline constexpr std::uint64_t longest_header = 100'000'000;
/// The limit of NumPy.
inline constexpr std::size_t most_dimensions = 64;
/// The largest number of metadata. It bounds the memory that a hostile header of short texts takes.
inline constexpr std::size_t most_metadata = 100'000;
/// The name that stands for no tensor.
inline constexpr std::string_view metadata_key = "__metadata__";

/// Returns the length of the header that follows the first eight bytes of a file.
/// @throws file_error if the file is too short, or the header too long
inline std::size_t header_length(std::string_view file, std::span<const std::byte> first,
                                 std::uint64_t file_size) {
  std::uint64_t length = 0;
  if (file_size < sizeof length || first.size() < sizeof length)
    tamp::detail::raise<file_error>(file, ": has ", file_size,
                                    " bytes and is too short for a safetensors file");
  std::memcpy(&length, first.data(), sizeof length);
  if (length > longest_header)
    tamp::detail::raise<file_error>(file, ": the header claims ", length,
                                    " bytes, the format allows ", longest_header);
  if (length > file_size - sizeof length)
    tamp::detail::raise<file_error>(file, ": the header claims ", length, " bytes, but only ",
                                    file_size - sizeof length, " follow");
  return static_cast<std::size_t>(length);
}

/// Checks a header piece by piece, in the order of detail::read_object.
class safetensors_header {
 public:
  /// The data are the last `data_size` bytes of the file, from `data_begin` on.
  safetensors_header(std::string_view file, std::uint64_t data_begin, std::uint64_t data_size)
      : file_(file), data_begin_(data_begin), data_size_(data_size) {}

  void read(std::string_view text) {
    // Numbers lie three levels deep; one more is left to what a later version of the format may
    // add.
    constexpr int deepest = 4;
    tamp::detail::read_object(text, deepest, file_, "the header", *this);
    check_layout();
  }

  std::vector<stored_tensor> tensors;  // in the order of their bytes, when all is read
  std::map<std::string, std::string> metadata;
  std::set<std::string, std::less<>> unknown_types;  // whose names the tensors refer to

  void begin_object() {
    if (depth_ == 1 && !is_metadata_) {
      tensors.emplace_back().name = name_;
      has_type_ = has_shape_ = false;
      offsets_ = none;
    } else if (depth_ > 1) {
      nested();
    }
    if (depth_ == 1) part_ = part::other;
    ++depth_;
  }
  void end_object() {
    --depth_;
    if (depth_ == 1 && !is_metadata_) finish();
  }
  void begin_list() {
    if (depth_ == 1) not_described();
    if (depth_ == 2 && part_ == part::shape && !is_metadata_) {
      has_shape_ = true;
      tensor().shape.clear();
    } else if (depth_ == 2 && part_ == part::offsets && !is_metadata_) {
      offsets_ = 0;
    } else {
      nested();
    }
    ++depth_;
  }
  void end_list() { --depth_; }
  void key(const std::string& given) {
    if (depth_ == 1) {
      name_ = given;
      is_metadata_ = given == metadata_key;
    } else if (depth_ == 2 && is_metadata_) {
      key_ = given;
    } else if (depth_ == 2) {
      part_ = given == "dtype"          ? part::type
              : given == "shape"        ? part::shape
              : given == "data_offsets" ? part::offsets
                                        : part::other;
    }
  }
  template <class Value>
  void value(const Value& given) {
    if (depth_ == 1) {
      not_described();
    } else if (is_metadata_) {
      if constexpr (std::is_same_v<Value, std::string>)
        add_metadata(given);
      else
        nested();
    } else if (part_ != part::other) {
      if constexpr (std::is_same_v<Value, std::string>)
        if (depth_ == 2 && part_ == part::type) return set_type(given);
      if constexpr (std::is_same_v<Value, std::uint64_t>)
        if (depth_ == 3 && std::in_range<std::size_t>(given))
          return add_number(static_cast<std::size_t>(given));
      nested();
    }
  }

 private:
  enum class part { type, shape, offsets, other };

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    tamp::detail::raise<file_error>(file_, ": ", parts...);
  }
  stored_tensor& tensor() { return tensors.back(); }
  std::string_view part_name() const { return part_ == part::shape ? "shape" : "data_offsets"; }

  [[noreturn]] void not_described() const {
    if (is_metadata_) refuse(metadata_key, " is not a JSON object");
    refuse("tensor '", tamp::detail::shown(name_),
           "' is not described by dtype, shape and data_offsets");
  }
  // Something that has no place here, unless a later version of the format has put it there.
  void nested() const {
    if (is_metadata_) refuse("the metadata '", tamp::detail::shown(key_), "' is not a string");
    if (part_ == part::other) return;
    if (part_ == part::type)
      refuse("the dtype of tensor '", tamp::detail::shown(name_), "' is not a string");
    if (depth_ == 2)
      refuse("the ", part_name(), " of tensor '", tamp::detail::shown(name_), "' is not a list");
    refuse("the ", part_name(), " of tensor '", tamp::detail::shown(name_),
           "' holds something other than whole numbers");
  }
  void add_metadata(const std::string& text) {
    if (metadata.size() == most_metadata)
      refuse("has more than ", most_metadata, " metadata, which tamp does not read");
    metadata.emplace(key_, text);
  }
  void set_type(const std::string& name) {
    const dtype_entry& known = entry(name);
    tensor().type = known.type;
    tensor().type_name = known.type == dtype::unknown
                             ? std::string_view(*unknown_types.insert(name).first)
                             : known.name;
    has_type_ = true;
  }
  void add_number(std::size_t number) {
    if (part_ == part::shape) {
      if (tensor().shape.size() == most_dimensions)
        refuse("tensor '", tamp::detail::shown(name_), "' has more than ", most_dimensions,
               " dimensions");
      tensor().shape.push_back(number);
    } else {
      if (offsets_ < 2) (offsets_ == 0 ? begin_ : end_) = number;
      ++offsets_;
    }
  }
  void finish() {
    stored_tensor& t = tensor();
    if (!has_type_ || !has_shape_ || offsets_ == none) not_described();
    if (offsets_ != 2 || begin_ > end_ || end_ > data_size_)
      refuse("the data_offsets of tensor '", tamp::detail::shown(t.name),
             "' do not lie within the ", data_size_, " bytes of data");
    t.offset = data_begin_ + begin_;
    t.length = end_ - begin_;
    if (t.type == dtype::unknown) return;
    const dtype_entry& type = entry(t.type);
    if (bytes_of(type, t.size()) != t.length)
      refuse("tensor '", tamp::detail::shown(t.name), "' has ", t.length,
             " bytes, its shape asks for ", t.size(), " numbers of ",
             type.bits % 8 == 0 ? type.bits / 8 : type.bits, type.bits % 8 == 0 ? "" : " bits");
  }

  /// Puts the tensors into the order of their bytes, and sees that they fill the data.
  void check_layout() {
    std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) {
      return std::tuple(a.offset, a.length, std::string_view(a.name)) <
             std::tuple(b.offset, b.length, std::string_view(b.name));
    });
    std::uint64_t end = data_begin_;
    for (const stored_tensor& tensor : tensors) {
      if (tensor.offset < end)
        refuse("tensor '", tamp::detail::shown(tensor.name), "' overlaps the one before it");
      if (tensor.offset > end)
        refuse("there are ", tensor.offset - end, " unused bytes before tensor '",
               tamp::detail::shown(tensor.name), "'");
      end = tensor.offset + tensor.length;
    }
    if (end != data_begin_ + data_size_)
      refuse("the tensors end after ", end - data_begin_, " bytes, but the file has ", data_size_);
  }

  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  std::string_view file_;
  std::uint64_t data_begin_, data_size_;
  int depth_ = 0;
  bool is_metadata_ = false;
  std::string name_, key_;  // of the member that is being read
  part part_ = part::other;
  bool has_type_ = false, has_shape_ = false;
  std::size_t offsets_ = none, begin_ = 0, end_ = 0;
};

}  // namespace detail
}  // namespace tamp::inline TAMP_FLAGS::io
