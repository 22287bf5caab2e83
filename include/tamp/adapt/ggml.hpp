#pragma once

/// @file
/// The adapter of ggml's tensors, plain and quantised.

#include <ggml-backend.h>
#include <ggml.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "../detail/checked.hpp"
#include "../dtype.hpp"
#include "../error.hpp"
#include "../io/ggml_rows.hpp"
#include "../io/ggml_types.hpp"
#include "../tensor/any_view.hpp"
#include "../tensor/traits.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

static_assert(int(GGML_TYPE_F32) == 0 && int(GGML_TYPE_F16) == 1 && int(GGML_TYPE_Q6_K) == 14 &&
                  int(GGML_TYPE_I8) == 24 && int(GGML_TYPE_F64) == 28,
              "this ggml numbers its types otherwise than GGUF files do, and is too old for tamp");

/// Shows tensors of ggml. `Writes` says whether they are to be pruned.
template <bool Writes>
class ggml_shower {
 public:
  template <class Tensor, class Use>
  static decltype(auto) show(Tensor& tensor, Use&& use) {
    const std::string name = name_of(tensor);
    check_place(tensor, name);
    if constexpr (Writes && std::is_const_v<Tensor>)
      raise<value_error>(name, " is const and cannot be written to");

    const io::ggml::type_info* const type =
        io::ggml::find_type(static_cast<std::uint32_t>(tensor.type));
    const dtype plain = plain_type(tensor);
    if (plain != dtype::unknown) return visit(any_view_of(tensor, plain, name), use);
    if (type == nullptr || type->decode_row == nullptr)
      raise<value_error>(name, " is of type ", name_of_type(tensor), ", which tamp does not read");
    if (Writes && type->zero_row == nullptr)
      raise<value_error>(name, " is of type ", name_of_type(tensor),
                         ", which has no code for zero: its weights can be selected from, and not "
                         "pruned in place; convert it to q8_0 or f16 first");
    auto rows = rows_of(tensor, *type, name);
    return std::forward<Use>(use)(rows);
  }

 private:
  using byte = std::conditional_t<Writes, std::byte, const std::byte>;

  static std::string name_of(const ggml_tensor& tensor) {
    return std::string("ggml: ") + (tensor.name[0] == '\0' ? "this tensor" : tensor.name);
  }
  static const char* name_of_type(const ggml_tensor& tensor) {
    const char* const name = static_cast<int>(tensor.type) < static_cast<int>(GGML_TYPE_COUNT)
                                 ? ggml_type_name(tensor.type)
                                 : nullptr;
    return name == nullptr ? "unknown" : name;
  }

  // Refuses what is no matrix in the CPU's memory.
  static void check_place(const ggml_tensor& t, const std::string& name) {
    if (t.ne[2] != 1 || t.ne[3] != 1)
      raise<shape_error>(name, " has ne = ", t.ne[0], ", ", t.ne[1], ", ", t.ne[2], ", ", t.ne[3],
                         ", and a matrix has 1 at the end twice: show one matrix of it, "
                         "ggml_view_2d(context, tensor, ne[0], ne[1], nb[1], k * nb[2])");
    // A view that no allocator has seen has a buffer only through its source.
    const ggml_backend_buffer_t buffer = t.view_src != nullptr ? t.view_src->buffer : t.buffer;
    if (buffer != nullptr && !ggml_backend_buffer_is_host(buffer))
      raise<value_error>(name, " lies in the buffer ", ggml_backend_buffer_name(buffer),
                         ", which is no memory of the CPU: prune it before it is copied there");
    if (t.data == nullptr && t.ne[0] != 0 && t.ne[1] != 0)
      raise<shape_error>(name, " has ", t.ne[1], " rows of ", t.ne[0],
                         " at a null pointer: no memory was given to it");
  }

  static dtype plain_type(const ggml_tensor& tensor) {
    switch (static_cast<int>(tensor.type)) {
      case 0:
        return dtype::f32;
      case 1:
        return dtype::f16;
      case 24:
        return dtype::i8;
      case 28:
        return dtype::f64;
      case 30:  // which older headers do not name
        return dtype::bf16;
      default:
        return dtype::unknown;
    }
  }

