#include <nanobind/nanobind.h>
#include <nanobind/operators.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

#include <sstream>
#include <string>
#include <tamp/mask/bitmask.hpp>
#include <utility>

#include "arrays.hpp"
#include "module.hpp"
#include "run.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using tamp::mask::bitmask;

namespace tamp_python {
namespace {

// A mask from an array of bool or of numbers: a weight is kept where it is not zero.
bitmask mask_of(const tensor_like& flags) {
  const tensor array(flags, "Mask", "flags");
  const tamp::any_view view = array.matrix();
  if (view.type() != tamp::dtype::boolean && view.type() != tamp::dtype::u8)
    return view.visit([](auto numbers) { return bitmask::from(numbers); });
  const tamp::any_view bytes(view.data(), tamp::dtype::i8, view.rows(), view.cols(),
                             view.row_stride(), view.col_stride(), view.where());
  return bytes.visit([](auto numbers) { return bitmask::from(numbers); });
}

nb::object as_numpy(const bitmask& mask) {
  auto* kept = new bool[mask.size() + 1];
  const nb::capsule owner(kept, [](void* p) noexcept { delete[] static_cast<bool*>(p); });
  without_gil([&] {
    mask.copy_to(tamp::matrix_view<bool>(kept, mask.rows(), mask.cols()));
    return 0;
  });
  return nb::cast(nb::ndarray<nb::numpy, bool>(kept, {mask.rows(), mask.cols()}, owner));
}

}  // namespace

void bind_mask(nb::module_& m) {
  nb::class_<bitmask>(m, "Mask",
                      R"(A mask of a weight: True where the weight is KEPT, one bit each.

Masks are combined by &, |, ^ and ~, and compared by ==.)")
      .def(
          "__init__",
          [](bitmask* self, const tensor_like& flags) { new (self) bitmask(mask_of(flags)); },
          "flags"_a,
          R"(Makes a mask from an array of bool or of numbers, (rows, cols): a weight is kept where
it is not zero.)")
      .def_prop_ro(
          "shape", [](const bitmask& mask) { return std::pair(mask.rows(), mask.cols()); },
          "The shape of the weight, (rows, cols).")
      .def_prop_ro("size", &bitmask::size, "The number of weights.")
      .def_prop_ro(
          "count", [](const bitmask& mask) { return mask.count(); },
          "The number of weights that are kept.")
      .def_prop_ro("sparsity", &bitmask::sparsity,
                   "The fraction of weights that are dropped; 0 for an empty mask.")
      .def("to_numpy", &as_numpy, "Returns a new array of bool, (rows, cols): True where kept.")
      .def(
          "__array__",
          [](const bitmask& mask, const nb::object& dtype, const nb::object&) {
            const nb::object flags = as_numpy(mask);
            return dtype.is_none() ? flags : flags.attr("astype")(dtype);
          },
          "dtype"_a = nb::none(), "copy"_a = nb::none(), "Returns to_numpy(), for NumPy.")
      .def(
          "__and__", [](const bitmask& a, const bitmask& b) { return a & b; }, nb::is_operator())
      .def(
          "__or__", [](const bitmask& a, const bitmask& b) { return a | b; }, nb::is_operator())
      .def(
          "__xor__", [](const bitmask& a, const bitmask& b) { return a ^ b; }, nb::is_operator())
      .def("__invert__", [](const bitmask& a) { return ~a; })
      .def(nb::self == nb::self, nb::sig("def __eq__(self, arg: object, /) -> bool"))
      .def("__repr__",
           [](const bitmask& mask) {
             return tamp::detail::sentence("<tamp.Mask of ", mask.rows(), " x ", mask.cols(), ", ",
                                           mask.count(), " kept>");
           })
      .def(
          "__str__",
          [](const bitmask& mask) {
            std::ostringstream text;
            text << mask;
            std::string lines = text.str();
            if (!lines.empty()) lines.pop_back();
            return lines;
          },
          "One line per row, with # for a kept weight and . for a dropped one.");
  m.attr("Mask").attr("__hash__") = nb::none();  // equal by its bits
}

}  // namespace tamp_python
