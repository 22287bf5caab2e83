#pragma once

/// @file
/// Column norms by the names of weights in safetensors files, for any engine to write. Needs
/// nlohmann-json (CMake: tamp::safetensors).
///
/// For each weight NAME there is a tensor, and there may be another one:
///
///     NAME           F32 or F64 (columns,) or (matrices, columns)   norms
///     NAME.tokens    I64 (matrices,)                                tokens behind them
///
/// The metadata say "format": "tamp column norms" and "version": "1", and whatever else there is to
/// say, as text. In Python:
///
///     save_file({name: np.sqrt(sums / tokens), name + ".tokens": np.array([tokens])}, path,
///               metadata={"format": "tamp column norms", "version": "1"})

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "detail/calibrated_norms.hpp"
#include "detail/mapped_file.hpp"
#include "detail/shown.hpp"
#include "dtype.hpp"
#include "imatrix.hpp"
#include "named_norms.hpp"
#include "safetensors_file.hpp"
#include "safetensors_writer.hpp"
#include "save_load.hpp"

namespace tamp::inline TAMP_FLAGS::io::detail {

inline constexpr std::string_view norms_format = "tamp column norms", norms_version = "1";
inline constexpr std::string_view tokens_end = ".tokens";

/// Reads the safetensors form.
class norms_reader {
 public:
  explicit norms_reader(const safetensors_file& file) : file_(file) {}

  named_norms read() const {
    named_norms all(file_.name());
    read_metadata(all);
    for (const tensor_info& tensor : file_.tensors()) {
      if (tensor.type == dtype::i64)
        check_owner(tensor);
      else
        all.add(tensor.name, norms_of(tensor));
    }
    return all;
  }

 private:
  void read_metadata(named_norms& all) const {
    expect("format", norms_format, "holds no column norms");
    expect("version", norms_version, "holds column norms that tamp does not read");
    for (const auto& [key, value] : file_.metadata())
      if (key != "format" && key != "version") all.describe(key, value);
  }

  void expect(const char* key, std::string_view text, const char* otherwise) const {
    const auto found = file_.metadata().find(key);
    if (found == file_.metadata().end()) refuse(otherwise, ": its metadata have no '", key, '\'');
    if (found->second != text)
      refuse(otherwise, ": the metadata '", key, "' are '", tamp::detail::shown(found->second),
             "', not '", text, '\'');
  }

  void check_owner(const tensor_info& tensor) const {
    const std::string_view name = tensor.name;
    if (!name.ends_with(tokens_end)) refuse(named(tensor), " holds I64, and is no NAME.tokens");
    const std::string_view owner = name.substr(0, name.size() - tokens_end.size());
    if (!file_.contains(owner) || file_.at(owner).type == dtype::i64)
      refuse(named(tensor), " counts the tokens of '", tamp::detail::shown(owner),
             "', which has no norms");
  }

  weight_norms norms_of(const tensor_info& tensor) const {
    if (tensor.name.empty()) refuse("has a tensor without a name");
    const auto& shape = tensor.shape;
    if (shape.size() != 1 && shape.size() != 2)
      refuse(named(tensor), " has ", shape.size(), " dimensions, not (columns,) or (matrices, ",
             "columns)");
    if (tensor.size() == 0) refuse(named(tensor), " is empty");
    weight_norms norms{shape.back(), {}, {}};
    if (tensor.type == dtype::f32)
      convert<float>(tensor, norms);
    else if (tensor.type == dtype::f64)
      convert<double>(tensor, norms);
    else
      refuse(named(tensor), " holds ", tamp::detail::shown(tensor.type_name),
             ", and norms are F32 or F64");
    read_tokens(tensor, norms);
    return norms;
  }

  template <class Number>
  void convert(const tensor_info& tensor, weight_norms& norms) const {
    norms.values.resize(tensor.size());
    for (std::size_t k = 0; k < norms.values.size(); ++k) {
      const auto norm = number<Number>(tensor, k);
      if (!tamp::detail::is_nonnegative(norm) ||
          norm > static_cast<Number>((std::numeric_limits<float>::max)()))
        refuse(named(tensor), " has a norm of ", norm, " in column ", k % norms.columns,
               " of matrix ", k / norms.columns);
      norms.values[k] = static_cast<float>(norm);
    }
  }

