#pragma once

/// @file
/// Writes safetensors files. Needs nlohmann-json (CMake: tamp::safetensors).

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../error.hpp"
#include "../tensor/any_view.hpp"
#include "detail/replaced_file.hpp"
#include "dtype.hpp"
#include "safetensors_header.hpp"

namespace tamp::inline TAMP_FLAGS::io {

/// One tensor of a file that is to be written.
struct declaration {
  std::string name;
  dtype type{};
  std::vector<std::size_t> shape;
};

/// Writes a safetensors file without holding it in memory: declare everything, write tensor after
/// tensor, commit.
///
///     using tamp::io::dtype;
///     tamp::io::safetensors_writer out("pruned.safetensors", {{"w", dtype::f32, {2, 4}}});
///     out.write<float>("w", numbers);
///     out.commit();
///
/// All goes into a file beside the target, which commit puts in its place (see
/// detail/replaced_file.hpp). Without commit that file is removed and what stood under the name
/// before is untouched. In the file, types of larger elements come first, so that everything is
/// aligned. What is committed can be read: whatever safetensors_file would refuse is refused here.
class safetensors_writer {
 public:
  /// @throws file_error if the file cannot be created; if two tensors have one name; if a name or
  ///         the metadata are not valid UTF-8; or if there is more of anything than a file can hold
  explicit safetensors_writer(std::filesystem::path path, const std::vector<declaration>& tensors,
                              const std::map<std::string, std::string>& metadata = {})
      : file_(std::move(path)) {
    lay_out(tensors);
    std::string header = header_of(tensors, metadata);
    header.resize((header.size() + 7) / 8 * 8, ' ');
    const std::uint64_t length = header.size();
    header.insert(0, reinterpret_cast<const char*>(&length), sizeof length);
    data_ = header.size();
    file_.open(header);
  }

  /// Writes the next numbers of a tensor, in row-major order: all of them, or piece by piece.
  /// Tensors may be written in any order.
  /// @throws file_error if the tensor was not declared, holds another type, or would overflow;
  ///         nothing is written then
  template <class T>
  void write(std::string_view name, std::span<const T> values) {
    slot& s = at(name);
    const auto& given = detail::entry(detail::dtype_of<T>());
    if (s.type != given.type)
      refuse("tensor '", name, "' was declared as ", detail::entry(s.type).name, ", not ",
             given.name);
    if (values.size() > (s.end - s.next) / sizeof(T))
      refuse("tensor '", name, "' has room for ", (s.end - s.next) / sizeof(T),
             " more numbers, not ", values.size());
    append(s, std::as_bytes(values));
  }

  /// Writes the elements of a matrix as the next numbers of a tensor, row by row, to the bit. The
  /// matrix may have any strides and any type of whole bytes.
  /// @throws file_error as above
  /// @throws shape_error if the elements lie at a null pointer, or their strides lead out of memory
  /// @throws value_error if they lie in the memory of a device
  void write(std::string_view name, const any_view& matrix) {
    slot& s = at(name);
    const auto& given = detail::entry(matrix.type());
    if (s.type != given.type)
      refuse("tensor '", name, "' was declared as ", detail::entry(s.type).name, ", not ",
             given.name);
    const std::size_t bytes = given.bits / 8, room = bytes == 0 ? 0 : (s.end - s.next) / bytes;
    if (matrix.size() > room)
      refuse("tensor '", name, "' has room for ", room, " more numbers, not ", matrix.size());
    if (matrix.empty()) return;
    // In bytes, so that the type of the numbers does not matter.
    const auto step = static_cast<std::ptrdiff_t>(bytes);
    matrix.with_bytes([&](const std::byte* first) {
      if (matrix.col_stride() == 1) {
        for (std::size_t i = 0; i < matrix.rows(); ++i)
          append(s, {first + static_cast<std::ptrdiff_t>(i) * matrix.row_stride() * step,
                     matrix.cols() * bytes});
        return;
      }
      auto row =
          tamp::detail::checked_array<std::byte>("safetensors_writer", matrix.cols() * bytes);
      for (std::size_t i = 0; i < matrix.rows(); ++i) {
        const std::byte* from = first + static_cast<std::ptrdiff_t>(i) * matrix.row_stride() * step;
        for (std::size_t j = 0; j < matrix.cols(); ++j)
          std::memcpy(row.data() + j * bytes,
                      from + static_cast<std::ptrdiff_t>(j) * matrix.col_stride() * step, bytes);
        append(s, row);
      }
    });
  }

  /// Writes the next bytes of a tensor of any type, such as one that is copied from another file.
  /// @throws file_error if the tensor was not declared or would overflow; nothing is written then
  void write_bytes(std::string_view name, std::span<const std::byte> bytes) {
    slot& s = at(name);
    if (bytes.size() > s.end - s.next)
      refuse("tensor '", name, "' has room for ", s.end - s.next, " more bytes, not ",
             bytes.size());
    append(s, bytes);
  }