  static any_view any_view_of(const ggml_tensor& t, dtype type, const std::string& name) {
    const std::size_t bytes = entry(type).bits / 8;
    if (t.nb[0] % bytes != 0 || t.nb[1] % bytes != 0)
      raise<shape_error>(name, " has strides of ", t.nb[0], " and ", t.nb[1],
                         " bytes, which are no multiples of the ", bytes, " of its type ",
                         name_of_type(t));
    const auto stride = [&](std::size_t d) { return static_cast<std::ptrdiff_t>(t.nb[d] / bytes); };
    return {
        t.data,    type,     static_cast<std::size_t>(t.ne[1]), static_cast<std::size_t>(t.ne[0]),
        stride(1), stride(0)};
  }
  template <class Use>
  static decltype(auto) visit(const any_view& view, Use&& use) {
    if constexpr (Writes)
      return view.visit_writable(std::forward<Use>(use));
    else
      return view.visit(std::forward<Use>(use));
  }

  static io::ggml_rows<byte> rows_of(const ggml_tensor& t, const io::ggml::type_info& type,
                                     const std::string& name) {
    const auto rows = checked_extent(name, "rows", t.ne[1]);
    const auto cols = checked_extent(name, "columns", t.ne[0]);
    const std::size_t row_bytes = checked_product(name, cols / type.values, type.bytes);
    const bool is_empty = rows == 0 || cols == 0;
    if (!is_empty && (t.nb[0] != type.bytes || (rows > 1 && t.nb[1] != row_bytes)))
      raise<shape_error>(name, " has strides of ", t.nb[0], " and ", t.nb[1], " bytes; blocks of ",
                         name_of_type(t), " are read if they lie side by side, ", type.bytes,
                         " and ", row_bytes, " bytes apart");
    const std::size_t size = is_empty ? 0 : checked_product(name, rows, row_bytes);
    return {static_cast<std::uint32_t>(t.type), std::span(static_cast<byte*>(t.data), size), rows,
            cols, name};
  }
};

}  // namespace detail

/// Matrices of ggml: (ne[1], ne[0]) elements, rows of ne[0]. Nothing is copied.
///
/// - F32, F16, BF16, F64 and I8 are views with the tensor's strides: transposed and permuted
///   tensors, and views of parts, are read and pruned in place.
/// - Quantised types that tamp reads (io::ggml_rows) are converted to float row by row. Q4_0, Q5_0,
///   Q8_0, Q3_K, Q6_K and MXFP4 have a code for zero and are pruned in place: the codes of kept
///   weights and all scales keep their bits. Q4_1, Q5_1, Q2_K, Q4_K, Q5_K, IQ4_NL and IQ4_XS have
///   none, and can only be read and selected from.
///
/// Not to be used while ggml computes with the tensor.
/// @throws value_error for another type, for a type without a zero and for a const tensor where it
///         is written to, and for a tensor in a buffer that the CPU does not see
/// @throws shape_error if ne[2] or ne[3] is not 1, if no memory was given to the tensor, or if
///         quantised blocks do not lie side by side
template <>
struct tensor_traits<ggml_tensor> {
  template <class Tensor, class Use>
  static decltype(auto) visit(Tensor& tensor, Use&& use) {
    return detail::ggml_shower<false>::show(tensor, std::forward<Use>(use));
  }
  template <class Tensor, class Use>
  static decltype(auto) visit_writable(Tensor& tensor, Use&& use) {
    return detail::ggml_shower<true>::show(tensor, std::forward<Use>(use));
  }
};

namespace detail {
struct ggml_pointer_traits {
  template <class Tensor, class Use>
  static decltype(auto) visit(Tensor* tensor, Use&& use) {
    return ggml_shower<false>::show(pointed_to(tensor), std::forward<Use>(use));
  }
  template <class Tensor, class Use>
  static decltype(auto) visit_writable(Tensor* tensor, Use&& use) {
    return ggml_shower<true>::show(pointed_to(tensor), std::forward<Use>(use));
  }

 private:
  template <class Tensor>
  static Tensor& pointed_to(Tensor* tensor) {
    if (tensor == nullptr)
      raise<value_error>(
          "ggml: this pointer to a tensor is null, as ggml_get_tensor returns it "
          "for a name that a context has not");
    return *tensor;
  }
};
}  // namespace detail

/// A pointer to a tensor is that tensor: it is how ggml hands them out.
/// @throws value_error if it is null, and as above
template <>
struct tensor_traits<ggml_tensor*> : detail::ggml_pointer_traits {};
template <>
struct tensor_traits<const ggml_tensor*> : detail::ggml_pointer_traits {};

}  // namespace tamp::inline TAMP_FLAGS
