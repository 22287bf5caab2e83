// Sparse weights: bits and packed numbers, and products with them.

#include <nanobind/nanobind.h>
#include <nanobind/operators.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

#include <optional>
#include <string>
#include <tamp/error.hpp>
#include <tamp/sparse/matrix.hpp>
#include <tamp/sparse/multiply.hpp>
#include <tamp/sparse/pack.hpp>
#include <tamp/sparse/unpack.hpp>
#include <tamp/tensor/detail/erased_rows.hpp>
#include <utility>
#include <variant>

#include "arrays.hpp"
#include "module.hpp"
#include "run.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace tamp_python {
namespace {

namespace sparse = tamp::sparse;

struct sparse_weight {
  std::variant<sparse::matrix<float>, sparse::matrix<tamp::f16>, sparse::matrix<tamp::bf16>,
               sparse::matrix<std::int8_t>>
      of;

  template <class Use>
  decltype(auto) visit(const Use& use) const {
    return std::visit(use, of);
  }
};

template <class T>
sparse_weight packed_as(const tamp::any_view& weight,
                        const std::optional<tamp::mask::bitmask>& keep) {
  const tamp::detail::any_executor exec(executor());
  const auto pack = [&](const auto& source) -> sparse_weight {
    return {sparse::packer::pack<T>(exec, "pack", source,
                                    keep ? *keep : sparse::packer::nonzero(exec, source))};
  };
  // Numbers of the same type are copied to the bit, others read as float or double.
  if constexpr (!std::is_same_v<T, std::int8_t>)
    if (weight.type() == tamp::detail::dtype_of<T>())
      return weight.visit([&](auto view) -> sparse_weight {
        if constexpr (std::is_same_v<typename decltype(view)::value_type, T>)
          return pack(view);
        else
          return {};
      });
  return tamp::detail::with_sources(pack, weight);
}

constexpr const char* type_names = "float32, float16, bfloat16 and int8";

// The type in which a weight is stored.
tamp::dtype storage_of(const tamp::any_view& weight, const std::optional<std::string>& name) {
  using tamp::dtype;
  if (!name) {
    if (weight.type() == dtype::f32 || weight.type() == dtype::f16 || weight.type() == dtype::bf16)
      return weight.type();
    tamp::detail::raise<tamp::value_error>(
        "pack: a weight of ", tamp::detail::entry(weight.type()).name,
        " is stored as another type: name it by dtype, one of ", type_names);
  }
  if (*name == "float32") return dtype::f32;
  if (*name == "float16") return dtype::f16;
  if (*name == "bfloat16") return dtype::bf16;
  if (*name == "int8") return dtype::i8;
  tamp::detail::raise<tamp::value_error>("pack: there is no sparse weight of \"", *name,
                                         "\": the types are ", type_names);
}

sparse_weight packed(const tamp::any_view& weight, const std::optional<tamp::mask::bitmask>& keep,
                     tamp::dtype type) {
  switch (type) {
    case tamp::dtype::f32:
      return packed_as<float>(weight, keep);
    case tamp::dtype::f16:
      return packed_as<tamp::f16>(weight, keep);
    case tamp::dtype::bf16:
      return packed_as<tamp::bf16>(weight, keep);
    default:
      return packed_as<std::int8_t>(weight, keep);
  }
}

std::size_t rows_of(const sparse_weight& s) {
  return s.visit([](const auto& matrix) { return matrix.rows(); });
}
std::size_t cols_of(const sparse_weight& s) {
  return s.visit([](const auto& matrix) { return matrix.cols(); });
}
const char* type_of(const sparse_weight& s) {
  constexpr const char* names[] = {"float32", "float16", "bfloat16", "int8"};
  return names[s.of.index()];
}

void multiply(const sparse_weight& s, const tamp::any_view& x, const tamp::any_view& y) {
  without_gil([&] {
    s.visit([&](const auto& matrix) { sparse::multiply(executor(), matrix, x, y); });
    return 0;
  });
}

// y = S x for one token, or Y = X S^T for several.
nb::object product(const sparse_weight& s, const tensor_like& x, const nb::object& out) {
  const tensor inputs(x, "multiply", "X");
  const tamp::any_view from = inputs.matrix();
  if (!out.is_none()) {
    const tensor result(out, "multiply", "out", tensor::access::write);
    return multiply(s, from, result.matrix()), out;
  }
  std::vector<float> numbers(from.rows() * rows_of(s));
  multiply(s, from, tamp::any_view(numbers.data(), tamp::dtype::f32, from.rows(), rows_of(s)));
  if (inputs.ndim() == 1) return numpy(std::move(numbers));
  return numpy(std::move(numbers), {from.rows(), rows_of(s)});
}

// S @ X, as of matrices: for columns of X.
nb::object matrix_product(const sparse_weight& s, const tensor_like& x) {
  const tensor inputs(x, "multiply", "X");
  if (inputs.ndim() == 1) return product(s, x, nb::none());
  const tamp::any_view from = inputs.matrix().transposed();
  std::vector<float> numbers(from.rows() * rows_of(s));
  const tamp::any_view to(numbers.data(), tamp::dtype::f32, rows_of(s), from.rows());
  multiply(s, from, to.transposed());
  return numpy(std::move(numbers), {rows_of(s), from.rows()});
}

nb::object dense(const sparse_weight& s, const nb::object& out) {
  const auto unpack = [&](const tamp::any_view& to) {
    without_gil([&] {
      s.visit([&](const auto& matrix) { sparse::unpack(executor(), matrix, to); });
      return 0;
    });
  };
  if (!out.is_none()) {
    const tensor result(out, "to_dense", "out", tensor::access::write);
    return unpack(result.matrix()), out;
  }
  std::vector<float> numbers(rows_of(s) * cols_of(s));
  unpack(tamp::any_view(numbers.data(), tamp::dtype::f32, rows_of(s), cols_of(s)));
  return numpy(std::move(numbers), {rows_of(s), cols_of(s)});
}

}  // namespace

