#pragma once

/// @file
/// A view of a matrix whose type of number, strides and memory are known only at run time.

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "../detail/checked.hpp"
#include "../dtype.hpp"
#include "../element.hpp"
#include "../error.hpp"
#include "view.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

/// Returns use(std::type_identity<T>{}), where T is the type of a dtype's numbers. `subject` begins
/// the sentence of a refusal.
/// @throws value_error if tamp does not read numbers of this type
template <class Use, class... Subject>
decltype(auto) with_element_type(dtype type, Use&& use, const Subject&... subject) {
  switch (type) {
    case dtype::f64:
      return use(std::type_identity<double>());
    case dtype::f32:
      return use(std::type_identity<float>());
    case dtype::f16:
      return use(std::type_identity<f16>());
    case dtype::bf16:
      return use(std::type_identity<bf16>());
    case dtype::f8_e4m3:
      return use(std::type_identity<f8_e4m3>());
    case dtype::f8_e5m2:
      return use(std::type_identity<f8_e5m2>());
    case dtype::i8:
      return use(std::type_identity<std::int8_t>());
    default:
      raise<value_error>(subject..., " are ", entry(type).name,
                         ", and tamp reads F64, F32, F16, BF16, F8_E4M3, F8_E5M2 and I8");
  }
}

}  // namespace detail

/// Memory in which the elements of an any_view lie: the CPU's, that of an NVIDIA GPU, or that of
/// another device, which tamp cannot read.
enum class memory { cpu, cuda, other };

/// A non-owning view of a matrix whose type of number, extents, strides, memory and permission to
/// write are values at run time. It is the form in which frameworks show their tensors.
///
///     tamp::any_view W(data, tamp::dtype::bf16, rows, cols);
///     tamp::prune(W, norms, recipe);
///
/// Operations take it as they take a matrix_view. They are compiled once for each type of number
/// that `visit` knows. Strides count elements, and may be zero or negative. Copying a view copies no
/// numbers. A view of any type of number can be made; those that `visit` does not know cannot be
/// read.
class any_view {
  template <class T>
  static constexpr dtype dtype_of_element =
      detail::dtype_or_unknown<typename detail::twin_of<std::remove_const_t<T>>::type>;

 public:
  any_view() = default;

  /// Makes a view whose element (i, j) lies i * row_stride + j * col_stride elements behind `data`.
  /// A view of `const void` is read-only.
  /// @throws shape_error if memory cannot hold that many elements, or an extent was negative before
  ///         it became a std::size_t
  any_view(void* data, dtype type, std::size_t rows, std::size_t cols, std::ptrdiff_t row_stride,
           std::ptrdiff_t col_stride, memory where = memory::cpu)
      : any_view(static_cast<const void*>(data), type, rows, cols, row_stride, col_stride, where) {
    read_only_ = false;
  }
  any_view(const void* data, dtype type, std::size_t rows, std::size_t cols,
           std::ptrdiff_t row_stride, std::ptrdiff_t col_stride, memory where = memory::cpu)
      : data_(data),
        rows_(rows),
        cols_(cols),
        row_stride_(row_stride),
        col_stride_(col_stride),
        type_(type),
        where_(where),
        read_only_(true) {
    detail::check_shape("any_view", rows, cols);
  }
  /// Makes a row-major view without gaps.
  /// @throws shape_error as above
  any_view(void* data, dtype type, std::size_t rows, std::size_t cols)
      : any_view(data, type, rows, cols, static_cast<std::ptrdiff_t>(cols), 1) {}
  any_view(const void* data, dtype type, std::size_t rows, std::size_t cols)
      : any_view(data, type, rows, cols, static_cast<std::ptrdiff_t>(cols), 1) {}

  /// Forgets the types of a view. A view of const elements becomes read-only. A host's own type of
  /// number counts as its twin (see element_like).
  template <class T, class Space>
    requires(dtype_of_element<T> != dtype::unknown)
  any_view(matrix_view<T, Space> view)
      : any_view(view.data(), dtype_of_element<T>, view.rows(), view.cols(), view.row_stride(),
                 view.col_stride(), memory_of<Space>) {}

