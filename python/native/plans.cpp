// Plans: the sparsity of each layer of a model.

#include <nanobind/nanobind.h>
#include <nanobind/operators.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <tamp/allocate/das.hpp>
#include <tamp/allocate/erk.hpp>
#include <tamp/allocate/lamp.hpp>
#include <tamp/allocate/owl.hpp>
#include <tamp/allocate/uniform.hpp>
#include <tamp/error.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/prune/compose.hpp>
#include <tamp/prune/plan.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/ria.hpp>
#include <tamp/score/wanda.hpp>
#include <vector>

#include "arrays.hpp"
#include "module.hpp"
#include "run.hpp"
#include "statistics.hpp"
#if defined(TAMP_PYTHON_WITH_EIGEN)
#  include <tamp/allocate/alpha.hpp>
#endif
#if defined(TAMP_PYTHON_WITH_JSON)
#  include <tamp/io/pruning_plan.hpp>
#endif

namespace nb = nanobind;
using namespace nb::literals;
using tamp::planned_layer, tamp::pruning_plan;

namespace tamp_python {
namespace {

// The weights of a model, block by block.
struct weights_of_model {
  struct layer {
    std::string name;
    tamp::any_view weight;
  };
  std::vector<std::vector<layer>> by_block;

  std::size_t blocks() const { return by_block.size(); }
  template <class Visit>
  void visit_layers(std::size_t block, const Visit& visit) {
    for (layer& l : by_block[block]) visit(l.name, l.weight);
  }
};

using column_norms = std::map<std::string, tamp::stat::column_norm>;
using diversities = std::map<std::string, tamp::stat::token_diversity>;

template <class Allocation>
auto composed(const Allocation& allocation) {
  return tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{}, allocation);
}

// Norms of a layer's inputs, whichever statistic has them.
tamp::stat::column_norm norms_in(nb::handle statistic, const std::string& layer) {
  if (nb::isinstance<tamp::stat::column_norm>(statistic))
    return nb::cast<const tamp::stat::column_norm&>(statistic);
  if (nb::isinstance<amia_norm>(statistic))
    return nb::cast<const amia_norm&>(statistic);  // its norms, without its weighting
  if (nb::isinstance<tamp::stat::gram>(statistic)) {
    const auto& gram = nb::cast<const tamp::stat::gram&>(statistic);
    std::vector<float> norms;
    for (const double square : gram.diagonal())
      norms.push_back(static_cast<float>(
          std::sqrt(square / static_cast<double>(std::max<std::uint64_t>(gram.count(), 1)))));
    return tamp::stat::column_norm::of(norms, gram.tokens());
  }
  throw nb::type_error(
      tamp::detail::sentence("plan: the allocation reads a tamp.ColumnNorm of each layer, and that "
                             "of ",
                             layer, " is something else")
          .c_str());
}

template <class Statistic>
const Statistic& of_layer(const std::map<std::string, Statistic>& known, std::string_view name) {
  static const Statistic nothing;
  const auto found = known.find(std::string(name));
  return found == known.end() ? nothing : found->second;
}

template <class Statistic, class Allocation>
pruning_plan plan_by(weights_of_model& model, const std::map<std::string, Statistic>& known,
                     const Allocation& allocation, const tamp::plan_options& options) {
  const auto seen = tamp::calibration_from<Statistic>(
      model,
      [&](std::string_view name, std::size_t, std::size_t) { return of_layer(known, name); });
  return tamp::plan(executor(), model, seen, composed(allocation), options);
}

pruning_plan made(weights_of_model& model, const recipe& r, const column_norms& norms,
                  const diversities& outputs, const tamp::plan_options& options) {
  using namespace tamp::allocate;
  const auto simple = [&](const auto& allocation) {
    return tamp::plan(executor(), model, composed(allocation), options);
  };
  const auto owl_of = [&](const auto& score) {
    return owl<std::remove_cvref_t<decltype(score)>>{
        .sparsity = r.sparsity, .M = r.M, .lambda = r.lambda, .score = score};
  };
  if (r.allocate == "erk") return simple(erk{.sparsity = r.sparsity});
  if (r.allocate == "lamp") return simple(lamp{.sparsity = r.sparsity});
  if (r.allocate == "owl" && r.score == "magnitude")
    return simple(owl_of(tamp::score::magnitude{}));
  if (r.allocate == "owl" && r.score == "ria")
    return plan_by(model, norms, owl_of(tamp::score::ria{.alpha = r.alpha}), options);
  if (r.allocate == "owl") return plan_by(model, norms, owl_of(tamp::score::wanda{}), options);
  if (r.allocate == "das")
    return plan_by(model, outputs, das{.sparsity = r.sparsity, .max_sparsity = r.max_sparsity},
                   options);
  if (r.allocate == "alpha") {
#if defined(TAMP_PYTHON_WITH_EIGEN)
    return simple(alpha{.sparsity = r.sparsity});
#else
    tamp::detail::raise<tamp::error>(
        "plan: this package was built without Eigen, which the allocation alpha needs: install "
        "Eigen and build it anew");
#endif
  }
  return simple(uniform{r.sparsity});
}

tamp::granularity granularity_of(const std::string& name) {
  if (name == "layer") return tamp::granularity::layer;
  if (name == "block") return tamp::granularity::block;
  if (name == "group") return tamp::granularity::group;
  tamp::detail::raise<tamp::value_error>("plan: there is no unit \"", name,
                                         "\": the names are layer, block and group");
}

pruning_plan plan_of(const std::vector<std::string>& names, const nb::list& weights,
                     const std::vector<std::size_t>& blocks, const nb::dict& statistics,
                     const recipe& r, const std::optional<std::vector<std::string>>& exclude,
                     const std::optional<std::string>& unit, const std::vector<std::string>& groups,
                     std::size_t fewest_tokens) {
  tamp::plan_options options;
  if (exclude) options.exclude = *exclude;
  if (unit) options.unit = granularity_of(*unit);
  options.groups = groups;
  options.fewest_tokens = fewest_tokens;
  std::vector<tensor> owners;
  weights_of_model model;
  for (std::size_t k = 0; k < names.size(); ++k) {
    owners.emplace_back(weights[k], "plan", names[k].c_str());
    if (blocks[k] >= model.by_block.size()) model.by_block.resize(blocks[k] + 1);
    model.by_block[blocks[k]].push_back({names[k], owners.back().matrix()});
  }
  const bool reads_norms = r.allocate == "owl" && r.score != "magnitude";
  column_norms norms;
  diversities outputs;
  if (reads_norms || r.allocate == "das") {
    // The set of pruned layers does not depend on the allocation.
    recipe uniform = r;
    uniform.allocate = "uniform";
    for (const planned_layer& layer : made(model, uniform, {}, {}, options).layers) {
      if (!layer.is_pruned()) continue;
      const nb::str name(layer.name.c_str());
      if (!statistics.contains(name))
        tamp::detail::raise<tamp::value_error>("plan: the allocation ", r.allocate,
                                               " reads statistics of all layers, and there are "
                                               "none of ",
                                               layer.name);
      const nb::object statistic = statistics[name];
      if (reads_norms) {
        norms.emplace(layer.name, norms_in(statistic, layer.name));
      } else {
        if (!nb::isinstance<tamp::stat::token_diversity>(statistic))
          throw nb::type_error(
              tamp::detail::sentence("plan: the allocation das reads a tamp.TokenDiversity of each "
                                     "layer, and that of ",
                                     layer.name, " is something else")
                  .c_str());
        outputs.emplace(layer.name, nb::cast<const tamp::stat::token_diversity&>(statistic));
      }
    }
  }
  auto plan = without_gil([&] { return made(model, r, norms, outputs, options); });
  plan.recipe = r.label();
  return plan;
}

planned_layer& layer_named(pruning_plan& plan, const std::string& name) {
  for (planned_layer& layer : plan.layers)
    if (layer.name == name) return layer;
  throw nb::key_error(tamp::detail::sentence("the plan has no layer ", name).c_str());
}

#if defined(TAMP_PYTHON_WITH_JSON)
void save(const pruning_plan& plan, const std::filesystem::path& path) {
  tamp::io::save(path, plan);
}
pruning_plan load(const std::filesystem::path& path) { return tamp::io::load<pruning_plan>(path); }
#else
constexpr const char* without_json =
    "this package was built without nlohmann-json, which files of plans need: install it and build "
    "the package anew";
void save(const pruning_plan&, const std::filesystem::path&) {
  tamp::detail::raise<tamp::error>(without_json);
}
pruning_plan load(const std::filesystem::path&) { tamp::detail::raise<tamp::error>(without_json); }
#endif

}  // namespace

