#pragma once

/// @file
/// Writes safetensors files. Needs nlohmann-json (CMake: tamp::safetensors).

#include <cstddef>
#include <cstdint>
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

#include "../detail/replaced_file.hpp"
#include "../error.hpp"
#include "dtype.hpp"

namespace tamp::inline TAMP_FLAGS::io {

/// What a file to be written will hold.
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
/// All goes into a file beside the target, named after it with ".partial-" and a random number,
/// which commit renames. Without commit that file is removed and what stood under the name before
/// is untouched. In the file, types of larger elements come first, so that everything is aligned.
class safetensors_writer {
 public:
  /// @throws file_error if the file cannot be created, or if two tensors have one name
  explicit safetensors_writer(std::filesystem::path path, const std::vector<declaration>& tensors,
                              const std::map<std::string, std::string>& metadata = {})
      : file_(std::move(path)) {
    nlohmann::json json = nlohmann::json::object();
    if (!metadata.empty()) json["__metadata__"] = metadata;
    std::size_t offset = 0;
    for (const auto element : {std::size_t{8}, std::size_t{4}, std::size_t{2}, std::size_t{1}})
      for (const declaration& tensor : tensors) {
        const auto& type = detail::entry(tensor.type);
        if (type.size != element) continue;
        const std::size_t size = detail::product(tensor.shape);
        if (size > (largest - offset) / element) refuse("tensor '", tensor.name, "' is too large");
        const std::size_t end = offset + size * element;
        if (tensor.name == "__metadata__" ||
            !slots_.emplace(tensor.name, slot{tensor.type, offset, end}).second)
          refuse("the name '", tensor.name, "' can stand for one tensor only");
        json[tensor.name] = {
            {"dtype", type.name}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
        offset = end;
      }
    std::string header = json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    if (nlohmann::json::parse(header, nullptr, false) != json)
      refuse("a tensor's name or the metadata are not valid UTF-8");
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
    const auto found = slots_.find(name);
    if (found == slots_.end()) refuse("tensor '", name, "' was not declared");
    slot& s = found->second;
    const auto& given = detail::entry(detail::dtype_of<T>());
    if (s.type != given.type)
      refuse("tensor '", name, "' was declared as ", detail::entry(s.type).name, ", not ",
             given.name);
    if (values.size() > (s.end - s.next) / sizeof(T))
      refuse("tensor '", name, "' has room for ", (s.end - s.next) / sizeof(T),
             " more numbers, not ", values.size());
    file_.write(data_ + s.next, std::as_bytes(values));
    s.next += values.size_bytes();
  }

  /// Makes the file appear under its name, in one step.
  /// @throws file_error if a declared tensor is not complete or the disk is full; the target is
  ///         untouched then
  void commit() {
    for (const auto& [name, s] : slots_)
      if (s.next != s.end)
        refuse("tensor '", name, "' lacks ", (s.end - s.next) / detail::entry(s.type).size,
               " numbers");
    file_.commit();
  }

 private:
  static constexpr std::size_t largest = (std::numeric_limits<std::ptrdiff_t>::max)() / 2;

  struct slot {
    dtype type;
    std::size_t next, end;  // bytes from the start of the data
  };

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    tamp::detail::raise<file_error>(file_.name(), ": ", parts...);
  }

  tamp::detail::replaced_file file_;
  std::map<std::string, slot, std::less<>> slots_;
  std::size_t data_ = 0;
};

}  // namespace tamp::inline TAMP_FLAGS::io
