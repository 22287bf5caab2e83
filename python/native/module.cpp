// The compiled part of the Python package tamp.

#include "module.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstddef>
#include <tamp/error.hpp>
#include <tamp/version.hpp>
#include <vector>

#include "arrays.hpp"
#include "pruning.hpp"
#include "run.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace tamp_python {
namespace {

// Recipes may be given in the place of statistics, for scores that need none.
struct arguments {
  recipe with;
  layer_statistics seen;
};
arguments arguments_of(nb::handle statistics, nb::handle given, const char* operation) {
  const bool is_left_out = given.is_none();
  const nb::handle which = is_left_out ? statistics : given;
  if (!nb::isinstance<recipe>(which))
    throw nb::type_error(
        tamp::detail::sentence(operation,
                               "(W, statistics, recipe): the recipe is a tamp.Recipe, "
                               "as tamp.wanda(sparsity=0.5) makes it")
            .c_str());
  const recipe with = nb::cast<recipe>(which);
  return {with, statistics_for(with, is_left_out ? nb::none() : nb::borrow(statistics), operation)};
}

}  // namespace

void bind_pruning(nb::module_& m) {
  nb::class_<tamp::pruned>(m, "Pruned", "The size of a pruned weight and the number kept.")
      .def_ro("size", &tamp::pruned::size, "The number of weights.")
      .def_ro("kept", &tamp::pruned::kept, "The number of weights that are kept.")
      .def_prop_ro("sparsity", &tamp::pruned::sparsity, "The fraction that is dropped.")
      .def("__repr__", [](const tamp::pruned& p) {
        return tamp::detail::sentence("<tamp.Pruned: ", p.kept, " of ", p.size, " kept>");
      });

  m.def(
      "select",
      [](const tensor_like& weight, const nb::object& statistics, const nb::object& given) {
        const tensor array(weight, "select", "W");
        const auto [with, seen] = arguments_of(statistics, given, "select");
        const tamp::any_view view = array.matrix();
        return without_gil([&, &with = with, &seen = seen] { return select(view, seen, with); });
      },
      "weight"_a, "statistics"_a.none(), "recipe"_a = nb::none(),
      nb::sig(
          "def select(weight: Tensor, statistics: ColumnNorm | AmiaNorm | Gram | Tensor | Recipe "
          "| None, recipe: Recipe | None = None) -> Mask"),
      R"(Chooses the weights of one layer that stay: select(W, statistics, recipe).

W is (out_features, in_features), an array of any strides of float64, float32, float16, bfloat16,
float8 or int8. It is only read. `statistics` is what the recipe's score needs, or an array of one
norm for each column; it may be left out for a score that needs none, as select(W, recipe).

Raises ShapeError if W and the statistics have different numbers of columns, and ValueError_ if a
weight or a statistic is not finite, naming it.)");
  m.def(
      "apply",
      [](const tensor_like& weight, const tamp::mask::bitmask& keep) {
        const tensor array(weight, "apply", "W", tensor::access::write);
        const tamp::any_view view = array.matrix();
        without_gil([&] { return apply(view, keep), 0; });
      },
      "weight"_a, "mask"_a, nb::sig("def apply(weight: Tensor, mask: Mask) -> None"),
      R"(Makes every dropped weight zero, in place, and leaves the others as they are, to the bit.

Raises ShapeError if the shapes differ or elements share their memory, and ValueError_ if the array
is read-only. Nothing is written then.)");
  m.def(
      "prune",
      [](const tensor_like& weight, const nb::object& statistics, const nb::object& given) {
        const tensor array(weight, "prune", "W", tensor::access::write);
        const auto [with, seen] = arguments_of(statistics, given, "prune");
        const tamp::any_view view = array.matrix();
        return without_gil([&, &with = with, &seen = seen] { return prune(view, seen, with); });
      },
      "weight"_a, "statistics"_a.none(), "recipe"_a = nb::none(),
      nb::sig(
          "def prune(weight: Tensor, statistics: ColumnNorm | AmiaNorm | Gram | Tensor | Recipe "
          "| None, recipe: Recipe | None = None) -> Pruned"),
      R"(Prunes one weight in place: apply(W, select(W, statistics, recipe)).

SparseGPT also changes the weights that stay. Raises what select and apply raise, before anything is
written.)");

  m.def(
      "_check_writable",
      [](const tensor_like& weight) {
        check_writable(tensor(weight, "prune", "W", tensor::access::write).matrix());
      },
      "weight"_a, "Refuses a weight that prune and apply could not write, for tamp.prune_model.");
  m.def(
      "_apply_all",
      [](const std::vector<tensor_like>& weights,
         const std::vector<const tamp::mask::bitmask*>& masks) {
        std::vector<tensor> arrays;
        std::vector<tamp::any_view> views;
        for (const tensor_like& weight : weights) {
          arrays.emplace_back(weight, "apply", "W", tensor::access::write);
          views.push_back(arrays.back().matrix());
          check_writable(views.back());
        }
        without_gil([&] {
          for (std::size_t k = 0; k < views.size(); ++k) apply(views[k], *masks.at(k));
          return 0;
        });
      },
      "weights"_a, "masks"_a,
      "Applies a mask to each weight, without a moment for Ctrl-C between two of them. Nothing is "
      "written if one cannot be. For tamp.prune_model.");

  m.def(
      "set_threads",
      [](int count) {
        if (count < 0)
          tamp::detail::raise<tamp::value_error>("set_threads: ", count,
                                                 " is no number of threads");
        threads = count;
      },
      "count"_a,
      "Sets the number of threads that operations use; 0 is as many as OpenMP would use.");
}

}  // namespace tamp_python

NB_MODULE(_tamp, m) {
  using namespace tamp_python;
  m.doc() = "The compiled part of tamp.";
  nb::set_leak_warnings(false);  // objects that globals of Python hold to the end are no leak
  m.attr("version") = tamp::version;
#if defined(_OPENMP)
  m.attr("has_threads") = true;
#else
  m.attr("has_threads") = false;
#endif
#if defined(TAMP_PYTHON_WITH_EIGEN)
  m.attr("has_sparsegpt") = true;
#else
  m.attr("has_sparsegpt") = false;
#endif
#if defined(TAMP_PYTHON_WITH_FILES)
  m.attr("has_files") = true;
#else
  m.attr("has_files") = false;
#endif
  bind_errors(m);
  bind_recipe(m);
  bind_mask(m);
  bind_statistics(m);
  bind_pruning(m);
  bind_tokens(m);
  bind_sparse(m);
  bind_plans(m);
  bind_files(m);
}
