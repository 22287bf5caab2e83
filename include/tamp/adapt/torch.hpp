#pragma once

/// @file
/// The adapter of LibTorch's tensors and of its 8-bit and 16-bit numbers.

#include <ATen/core/Tensor.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#if __has_include(<c10/util/Float8_e4m3fn.h>)
#  include <c10/util/Float8_e4m3fn.h>
#  include <c10/util/Float8_e5m2.h>
#endif

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <utility>

#include "../dtype.hpp"
#include "../element.hpp"
#include "../error.hpp"
#include "../tensor/any_view.hpp"
#include "../tensor/traits.hpp"

namespace tamp::inline TAMP_FLAGS {

template <>
struct element_traits<c10::Half> : element_like<c10::Half, f16> {};

template <>
struct element_traits<c10::BFloat16> : element_like<c10::BFloat16, bf16> {};

#if __has_include(<c10/util/Float8_e4m3fn.h>)
template <>
struct element_traits<c10::Float8_e4m3fn> : element_like<c10::Float8_e4m3fn, f8_e4m3> {};

template <>
struct element_traits<c10::Float8_e5m2> : element_like<c10::Float8_e5m2, f8_e5m2> {};
#endif

namespace detail {

struct torch_adapter {
  /// Returns the view of a tensor. Other devices than the CPU and NVIDIA's GPUs are refused here,
  /// the GPUs by any_view.
  static any_view view(const at::Tensor& tensor) {
    if (!tensor.defined())
      raise<value_error>("torch: this tensor is undefined: it has neither numbers nor a shape");
    if (tensor.layout() != at::kStrided || tensor.is_nested())
      raise<value_error>("torch: ", named(tensor), " has the layout ", layout_name(tensor),
                         ", and tamp reads tensors with strides");
    if (tensor.is_quantized())
      raise<value_error>("torch: ", named(tensor), " is quantised to ", type_name(tensor),
                         ", which is not the numbers themselves: give its dequantize(), or its "
                         "int_repr() if that is of type Char");
    const bool on_gpu = tensor.is_cuda();
    if (tensor.is_meta())
      raise<value_error>("torch: ", named(tensor), " is on the device meta and has no numbers");
    if ((!on_gpu && !tensor.device().is_cpu()) || !tensor.has_storage())
      raise<value_error>("torch: ", named(tensor), " is on the device ", tensor.device().str(),
                         ", whose memory tamp cannot read: give its cpu()");
    const dtype type = type_of(tensor.scalar_type());
    if (type == dtype::unknown)
      raise<value_error>("torch: ", named(tensor), " is of type ", type_name(tensor),
                         ", and tamp reads Float, Double, Half, BFloat16, Char, Float8_e4m3fn and "
                         "Float8_e5m2");
    if (tensor.is_neg())
      raise<value_error>("torch: ", named(tensor),
                         " is negated when it is read, and its memory holds the numbers of the "
                         "other sign: give its resolve_neg()");
    const auto dimensions = tensor.dim();
    if (dimensions != 1 && dimensions != 2)
      raise<shape_error>("torch: a matrix has 2 dimensions and a single row 1, ", named(tensor),
                         " has ", dimensions);
    const bool is_row = dimensions == 1;
    return any_view(tensor.data_ptr(), type, is_row ? 1 : extent(tensor, 0),
                    extent(tensor, dimensions - 1), is_row ? 0 : stride(tensor, 0),
                    stride(tensor, dimensions - 1), on_gpu ? memory::cuda : memory::cpu);
  }

 private:
  static std::size_t extent(const at::Tensor& tensor, std::int64_t dimension) {
    return static_cast<std::size_t>(tensor.size(dimension));
  }
  static std::ptrdiff_t stride(const at::Tensor& tensor, std::int64_t dimension) {
    return static_cast<std::ptrdiff_t>(tensor.stride(dimension));
  }

  // Types that tamp does not read are unknown here, so that errors give them torch's names.
  static dtype type_of(at::ScalarType type) {
    switch (type) {
      case at::kDouble:
        return dtype::f64;
      case at::kFloat:
        return dtype::f32;
      case at::kHalf:
        return dtype::f16;
      case at::kBFloat16:
        return dtype::bf16;
      case at::kChar:
        return dtype::i8;
#if __has_include(<c10/util/Float8_e4m3fn.h>)
      case at::ScalarType::Float8_e4m3fn:
        return dtype::f8_e4m3;
      case at::ScalarType::Float8_e5m2:
        return dtype::f8_e5m2;
#endif
      default:
        return dtype::unknown;
    }
  }

  static const char* type_name(const at::Tensor& tensor) {
    return c10::toString(tensor.scalar_type());
  }

  static std::string layout_name(const at::Tensor& tensor) {
    if (tensor.is_nested()) return "Nested";
    std::ostringstream text;
    text << tensor.layout();
    return text.str();
  }

  static std::string named(const at::Tensor& tensor) {
    std::string shape;
    if (!tensor.is_nested())
      for (const std::int64_t size : tensor.sizes())
        shape.append(shape.empty() ? " of " : " x ").append(std::to_string(size));
    return "this tensor" + shape;
  }
};

}  // namespace detail

/// Returns the view of a tensor, for what takes no tensor itself. A tensor of an NVIDIA GPU is
/// visited by torch_view(tensor).visit<cuda_space>(use). What is written through the view does not
/// raise the tensor's version.
/// @throws value_error, shape_error as tensor_traits<at::Tensor>
[[nodiscard]] inline any_view torch_view(const at::Tensor& tensor) {
  return detail::torch_adapter::view(tensor);
}

/// The adapter of LibTorch's tensors: float, double, Half, BFloat16 and Char (8-bit integers), of
/// any strides, in place. Float8_e4m3fn and Float8_e5m2 are known where LibTorch has them.
///
/// Two dimensions are a matrix, one is a single row. A tensor is a handle: copies, const or not,
/// refer to the same numbers and may be written through. Writing raises the tensor's version, so
/// that a backward pass which has saved the numbers from before fails, as after any operation in
/// place. It asks for no permission: leaves that require gradients are written, too. Inference
/// tensors have no version.
/// @throws value_error for tensors that are undefined, sparse, quantised, nested, complex, negated
///         when they are read (`is_neg`), of another type of number, or not in the CPU's memory
/// @throws shape_error for 0 or more than 2 dimensions
template <>
struct tensor_traits<at::Tensor> : any_view_traits<detail::torch_adapter> {
  template <class Use>
  static decltype(auto) visit_writable(const at::Tensor& tensor, Use&& use) {
    return detail::torch_adapter::view(tensor).visit_writable([&](auto view) -> decltype(auto) {
      if (!tensor.is_inference()) tensor.unsafeGetTensorImpl()->bump_version();
      return use(view);
    });
  }
};

}  // namespace tamp::inline TAMP_FLAGS
