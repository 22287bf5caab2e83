#pragma once

/// @file
/// Sparse weights in safetensors files, in the layout that compressed-tensors calls sparse-bitmask
/// (https://github.com/vllm-project/compressed-tensors). Needs nlohmann-json (CMake:
/// tamp::safetensors).
///
/// Four tensors stand for the weight P.weight of (rows, cols):
///
///     P.shape         I64 (2,)                     rows, cols
///     P.bitmask       U8 (rows, ceil(cols / 8))    bit j % 8 of byte j / 8 is 1 where j is kept
///     P.compressed    F32, F16 or BF16 (kept,)     the kept weights of all rows, in order
///     P.row_offsets   I64 (rows,)                  kept weights in the rows before
///
/// Weights of std::int8_t, which are I8 in P.compressed, have a fifth one, which compressed-tensors
/// does not have:
///
///     P.scales        F16 (rows, ceil(cols / 32))

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../element.hpp"
#include "../error.hpp"
#include "../mask/bitmask.hpp"
#include "../sparse/matrix.hpp"
#include "../sparse/view.hpp"
#include "detail/shown.hpp"
#include "dtype.hpp"
#include "safetensors_file.hpp"
#include "safetensors_writer.hpp"

namespace tamp::inline TAMP_FLAGS::io {
namespace detail {

/// The tensors of one sparse weight in a file.
class sparse_tensors {
 public:
  sparse_tensors(const safetensors_file& file, std::string_view name) : file_(file), name_(name) {
    const auto extents = numbers<std::int64_t>("shape", {2});
    for (std::size_t d = 0; d < 2; ++d) {
      if (extents[d] < 0) refuse("has a shape of ", extents[0], " x ", extents[1]);
      extents_[d] = static_cast<std::size_t>(extents[d]);
    }
    tamp::detail::check_shape(sentence_start(), rows(), cols());
  }

  std::size_t rows() const noexcept { return extents_[0]; }
  std::size_t cols() const noexcept { return extents_[1]; }
  std::size_t bytes_of_row() const noexcept { return cols() / 8 + (cols() % 8 != 0); }
  std::string sentence_start() const {
    return tamp::detail::sentence(file_.name(), ": sparse weight '", tamp::detail::shown(name_),
                                  "'");
  }
  std::string tensor_name(std::string_view part) const {
    return tamp::detail::sentence(name_, '.', part);
  }

  /// The tensor of a part, whose shape and type are as they must be.
  template <class T>
  const tensor_info& part(std::string_view which, const std::vector<std::size_t>& shape) const {
    const tensor_info& tensor = file_.at(tensor_name(which));
    if (tensor.shape != shape) {
      std::string found, needed;
      for (const auto extent : tensor.shape) found += ' ' + std::to_string(extent);
      for (const auto extent : shape) needed += ' ' + std::to_string(extent);
      refuse("has '", which, "' of the shape (", found, " ), not (", needed, " )");
    }
    const auto& wanted = entry(dtype_of<T>());
    if (tensor.type != wanted.type)
      refuse("has '", which, "' of ", tamp::detail::shown(tensor.type_name), ", not ", wanted.name);
    return tensor;
  }

  /// A copy of the numbers of a part, which may lie at any address.
  template <class T>
  std::vector<T> numbers(std::string_view which, const std::vector<std::size_t>& shape) const {
    const auto bytes = part<T>(which, shape).bytes;
    std::vector<T> copy(bytes.size() / sizeof(T));
    if (!copy.empty()) std::memcpy(static_cast<void*>(copy.data()), bytes.data(), bytes.size());
    return copy;
  }

  /// The kept weights, whose number no other tensor has stated yet.
  template <class T>
  const tensor_info& compressed() const {
    const tensor_info& tensor = file_.at(tensor_name("compressed"));
    return part<T>("compressed", {tensor.size()});
  }
  std::span<const std::byte> bits() const {
    return part<std::uint8_t>("bitmask", {rows(), bytes_of_row()}).bytes;
  }
  template <class T>
  static constexpr bool has_scales = std::same_as<T, std::int8_t>;
  std::vector<std::size_t> shape_of_scales() const {
    return {rows(), sparse::scales_of_row(cols())};
  }

 private:
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    tamp::detail::raise<file_error>(sentence_start(), ' ', parts...);
  }

  const safetensors_file& file_;
  std::string_view name_;
  std::array<std::size_t, 2> extents_{};
};

}  // namespace detail

/// Returns the names P of the sparse weights in a file, in the order of their kept weights: those
/// with a tensor P.compressed and a tensor P.bitmask.
inline std::vector<std::string> sparse_weights(const safetensors_file& file) {
  constexpr std::string_view ending = ".compressed";
  std::vector<std::string> names;
  for (const tensor_info& tensor : file.tensors()) {
    if (!tensor.name.ends_with(ending)) continue;
    std::string name = tensor.name.substr(0, tensor.name.size() - ending.size());
    if (file.contains(name + ".bitmask")) names.push_back(std::move(name));
  }
  return names;
}

