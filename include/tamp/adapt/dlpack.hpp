#pragma once

/// @file
/// The adapter of tensors in the form of DLPack, in which Python's frameworks exchange them. Needs
/// <dlpack/dlpack.h> (CMake: tamp::dlpack).

#include <dlpack/dlpack.h>

#include "../tensor/any_view.hpp"
#include "../tensor/traits.hpp"
#include "detail/dlpack_matrix.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

struct dlpack_adapter {
  static any_view view(const DLTensor& tensor) { return dlpack_matrix(tensor, false); }
};
struct dlpack_managed_adapter {
  static any_view view(const DLManagedTensor& managed) {
    return dlpack_matrix(managed.dl_tensor, false);
  }
};

}  // namespace detail

/// The view of a DLTensor. Nothing is copied. The elements must outlive the view.
///
/// Two dimensions are a matrix, one is a single row. Types of number are floats of 16, 32 and 64
/// bits, bfloat16, int8, and float8 as e4m3fn and e5m2. Strides may be null, which is row-major
/// without gaps, zero or negative. The elements begin `byte_offset` bytes behind `data`. Memory of
/// the CPU and memory that it has pinned for a GPU are memory::cpu, memory of CUDA is memory::cuda,
/// and all other is memory::other.
///
/// DLPack has no const: a const DLTensor gives a view that can be written to. A
/// DLManagedTensorVersioned (DLPack 1.0) whose flags say so gives a view that is read-only.
///
/// Operations throw what follows, before anything is read or written.
/// @throws shape_error for another number of dimensions, extents that are negative, null or more
///         than memory can hold, or elements at a null pointer
/// @throws value_error for other types of number, elements of several numbers (lanes), elements at
///         an address that is no multiple of their size, or memory that the CPU cannot read
///
/// Source: DLPack (dmlc/dlpack), versions 0.6 to 1.1. Codes of types are those of its
/// binary interface, whichever of them the header names.
template <>
struct tensor_traits<DLTensor> : any_view_traits<detail::dlpack_adapter> {};

/// The view of the tensor of a DLManagedTensor, as above. It owns nothing: the caller calls the
/// deleter when the view is no longer needed.
template <>
struct tensor_traits<DLManagedTensor> : any_view_traits<detail::dlpack_managed_adapter> {};

#if defined(DLPACK_MAJOR_VERSION) && DLPACK_MAJOR_VERSION >= 1

namespace detail {
struct dlpack_versioned_adapter {
  static any_view view(const DLManagedTensorVersioned& managed) {
    return dlpack_matrix(managed.dl_tensor, (managed.flags & DLPACK_FLAG_BITMASK_READ_ONLY) != 0);
  }
};
}  // namespace detail

/// The same of a tensor of DLPack 1.0 and later, whose flags may say that it is read-only.
template <>
struct tensor_traits<DLManagedTensorVersioned> : any_view_traits<detail::dlpack_versioned_adapter> {
};

#endif

/// Returns the run-time view of a DLTensor, as operations see it.
/// @throws shape_error, value_error as the traits of DLTensor
[[nodiscard]] inline any_view dlpack_view(const DLTensor& tensor) {
  return detail::dlpack_matrix(tensor, false);
}

}  // namespace tamp::inline TAMP_FLAGS