  const void* data() const noexcept { return data_; }
  dtype type() const noexcept { return type_; }
  std::size_t rows() const noexcept { return rows_; }
  std::size_t cols() const noexcept { return cols_; }
  std::size_t size() const noexcept { return rows_ * cols_; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  std::ptrdiff_t row_stride() const noexcept { return row_stride_; }
  std::ptrdiff_t col_stride() const noexcept { return col_stride_; }
  memory where() const noexcept { return where_; }
  bool read_only() const noexcept { return read_only_; }

  /// Returns a view of the same elements with rows and columns exchanged.
  [[nodiscard]] any_view transposed() const {
    any_view other = *this;
    other.rows_ = cols_, other.cols_ = rows_;
    other.row_stride_ = col_stride_, other.col_stride_ = row_stride_;
    return other;
  }
  /// Returns a view of the same elements that does not write.
  [[nodiscard]] any_view as_const() const {
    any_view other = *this;
    other.read_only_ = true;
    return other;
  }

  /// Returns use(first), where `first` points to the bytes of element (0, 0), of any type of whole
  /// bytes. For copies of elements to the bit.
  /// @throws value_error if the elements are in the memory of a device or are of less than 8 bits
  /// @throws shape_error if there are elements at a null pointer, or the strides lead out of memory
  template <class Use>
  decltype(auto) with_bytes(Use&& use) const {
    require_memory(memory::cpu);
    const std::size_t bytes = detail::entry(type_).bits / 8;
    if (bytes == 0)
      detail::raise<value_error>("any_view: elements of ", detail::entry(type_).name,
                                 " are not whole bytes");
    detail::check_memory("any_view", data_, bytes, rows_, cols_, row_stride_, col_stride_);
    return std::forward<Use>(use)(static_cast<const std::byte*>(data_));
  }

  /// Returns use(view), where view is the matrix_view<const T, Space> of the same elements. T is
  /// double, float, f16, bf16, f8_e4m3, f8_e5m2 or std::int8_t. `use` must return the same type for
  /// all. For work on a GPU, visit<cuda_space>(use).
  /// @throws value_error if the elements are of another type or in another memory
  template <class Space = cpu_space, class Use>
  decltype(auto) visit(Use&& use) const {
    return visit_as<Space, true>(std::forward<Use>(use));
  }
  /// Returns use(view), where view is the matrix_view<T, Space> of the same elements.
  /// @throws value_error as above, or if the view is read-only
  template <class Space = cpu_space, class Use>
  decltype(auto) visit_writable(Use&& use) const {
    if (read_only_)
      detail::raise<value_error>("any_view: this tensor of ", rows_, " x ", cols_, ' ',
                                 detail::entry(type_).name,
                                 " is read-only and cannot be written to");
    return visit_as<Space, false>(std::forward<Use>(use));
  }

 private:
  template <class Space>
  static constexpr memory memory_of = std::is_same_v<Space, cpu_space>    ? memory::cpu
                                      : std::is_same_v<Space, cuda_space> ? memory::cuda
                                                                          : memory::other;

  void require_memory(memory wanted) const {
    constexpr const char* names[] = {"the CPU", "an NVIDIA GPU", "a device"};
    if (where_ != wanted)
      detail::raise<value_error>("any_view: the elements of this tensor of ", rows_, " x ", cols_,
                                 ' ', detail::entry(type_).name, " lie in the memory of ",
                                 names[static_cast<int>(where_)], ", and this operation runs on ",
                                 names[static_cast<int>(wanted)]);
  }

  template <class T, class Space, bool ReadOnly, class Use>
  decltype(auto) typed(Use&& use) const {
    using element = std::conditional_t<ReadOnly, const T, T>;
    return std::forward<Use>(use)(matrix_view<element, Space>(
        static_cast<element*>(const_cast<void*>(data_)), rows_, cols_, row_stride_, col_stride_));
  }

  template <class Space, bool ReadOnly, class Use>
  decltype(auto) visit_as(Use&& use) const {
    require_memory(memory_of<Space>);
    return detail::with_element_type(
        type_,
        [&](auto number) -> decltype(auto) {
          return typed<typename decltype(number)::type, Space, ReadOnly>(std::forward<Use>(use));
        },
        "any_view: the elements of this tensor of ", rows_, " x ", cols_);
  }

  const void* data_ = nullptr;
  std::size_t rows_ = 0, cols_ = 0;
  std::ptrdiff_t row_stride_ = 0, col_stride_ = 0;
  dtype type_ = dtype::f32;
  memory where_ = memory::cpu;
  bool read_only_ = false;
};

}  // namespace tamp::inline TAMP_FLAGS