  void read_tokens(const tensor_info& tensor, weight_norms& norms) const {
    const std::size_t matrices = norms.values.size() / norms.columns;
    norms.tokens.assign(matrices, 0);
    const std::string name = tamp::detail::sentence(tensor.name, tokens_end);
    if (!file_.contains(name) || file_.at(name).type != dtype::i64) return;
    const tensor_info& counts = file_.at(name);
    if (counts.size() != matrices)
      refuse(named(counts), " holds ", counts.size(), " numbers for ", matrices, " matrices");
    for (std::size_t k = 0; k < matrices; ++k) {
      const auto count = number<std::int64_t>(counts, k);
      if (count < 0) refuse(named(counts), " counts ", count, " tokens for matrix ", k);
      norms.tokens[k] = static_cast<std::uint64_t>(count);
    }
  }

  /// A number of a tensor, which may lie at any address.
  template <class Number>
  static Number number(const tensor_info& tensor, std::size_t k) {
    Number value;
    std::memcpy(&value, tensor.bytes.data() + k * sizeof value, sizeof value);
    return value;
  }
  static std::string named(const tensor_info& tensor) {
    return tamp::detail::sentence("tensor '", tamp::detail::shown(tensor.name), '\'');
  }
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    tamp::detail::raise<file_error>(file_.name(), ": ", parts...);
  }

  const safetensors_file& file_;
};

}  // namespace tamp::inline TAMP_FLAGS::io::detail

namespace tamp::inline TAMP_FLAGS::detail {

/// Norms of one matrix are saved as (columns,). Tokens are saved where they are known.
template <>
struct file_format<io::named_norms> {
  static void save(const std::filesystem::path& path, const io::named_norms& norms) {
    std::map<std::string, std::string> metadata = norms.about();
    for (const auto& [key, text] : {std::pair{"format", io::detail::norms_format},
                                    std::pair{"version", io::detail::norms_version}})
      if (!metadata.emplace(key, text).second)
        raise<file_error>(path.string(), ": the metadata '", key,
                          "' are the file's own and cannot be described");
    std::vector<io::declaration> tensors;
    for (const auto& [name, of_weight] : norms) {
      std::vector<std::size_t> shape{of_weight.matrices(), of_weight.columns};
      if (shape.front() == 1) shape.erase(shape.begin());
      tensors.push_back({name, io::dtype::f32, std::move(shape)});
      if (has_tokens(of_weight))
        tensors.push_back({tokens_name(name), io::dtype::i64, {of_weight.matrices()}});
    }
    io::safetensors_writer out(path, tensors, metadata);
    for (const auto& [name, of_weight] : norms) {
      out.write<float>(name, of_weight.values);
      if (!has_tokens(of_weight)) continue;
      std::vector<std::int64_t> counts;
      for (const std::uint64_t count : of_weight.tokens) {
        if (!std::in_range<std::int64_t>(count))
          raise<file_error>(path.string(), ": '", shown(name), "' has seen ", count,
                            " tokens, which are more than a file can count");
        counts.push_back(static_cast<std::int64_t>(count));
      }
      out.write<std::int64_t>(tokens_name(name), counts);
    }
    out.commit();
  }

  static io::named_norms load(const std::filesystem::path& path) {
    const io::safetensors_file file(path);
    return io::detail::norms_reader(file).read();
  }

 private:
  static std::string tokens_name(const std::string& name) {
    return sentence(name, io::detail::tokens_end);
  }
  static bool has_tokens(const io::weight_norms& norms) {
    for (const std::uint64_t count : norms.tokens)
      if (count != 0) return true;
    return false;
  }
};

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::io {

/// Reads column norms from a file of any form: safetensors, a calibration of tamp that has
/// stat::column_norm or stat::gram, or an importance matrix of llama.cpp (see read_imatrix), as
/// norms per token.
///
///     const auto norms = tamp::io::read_norms("imatrix.gguf");
///
/// A calibration names layers as the host did that made it.
///
/// @throws file_error as io::load<named_norms> and read_imatrix, or if a calibration is not
///         complete, has no column norms, or was written without the names of its layers
[[nodiscard]] inline named_norms read_norms(const std::filesystem::path& path) {
  // A safetensors file begins with the length of its header, in 8 bytes, of which the upper four
  // are 0. In a .dat these are the length of the first name.
  std::uint64_t first = 0;
  {
    const tamp::detail::mapped_file file(path);
    if (file.bytes().size() >= sizeof first) std::memcpy(&first, file.bytes().data(), sizeof first);
  }
  if (first >> 32 != 0) return read_imatrix(path);
  if (const safetensors_file file(path); detail::is_calibration(file))
    return detail::calibrated_norms(path);
  return load<named_norms>(path);
}

}  // namespace tamp::inline TAMP_FLAGS::io