/// Returns the sparse weight P of a file, where it is mapped. The file must outlive it. Its tensors
/// are checked against each other, in time proportional to the bits.
///
///     const tamp::io::safetensors_file file("model.safetensors");
///     const auto S = tamp::io::sparse_view<tamp::bf16>(file, "model.layers.0.mlp.up_proj");
///
/// @throws file_error if a tensor is not there, has another type or shape, contradicts another one,
///         or does not lie at a multiple of its alignment (read_sparse copes)
/// @throws shape_error if memory cannot hold a dense weight of this shape
template <sparse::storable T>
[[nodiscard]] sparse::view<T> sparse_view(const safetensors_file& file, std::string_view name) {
  const detail::sparse_tensors tensors(file, name);
  static_cast<void>(tensors.compressed<T>());
  static_cast<void>(tensors.part<std::int64_t>("row_offsets", {tensors.rows()}));
  sparse::arrays<T> parts{tensors.bits(), tensors.bytes_of_row(),
                          file.values<T>(tensors.tensor_name("compressed")),
                          file.values<std::int64_t>(tensors.tensor_name("row_offsets"))};
  if constexpr (detail::sparse_tensors::has_scales<T>) {
    static_cast<void>(tensors.part<f16>("scales", tensors.shape_of_scales()));
    parts.scales = file.values<f16>(tensors.tensor_name("scales"));
  }
  return sparse::view<T>::template of<file_error>(tensors.sentence_start(), tensors.rows(),
                                                  tensors.cols(), parts);
}

/// Returns a copy of the sparse weight P of a file, which may lie at any address.
/// @throws the exceptions of sparse_view, except for the alignment
template <sparse::storable T>
[[nodiscard]] sparse::matrix<T> read_sparse(const safetensors_file& file, std::string_view name) {
  const detail::sparse_tensors tensors(file, name);
  const std::vector<T> values = tensors.numbers<T>("compressed", tensors.compressed<T>().shape);
  const auto offsets = tensors.numbers<std::int64_t>("row_offsets", {tensors.rows()});
  std::vector<f16> scales;
  if constexpr (detail::sparse_tensors::has_scales<T>)
    scales = tensors.numbers<f16>("scales", tensors.shape_of_scales());
  const auto from = sparse::view<T>::template of<file_error>(
      tensors.sentence_start(), tensors.rows(), tensors.cols(),
      {tensors.bits(), tensors.bytes_of_row(), values, offsets, scales});
  mask::bitmask keep(from.rows(), from.cols(), false);
  for (std::size_t i = 0; i < from.rows(); ++i)
    for (std::size_t k = 0; k < keep.row(i).size(); ++k) keep.row(i)[k] = from.word(i, k);
  return {std::move(keep), values, scales};
}

/// Returns the tensors of a sparse weight of (rows, cols) that keeps so many weights of type T, for
/// the list that a safetensors_writer is made of. The weight need not be there yet.
template <sparse::storable T>
[[nodiscard]] std::vector<declaration> declare_sparse(const std::string& name, std::size_t rows,
                                                      std::size_t cols, std::size_t kept) {
  std::vector<declaration> tensors{
      {name + ".compressed", detail::dtype_of<typename tamp::detail::twin_of<T>::type>(), {kept}},
      {name + ".bitmask", dtype::u8, {rows, cols / 8 + (cols % 8 != 0)}},
      {name + ".row_offsets", dtype::i64, {rows}},
      {name + ".shape", dtype::i64, {2}}};
  if constexpr (std::same_as<T, std::int8_t>)
    tensors.push_back({name + ".scales", dtype::f16, {rows, sparse::scales_of_row(cols)}});
  return tensors;
}

/// The same for a weight that is there.
template <sparse::sparse_weight S>
[[nodiscard]] std::vector<declaration> declare_sparse(const std::string& name, const S& weight) {
  const auto from = sparse::view_of(weight);
  using value = typename decltype(from)::value_type;
  return declare_sparse<value>(name, from.rows(), from.cols(), from.kept());
}

/// Writes all tensors of a sparse weight that declare_sparse has declared.
///
///     auto tensors = tamp::io::declare_sparse("model.layers.0.mlp.up_proj", S);
///     tamp::io::safetensors_writer out("pruned.safetensors", tensors);
///     tamp::io::write_sparse(out, "model.layers.0.mlp.up_proj", S);
///     out.commit();
///
/// @throws file_error as safetensors_writer::write
template <sparse::sparse_weight S>
void write_sparse(safetensors_writer& out, const std::string& name, const S& weight) {
  const auto from = sparse::view_of(weight);
  using value = typename decltype(from)::value_type;
  const std::array shape{static_cast<std::int64_t>(from.rows()),
                         static_cast<std::int64_t>(from.cols())};
  out.write<std::int64_t>(name + ".shape", shape);
  out.write<std::int64_t>(name + ".row_offsets", from.row_offsets());
  out.write_bytes(name + ".compressed", std::as_bytes(from.values()));
  if constexpr (std::same_as<value, std::int8_t>) out.write<f16>(name + ".scales", from.scales());
  // Some rows at a time, since their bits are copied.
  constexpr std::size_t enough = std::size_t{1} << 20;
  std::vector<std::byte> bits;
  for (std::size_t i = 0; i < from.rows(); ++i) {
    const std::size_t begin = bits.size();
    bits.resize(begin + from.bits(i).size());
    for (std::size_t k = 0; k * mask::word_bits < from.cols(); ++k) {
      const mask::word word = from.word(i, k);
      std::memcpy(bits.data() + begin + 8 * k, &word,
                  (std::min)(sizeof word, bits.size() - begin - 8 * k));
    }
    if (bits.size() < enough && i + 1 != from.rows()) continue;
    out.write_bytes(name + ".bitmask", bits);
    bits.clear();
  }
}

}  // namespace tamp::inline TAMP_FLAGS::io
