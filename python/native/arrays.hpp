#pragma once

// Arrays of Python as tensors of tamp, in place, and results as arrays of NumPy.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <tamp/adapt/detail/dlpack_matrix.hpp>
#include <tamp/tensor/any_view.hpp>
#include <utility>
#include <vector>

namespace tamp_python {

namespace nb = nanobind;

inline bool any_object(PyObject*) noexcept { return true; }

// An argument that is a NumPy array, a PyTorch tensor or another object with __dlpack__.
class tensor_like : public nb::object {
  NB_OBJECT_DEFAULT(tensor_like, nb::object, "Tensor", any_object)
};
// The same, or None.
class optional_tensor : public nb::object {
  NB_OBJECT_DEFAULT(optional_tensor, nb::object, "Tensor | None", any_object)
};

// The numbers of an array of Python, which it keeps alive. It is made and destroyed with the GIL.
class tensor {
 public:
  enum class access { read, write };

  // `who` names the operation and `what` the argument, for errors. Throws nb::type_error for an
  // object without numbers in memory.
  tensor(nb::handle object, const char* who, const char* what, access wanted = access::read);

  std::size_t ndim() const noexcept { return shape_.size(); }
  std::size_t extent(std::size_t d) const noexcept { return static_cast<std::size_t>(shape_[d]); }
  std::ptrdiff_t stride(std::size_t d) const noexcept { return strides_[d]; }
  tamp::dtype type() const noexcept;

  // The view of a matrix, or of a single row. Throws tamp::shape_error for another rank.
  tamp::any_view matrix() const;
  // The view of all matrices that the last two dimensions are, in order; a matrix is one of them.
  // Throws tamp::shape_error for fewer than `fewest` dimensions.
  std::vector<tamp::any_view> matrices() const;

 private:
  // The members of a DLTensor.
  struct fields {
    void* data;
    struct {
      int device_type;
    } device;
    int ndim;
    struct {
      unsigned code, bits, lanes;
    } dtype;
    const std::int64_t *shape, *strides;
    std::uint64_t byte_offset;
  };
  fields described() const;

  nb::ndarray<nb::ro> owner_;
  std::vector<std::int64_t> shape_, strides_;
  unsigned code_, bits_, lanes_;
  bool read_only_ = true;
};

// Copies numbers of any type to floats or doubles, row after row.
std::vector<float> floats(const tamp::any_view& numbers);
std::vector<double> doubles(const tamp::any_view& numbers);
// The numbers of a list, (count,), or nothing for None.
std::vector<float> float_list(nb::handle list, const char* who, const char* what);
std::vector<double> double_list(nb::handle list, const char* who, const char* what);

// A NumPy array that owns its numbers.
template <class T>
nb::object numpy(std::vector<T> numbers, std::initializer_list<std::size_t> shape) {
  auto* kept = new std::vector<T>(std::move(numbers));
  const nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  return nb::cast(nb::ndarray<nb::numpy, T>(kept->data(), shape.size(), shape.begin(), owner));
}
template <class T>
nb::object numpy(std::vector<T> numbers) {
  const std::size_t count = numbers.size();
  return numpy(std::move(numbers), {count});
}

}  // namespace tamp_python