void bind_plans(nb::module_& m) {
  nb::class_<planned_layer>(m, "PlannedLayer", "One layer of a plan.")
      .def_ro("name", &planned_layer::name, "The name of the layer's weight.")
      .def_ro("block", &planned_layer::block, "The number of its block.")
      .def_ro("rows", &planned_layer::rows, "The number of its output features.")
      .def_ro("cols", &planned_layer::cols, "The number of its input features.")
      .def_ro("sparsity", &planned_layer::sparsity, "The fraction of its weights to drop.")
      .def_ro("excluded", &planned_layer::excluded, "True if it stays dense.")
      .def_ro("tied_to", &planned_layer::tied_to,
              "An earlier layer that has the same weight, or an empty name.")
      .def_prop_ro("is_pruned", &planned_layer::is_pruned,
                   "True if it is pruned itself: it is neither excluded nor tied.")
      .def("__repr__", [](const planned_layer& l) {
        return tamp::detail::sentence("<tamp.PlannedLayer ", l.name, ", ", l.rows, " x ", l.cols,
                                      l.excluded ? ", excluded>" : ", sparsity ") +
               (l.excluded ? "" : tamp::detail::sentence(l.sparsity, ">"));
      });

  nb::class_<pruning_plan>(m, "Plan", R"(The sparsity of each layer of a model.

A value: printable, comparable, saved as text that people can edit. plan[name] is the sparsity of a
layer, and may be set.)")
      .def_ro("recipe", &pruning_plan::recipe, "The label of the recipe that it was made for.")
      .def_prop_ro(
          "layers", [](const pruning_plan& plan) { return plan.layers; },
          "The layers, in the order of the model, as copies.")
      .def_ro("notes", &pruning_plan::notes, "Fallbacks and clamps, in sentences.")
      .def_ro("fewest_tokens", &pruning_plan::fewest_tokens,
              "The number of tokens below which a layer is pruned by magnitude.")
      .def_prop_ro("sparsity", &pruning_plan::sparsity,
                   "The planned fraction of all weights that are neither excluded nor tied.")
      .def("__len__", [](const pruning_plan& plan) { return plan.layers.size(); })
      .def(
          "__contains__",
          [](const pruning_plan& plan, const std::string& name) {
            return std::any_of(plan.layers.begin(), plan.layers.end(),
                               [&](const planned_layer& layer) { return layer.name == name; });
          },
          "name"_a)
      .def(
          "__getitem__",
          [](pruning_plan& plan, const std::string& name) {
            return layer_named(plan, name).sparsity;
          },
          "name"_a, "Returns the sparsity of a layer.")
      .def(
          "__setitem__",
          [](pruning_plan& plan, const std::string& name, double sparsity) {
            tamp::detail::check_sparsity(sparsity);
            layer_named(plan, name).sparsity = sparsity;
          },
          "name"_a, "sparsity"_a, "Sets the sparsity of a layer.")
      .def("save", &save, "path"_a, "Writes the plan to a file, as JSON with one line a layer.")
      .def_static("load", &load, "path"_a, R"(Returns the plan in a file.

Raises FileError if the file cannot be read or is no plan, naming the place.)")
      .def(nb::self == nb::self, nb::sig("def __eq__(self, arg: object, /) -> bool"))
      .def("__str__",
           [](const pruning_plan& plan) {
             std::ostringstream text;
             text << plan;
             return text.str();
           })
      .def("__repr__", [](const pruning_plan& plan) {
        return tamp::detail::sentence("<tamp.Plan of ", plan.layers.size(), " layers, ",
                                      plan.recipe, ">");
      });

  m.def("_plan", &plan_of, "names"_a, "weights"_a, "blocks"_a, "statistics"_a, "recipe"_a,
        "exclude"_a, "unit"_a, "groups"_a, "fewest_tokens"_a, "Makes a plan, for tamp.plan.");
}

}  // namespace tamp_python
