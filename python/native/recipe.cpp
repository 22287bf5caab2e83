#include "recipe.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/operators.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>
#include <tamp/detail/drop_count.hpp>
#include <tamp/error.hpp>

#include "module.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace tamp_python {
namespace {

constexpr std::array<std::string_view, 5> score_names{"magnitude", "wanda", "ria", "amia",
                                                      "sparsegpt"};
constexpr std::array<std::string_view, 6> allocate_names{"uniform", "owl",  "das",
                                                         "erk",     "lamp", "alpha"};

template <class Names>
void check_name(std::string_view what, std::string_view name, const Names& names) {
  if (std::find(names.begin(), names.end(), name) != names.end()) return;
  std::string all;
  for (const std::string_view known : names) all += (all.empty() ? "" : ", ") + std::string(known);
  tamp::detail::raise<tamp::value_error>("there is no ", what, " called \"", name,
                                         "\": the names are ", all);
}

using sparsity_argument = std::optional<double>;

recipe method(const char* score, const char* allocate, sparsity_argument sparsity,
              const std::string& pattern) {
  recipe asked;
  asked.score = score;
  asked.allocate = allocate;
  asked.pattern = pattern;
  return composed(asked, sparsity);
}

template <class Function>
void def_method(nb::module_& m, const char* name, Function function, const char* doc) {
  m.def(name, function, "sparsity"_a = nb::none(), "pattern"_a = "per_row", doc);
}

}  // namespace

recipe composed(recipe asked, std::optional<double> sparsity) {
  check_name("score", asked.score, score_names);
  check_name("allocation", asked.allocate, allocate_names);
  if (const auto fixed = fixed_sparsity(asked.pattern)) {
    if (sparsity && *sparsity != *fixed)
      tamp::detail::raise<tamp::value_error>("compose: the pattern ", asked.pattern,
                                             " fixes the sparsity at ", *fixed, ", and ", *sparsity,
                                             " is asked for");
    if (asked.allocate != "uniform")
      tamp::detail::raise<tamp::value_error>("compose: the pattern ", asked.pattern,
                                             " fixes the sparsity; leave the allocation ",
                                             asked.allocate, " out");
    asked.sparsity = *fixed;
  } else {
    asked.sparsity = sparsity.value_or(0.5);
    tamp::detail::check_sparsity(asked.sparsity);
  }
  return asked;
}

std::string recipe::label() const {
  using tamp::detail::sentence;
  std::string text = score;
  if (score == "ria" && alpha != 0.5) text += sentence(' ', alpha);
  if (!sparsity_is_fixed()) text += sentence(", ", allocate, ' ', sparsity);
  return text + ", " + pattern;
}

recipe recipe::at(double its_sparsity) const {
  tamp::detail::check_sparsity(its_sparsity);
  recipe single = *this;
  single.allocate = "uniform";
  if (!sparsity_is_fixed()) single.sparsity = its_sparsity;
  return single;
}