void bind_sparse(nb::module_& m) {
  nb::class_<sparse_weight>(
      m, "SparseMatrix",
      R"(A pruned weight: one bit for each weight, and the kept weights, packed.

Half of a weight of bfloat16 takes 9 bits in place of 16. Made by `pack`.)")
      .def_prop_ro(
          "shape", [](const sparse_weight& s) { return std::pair(rows_of(s), cols_of(s)); },
          "The shape of the weight, (rows, cols).")
      .def_prop_ro("dtype", &type_of, "The type in which kept weights are stored.")
      .def_prop_ro(
          "kept", [](const sparse_weight& s) { return s.visit([](auto& m) { return m.kept(); }); },
          "The number of weights that are kept.")
      .def_prop_ro(
          "bytes",
          [](const sparse_weight& s) { return s.visit([](auto& m) { return m.bytes(); }); },
          "The memory that it takes.")
      .def_prop_ro(
          "mask", [](const sparse_weight& s) { return s.visit([](auto& m) { return m.mask(); }); },
          nb::sig("def mask(self) -> Mask"), "The mask of the kept weights.")
      .def(
          "multiply", &product, "x"_a, "out"_a = nb::none(),
          nb::sig("def multiply(self, x: Tensor, out: Tensor | None = None) -> Tensor"),
          R"(Returns Y = X S^T, as a linear layer does: X is (tokens, cols), or (cols,) for one token.

The result is `out`, (tokens, rows) of any type of number, or a new array of float32. Sums are made in
float.)")
      .def("__matmul__", &matrix_product, "x"_a,
           nb::sig("def __matmul__(self, x: Tensor, /) -> numpy.typing.NDArray[numpy.float32]"),
           "Returns S @ X, for X of (cols,) or (cols, n).")
      .def("to_dense", &dense, "out"_a = nb::none(),
           nb::sig("def to_dense(self, out: Tensor | None = None) -> Tensor"),
           "Writes the dense weight into `out`, or into a new array of float32, and returns it.")
      .def(
          "__eq__", [](const sparse_weight& a, const sparse_weight& b) { return a.of == b.of; },
          nb::is_operator(), nb::sig("def __eq__(self, arg: object, /) -> bool"))
      .def("__repr__", [](const sparse_weight& s) {
        return tamp::detail::sentence("<tamp.sparse.SparseMatrix of ", rows_of(s), " x ",
                                      cols_of(s), " ", type_of(s), ", ",
                                      s.visit([](auto& m) { return m.kept(); }), " kept>");
      });

  m.def(
      "pack",
      [](const tensor_like& weight, const tamp::mask::bitmask* mask,
         const std::optional<std::string>& dtype) {
        const tensor array(weight, "pack", "W");
        const tamp::any_view view = array.matrix();
        std::optional<tamp::mask::bitmask> keep;
        if (mask != nullptr) keep = *mask;
        const tamp::dtype type = storage_of(view, dtype);
        return without_gil([&] { return packed(view, keep, type); });
      },
      "weight"_a, "mask"_a.none() = nb::none(), "dtype"_a = nb::none(),
      nb::sig("def pack(weight: Tensor, mask: Mask | None = None, dtype: str | None = None) -> "
              "SparseMatrix"),
      R"(Makes the sparse matrix of a weight and its mask, or of the weights that are not zero.

`dtype` is float32, float16, bfloat16, or int8 (a scale for each 32 columns, as in Q8_0); by default
that of the weight.

Raises ShapeError if weight and mask differ in shape.)");
}

}  // namespace tamp_python
