#pragma once

/// @file
/// The view of a tensor in the form of DLPack, of any version of its header and of none.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "../../dtype.hpp"
#include "../../error.hpp"
#include "../../tensor/any_view.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Numbers that DLPack gives to types of number and devices. They are fixed by its binary interface,
/// so that tensors of producers that are newer than the header are understood.
struct dlpack_codes {
  static constexpr unsigned integer = 0, unsigned_integer = 1, floating = 2, bfloat = 4,
                            complex_number = 5, boolean = 6, f8_e4m3fn = 10, f8_e4m3fnuz = 11,
                            f8_e5m2 = 12, f8_e5m2fnuz = 13, f8_e8m0fnu = 14;
  static constexpr int cpu = 1, cuda = 2, cuda_host = 3, rocm_host = 11, cuda_managed = 13;
};

/// Returns the type of number of a code and a number of bits, or dtype::unknown.
constexpr dtype dlpack_dtype(unsigned code, unsigned bits) noexcept {
  using codes = dlpack_codes;
  const auto is = [&](unsigned its_code, unsigned its_bits) {
    return code == its_code && bits == its_bits;
  };
  if (is(codes::floating, 64)) return dtype::f64;
  if (is(codes::floating, 32)) return dtype::f32;
  if (is(codes::floating, 16)) return dtype::f16;
  if (is(codes::bfloat, 16)) return dtype::bf16;
  if (is(codes::f8_e4m3fn, 8)) return dtype::f8_e4m3;
  if (is(codes::f8_e5m2, 8)) return dtype::f8_e5m2;
  if (is(codes::f8_e4m3fnuz, 8)) return dtype::f8_e4m3fnuz;
  if (is(codes::f8_e5m2fnuz, 8)) return dtype::f8_e5m2fnuz;
  if (is(codes::f8_e8m0fnu, 8)) return dtype::f8_e8m0;
  if (is(codes::integer, 64)) return dtype::i64;
  if (is(codes::integer, 32)) return dtype::i32;
  if (is(codes::integer, 16)) return dtype::i16;
  if (is(codes::integer, 8)) return dtype::i8;
  if (is(codes::unsigned_integer, 64)) return dtype::u64;
  if (is(codes::unsigned_integer, 32)) return dtype::u32;
  if (is(codes::unsigned_integer, 16)) return dtype::u16;
  if (is(codes::unsigned_integer, 8)) return dtype::u8;
  if (is(codes::complex_number, 64)) return dtype::c64;
  if (is(codes::boolean, 8)) return dtype::boolean;
  return dtype::unknown;
}

/// Returns the memory of a device by its number. The CPU reads memory that it has pinned for a GPU.
constexpr memory dlpack_memory(int device) noexcept {
  using codes = dlpack_codes;
  if (device == codes::cpu || device == codes::cuda_host || device == codes::rocm_host)
    return memory::cpu;
  if (device == codes::cuda || device == codes::cuda_managed) return memory::cuda;
  return memory::other;
}

/// Returns the extents of a tensor in words, as "2 x 3 x 4".
template <class Tensor>
std::string dlpack_shape(const Tensor& tensor) {
  std::string text;
  for (int d = 0; d < static_cast<int>(tensor.ndim); ++d)
    text += (d == 0 ? "" : " x ") + std::to_string(tensor.shape[d]);
  return text;
}

/// Returns the view of a tensor that has the members of a DLTensor.
/// @throws shape_error, value_error as the traits of DLTensor
template <class Tensor>
any_view dlpack_matrix(const Tensor& tensor, bool read_only) {
  if (tensor.ndim != 1 && tensor.ndim != 2)
    raise<shape_error>("dlpack: a matrix has 2 dimensions and a single row 1, this tensor has ",
                       static_cast<int>(tensor.ndim));
  if (tensor.shape == nullptr)
    raise<shape_error>("dlpack: the extents of this tensor lie at a null pointer");
  const bool is_row = tensor.ndim == 1;
  const int last = is_row ? 0 : 1;
  for (int d = 0; d <= last; ++d)
    if (tensor.shape[d] < 0)
      raise<shape_error>("dlpack: extent ", d, " of this tensor of ", dlpack_shape(tensor),
                         " is negative");
  const auto rows = is_row ? std::size_t{1} : static_cast<std::size_t>(tensor.shape[0]);
  const auto cols = static_cast<std::size_t>(tensor.shape[last]);
  if (tensor.dtype.lanes != 1)
    raise<value_error>("dlpack: an element of this tensor of ", dlpack_shape(tensor), " has ",
                       static_cast<unsigned>(tensor.dtype.lanes),
                       " numbers (lanes), and an element of a matrix has 1");
  const dtype type = dlpack_dtype(tensor.dtype.code, tensor.dtype.bits);
  if (type == dtype::unknown)
    raise<value_error>("dlpack: tamp does not know the type of number of this tensor of ",
                       dlpack_shape(tensor), ", which has the code ",
                       static_cast<unsigned>(tensor.dtype.code), " and ",
                       static_cast<unsigned>(tensor.dtype.bits), " bits");
  const memory where = dlpack_memory(static_cast<int>(tensor.device.device_type));

  std::ptrdiff_t row_stride = is_row ? 0 : static_cast<std::ptrdiff_t>(cols), col_stride = 1;
  if (tensor.strides != nullptr) {
    row_stride = is_row ? 0 : static_cast<std::ptrdiff_t>(tensor.strides[0]);
    col_stride = static_cast<std::ptrdiff_t>(tensor.strides[last]);
  }
  const any_view checked = read_only ? any_view(static_cast<const void*>(nullptr), type, rows, cols,
                                                row_stride, col_stride, where)
                                     : any_view(static_cast<void*>(nullptr), type, rows, cols,
                                                row_stride, col_stride, where);
  if (checked.empty()) return checked;
  if (tensor.data == nullptr) {
    if (where == memory::cpu)
      raise<shape_error>("dlpack: the ", dlpack_shape(tensor),
                         " elements of this tensor lie at a null pointer");
    return checked;
  }
  const auto start = reinterpret_cast<std::uintptr_t>(tensor.data);
  if (tensor.byte_offset > (std::numeric_limits<std::uintptr_t>::max)() - start)
    raise<shape_error>("dlpack: an offset of ", tensor.byte_offset, " bytes leads out of memory");
  const std::size_t bytes = entry(type).bits / 8;
  if ((start + tensor.byte_offset) % bytes != 0)
    raise<value_error>("dlpack: the elements of this tensor of ", dlpack_shape(tensor),
                       " begin at an address that is no multiple of their ", bytes, " bytes");
  void* const data = static_cast<char*>(tensor.data) + tensor.byte_offset;
  if (read_only)
    return {static_cast<const void*>(data), type, rows, cols, row_stride, col_stride, where};
  return {data, type, rows, cols, row_stride, col_stride, where};
}

}  // namespace tamp::inline TAMP_FLAGS::detail