  /// Makes the file appear under its name, in one step.
  /// @throws file_error if a declared tensor is not complete or the disk is full; the target is
  ///         untouched then
  void commit() {
    for (const auto& [name, s] : slots_) {
      const std::size_t bytes = s.end - s.next, bits = detail::entry(s.type).bits;
      if (bytes != 0)
        refuse("tensor '", name, "' lacks ", bytes / bits * 8 + bytes % bits * 8 / bits,
               " numbers");
    }
    file_.commit();
  }

 private:
  static constexpr std::size_t largest = (std::numeric_limits<std::ptrdiff_t>::max)() / 2;

  struct slot {
    std::size_t declared;  // which of the declarations
    dtype type;
    std::size_t next, end;  // bytes from the start of the data
  };

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    tamp::detail::raise<file_error>(file_.name(), ": ", parts...);
  }

  slot& at(std::string_view name) {
    const auto found = slots_.find(name);
    if (found == slots_.end()) refuse("tensor '", name, "' was not declared");
    return found->second;
  }
  void append(slot& s, std::span<const std::byte> bytes) {
    file_.write(data_ + s.next, bytes);
    s.next += bytes.size();
  }

  void lay_out(const std::vector<declaration>& tensors) {
    std::size_t offset = 0;
    for (const std::size_t bits : {64u, 32u, 16u, 8u, 6u, 4u})
      for (std::size_t k = 0; k < tensors.size(); ++k) {
        const declaration& tensor = tensors[k];
        if (static_cast<std::size_t>(tensor.type) >= static_cast<std::size_t>(dtype::unknown))
          refuse("tensor '", tensor.name, "' has no known type");
        const auto& type = detail::entry(tensor.type);
        if (type.bits != bits) continue;
        const std::size_t end = offset + size_of(tensor, type, largest - offset);
        if (tensor.name == detail::metadata_key ||
            !slots_.emplace(tensor.name, slot{k, tensor.type, offset, end}).second)
          refuse("the name '", tensor.name, "' can stand for one tensor only");
        offset = end;
      }
  }

  std::size_t size_of(const declaration& tensor, const detail::dtype_entry& type,
                      std::size_t room) const {
    if (tensor.shape.size() > detail::most_dimensions)
      refuse("tensor '", tensor.name, "' has more than ", detail::most_dimensions, " dimensions");
    const std::size_t numbers = detail::product(tensor.shape);
    if (numbers > room / type.bits * 8) refuse("tensor '", tensor.name, "' is too large");
    const auto bytes = detail::bytes_of(type, numbers);
    if (!bytes)
      refuse("tensor '", tensor.name, "' has ", numbers, " numbers of ", type.bits,
             " bits, which are no whole number of bytes");
    return *bytes;
  }

  std::string header_of(const std::vector<declaration>& tensors,
                        const std::map<std::string, std::string>& metadata) const {
    using tamp::detail::sentence;
    if (metadata.size() > detail::most_metadata)
      refuse("has ", metadata.size(), " metadata, more than the ", detail::most_metadata,
             " that tamp reads");
    std::string header = "{";
    const auto add = [&](const auto&... parts) {
      header += sentence(parts...);
      refuse_long_header(header.size());
    };
    // A text has no fewer bytes as JSON: one that is too long is refused before it is converted.
    const auto add_quoted = [&](const std::string& text, const auto&... what) {
      refuse_long_header(header.size() + text.size());
      add(quoted(text, what...));
    };
    if (!metadata.empty()) {
      add('"', detail::metadata_key, "\":{");
      for (const auto& [key, text] : metadata) {
        if (header.back() != '{') add(',');
        add_quoted(key, "a key of the metadata is");
        add(':');
        add_quoted(text, "the metadata '", key, "' are");
      }
      add('}');
    }
    for (const auto& [name, s] : slots_) {
      if (header != "{") add(',');
      add_quoted(name, "the name of tensor ", s.declared, " is");
      add(":{\"data_offsets\":[", s.next, ',', s.end, "],\"dtype\":\"", detail::entry(s.type).name,
          "\",\"shape\":[");
      const auto& shape = tensors[s.declared].shape;
      for (std::size_t d = 0; d < shape.size(); ++d) add(d == 0 ? "" : ",", shape[d]);
      add("]}");
    }
    add('}');
    return header;
  }

  void refuse_long_header(std::size_t size) const {
    if (size > detail::longest_header)
      refuse("the header is longer than the ", detail::longest_header,
             " bytes that the format allows");
  }

  /// A text as JSON.
  /// @throws file_error if it is not valid UTF-8; `what` begins that sentence
  template <class... What>
  std::string quoted(const std::string& text, const What&... what) const {
    using handler = nlohmann::json::error_handler_t;
    const nlohmann::json json = text;
    std::string replaced = json.dump(-1, ' ', true, handler::replace);
    if (replaced != json.dump(-1, ' ', true, handler::ignore)) refuse(what..., " not valid UTF-8");
    return replaced;
  }

  tamp::detail::replaced_file file_;
  std::map<std::string, slot, std::less<>> slots_;
  std::size_t data_ = 0;
};

}  // namespace tamp::inline TAMP_FLAGS::io