void bind_recipe(nb::module_& m) {
  nb::class_<recipe>(m, "Recipe", R"(Composed policies: a score, a pattern and an allocation.

A value: printable, comparable, made by `compose` or by the name of a published method.)")
      .def_ro("score", &recipe::score, "The name of the score.")
      .def_ro("pattern", &recipe::pattern, "The name of the pattern.")
      .def_ro("allocate", &recipe::allocate, "The name of the allocation.")
      .def_ro("sparsity", &recipe::sparsity,
              "The fraction of weights to drop, in all layers together.")
      .def_prop_ro("label", &recipe::label, "For example \"wanda, uniform 0.5, per_row\".")
      .def("at", &recipe::at, "sparsity"_a,
           "Returns the same recipe with one sparsity for a single layer, as a plan gives it.")
      .def("__repr__", [](const recipe& r) { return "<tamp.Recipe " + r.label() + ">"; })
      .def(nb::self == nb::self, nb::sig("def __eq__(self, arg: object, /) -> bool"))
      .def("__hash__", [](const recipe& r) { return std::hash<std::string>()(r.label()); });

  m.def(
      "compose",
      [](const std::string& score, const std::string& pattern, const std::string& allocate,
         sparsity_argument sparsity, double alpha, std::size_t blocksize, double damping, double M,
         double lambda, std::optional<double> max_sparsity) {
        recipe asked;
        asked.score = score;
        asked.pattern = pattern;
        asked.allocate = allocate;
        asked.alpha = alpha;
        asked.blocksize = blocksize;
        asked.damping = damping;
        asked.M = M;
        asked.lambda = lambda;
        asked.max_sparsity = max_sparsity;
        return composed(asked, sparsity);
      },
      nb::kw_only(), "score"_a = "wanda", "pattern"_a = "per_row", "allocate"_a = "uniform",
      "sparsity"_a = nb::none(), "alpha"_a = 0.5, "blocksize"_a = 128, "damping"_a = 0.01,
      "M"_a = 5.0, "lambda_"_a = 0.08, "max_sparsity"_a = nb::none(),
      R"(Composes a recipe from the names of its policies.

score:     which weights matter: magnitude, wanda, ria, amia, sparsegpt
pattern:   the shape of the loss: per_row, per_tensor, N of every M kept: 1:2, 1:4, 2:4, 4:8, 8:16,
           N of every 8, where N = 8 - floor(8 * sparsity) of the layer: mixed:8, or whole blocks
           of 16 outputs of one input or 16 inputs of one output: block:16x1, block:1x16
allocate:  how much each layer loses: uniform, owl, das, erk, lamp, alpha. All but uniform compare
           the layers of a model, and need `plan`.
sparsity:  the fraction to drop, 0.5 by default. A pattern N:M fixes it.

alpha is RIA's exponent, blocksize and damping are SparseGPT's, M and lambda_ OWL's, max_sparsity
DAS's bound of any layer.

Raises ValueError_ for a name that there is not, a sparsity outside [0, 1], or one that the pattern
contradicts.)");

  def_method(
      m, "magnitude",
      [](sparsity_argument s, const std::string& p) {
        return method("magnitude", "uniform", s, p);
      },
      "The recipe that keeps the weights of largest magnitude. It needs no statistics.");
  def_method(
      m, "wanda",
      [](sparsity_argument s, const std::string& p) { return method("wanda", "uniform", s, p); },
      R"(The recipe that keeps the weights whose magnitude times input norm is largest.

It needs the layer's ColumnNorm. Source: Sun et al. 2024 (arXiv 2306.11695).)");
  def_method(
      m, "ria",
      [](sparsity_argument s, const std::string& p) { return method("ria", "uniform", s, p); },
      R"(The recipe that keeps the weights with the largest shares of their row and column.

It needs the layer's ColumnNorm. Source: Zhang et al. 2024, Plug-and-Play (ICLR 2024).)");
  def_method(
      m, "sparsegpt",
      [](sparsity_argument s, const std::string& p) {
        return method("sparsegpt", "uniform", s, p);
      },
      R"(The recipe that updates the weights that stay, to compensate for the dropped ones.

It needs the layer's Gram. With pattern per_tensor it drops within each block of columns, as
published. Source: Frantar and Alistarh 2023 (arXiv 2301.00774).)");
  def_method(
      m, "owl",
      [](sparsity_argument s, const std::string& p) { return method("wanda", "owl", s, p); },
      R"(Wanda's score, where blocks with more outliers keep more. It needs a plan.

Source: Yin et al. 2024 (arXiv 2310.05175).)");
  def_method(
      m, "das",
      [](sparsity_argument s, const std::string& p) { return method("wanda", "das", s, p); },
      R"(Wanda's score, where layers with diverse outputs keep more. It needs a plan.

The plan needs the TokenDiversity of each layer. Source: Lee et al. 2025, TAMP (arXiv 2504.09897).)");
  def_method(
      m, "amia",
      [](sparsity_argument s, const std::string& p) { return method("amia", "uniform", s, p); },
      R"(Wanda's score with the norms of representative tokens alone.

It needs the layer's AmiaNorm. Source: Lee et al. 2025, TAMP (arXiv 2504.09897).)");
  def_method(
      m, "tamp",
      [](sparsity_argument s, const std::string& p) { return method("amia", "das", s, p); },
      R"(AMIA's score and DAS's allocation: TAMP. It needs a plan.

Source: Lee et al. 2025 (arXiv 2504.09897).)");
}

}  // namespace tamp_python
