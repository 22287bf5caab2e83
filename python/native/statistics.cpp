#include "statistics.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/operators.h>
#include <nanobind/stl/string.h>

#include <cstring>
#include <span>
#include <string>
#include <tamp/error.hpp>
#include <tamp/model/layer_sample.hpp>
#include <tamp/model/modality.hpp>
#include <type_traits>

#include "arrays.hpp"
#include "kinds.hpp"
#include "module.hpp"
#include "run.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using tamp::stat::column_norm, tamp::stat::gram, tamp::stat::token_diversity;

namespace tamp_python {
namespace {

// Calls add(statistic, k) for the k-th of some sequences. Nothing is added if one of them is
// refused.
template <class Statistic, class Add>
void add_all(Statistic& statistic, std::size_t sequences, const Add& add) {
  without_gil([&] {
    if (sequences == 1) {
      add(statistic, 0);
      return 0;
    }
    Statistic of_batch;
    for (std::size_t k = 0; k < sequences; ++k) add(of_batch, k);
    statistic.combine(of_batch);
    return 0;
  });
}

// One sequence is (tokens, features), or (features,) for one token; a batch (sequences, tokens,
// features).
template <class Statistic>
void add_inputs(Statistic& statistic, const tensor_like& x, const optional_tensor& weights,
                std::uint64_t count) {
  const tensor array(x, "add", "X");
  const auto sequences = array.matrices();
  if (weights.is_none())
    return add_all(statistic, sequences.size(),
                   [&](Statistic& to, std::size_t k) { to.add(executor(), sequences[k], count); });
  const tensor weight_array(weights, "add", "weights");
  std::vector<double> all;
  for (const tamp::any_view& some : weight_array.matrices()) {
    const auto numbers = doubles(some);
    all.insert(all.end(), numbers.begin(), numbers.end());
  }
  std::size_t tokens = 0;
  for (const tamp::any_view& sequence : sequences) tokens += sequence.rows();
  if (all.size() != tokens)
    tamp::detail::raise<tamp::shape_error>(Statistic::label(), ": there are ", all.size(),
                                           " weights for ", tokens, " tokens");
  add_all(statistic, sequences.size(), [&](Statistic& to, std::size_t k) {
    const std::size_t length = sequences[k].rows();
    to.add(executor(), sequences[k], std::span<const double>(all).subspan(k * length, length),
           count);
  });
}

// The state of a statistic as bytes, for pickle.
template <class Statistic>
nb::tuple state_of(const Statistic& statistic) {
  nb::list parts;
  Statistic::fields(statistic, [&](const char*, const auto& value) {
    if constexpr (requires { value.data(); })
      parts.append(nb::bytes(value.data(), value.size() * sizeof(value[0])));
    else
      parts.append(nb::cast(value));
  });
  return nb::tuple(parts);
}
template <class Statistic>
void restore(Statistic& statistic, const nb::tuple& parts) {
  new (&statistic) Statistic();
  std::size_t next = 0;
  Statistic::fields(statistic, [&](const char*, auto& value) {
    if (next == parts.size())
      tamp::detail::raise<tamp::value_error>(Statistic().label(), ": the pickled state is cut off");
    const nb::object part = parts[next++];
    if constexpr (requires { value.data(); }) {
      const auto bytes = nb::cast<nb::bytes>(part);
      value.resize(bytes.size() / sizeof(value[0]));
      if (!value.empty()) std::memcpy(value.data(), bytes.c_str(), value.size() * sizeof(value[0]));
    } else {
      value = nb::cast<std::remove_reference_t<decltype(value)>>(part);
    }
  });
  statistic.validate();
}

template <class Statistic>
auto bind_statistic(nb::module_& m, const char* name, const char* doc) {
  nb::class_<Statistic> bound(m, name, doc);
  bound.def(nb::init<>(), "Makes a statistic that has seen nothing.")
      .def(
          "merge",
          [](nb::object self, const Statistic& other) {
            nb::cast<Statistic&>(self).combine(other);
            return self;
          },
          "other"_a,
          nb::sig((std::string("def merge(self, other: ") + name + ") -> " + name).c_str()),
          R"(Adds the data of another statistic, as if its batches had been added here.

Raises ShapeError if it covers another number of features.)")
      .def_prop_ro("tokens", &Statistic::tokens,
                   "The number of tokens added, but those of weight 0.")
      .def("__getstate__", &state_of<Statistic>, "Returns the state, for pickle.")
      .def("__setstate__", &restore<Statistic>, "Restores the state, for pickle.")
      .def(nb::self == nb::self, nb::sig("def __eq__(self, arg: object, /) -> bool"));
  bound.attr("__hash__") = nb::none();  // equal by its numbers, which change
  return bound;
}

}  // namespace

layer_statistics statistics_for(const recipe& r, nb::handle argument, const char* operation) {
  layer_statistics seen;
  if (r.score == "magnitude") return seen;
  const char* needed = r.score == "sparsegpt" ? "tamp.Gram"
                       : r.score == "amia"    ? "tamp.AmiaNorm"
                                              : "tamp.ColumnNorm";
  const auto refuse = [&](const auto& instead) {
    throw nb::type_error(tamp::detail::sentence(operation, ": the score ", r.score, " reads a ",
                                                needed, " of the layer's inputs", instead)
                             .c_str());
  };
  if (argument.is_none()) refuse(", and there are no statistics");
  const auto take = [&](const auto& statistic) {
    if (statistic.tokens() == 0)
      tamp::detail::raise<tamp::value_error>(operation,
                                             ": the statistics have seen no activations");
    seen.norms = statistic.values();
    return seen;
  };
  if (r.score == "sparsegpt") {
    if (!nb::isinstance<gram>(argument)) refuse("");
    seen.gram = &nb::cast<const gram&>(argument);
    return seen;
  }
  if (nb::isinstance<amia_norm>(argument)) return take(nb::cast<const amia_norm&>(argument));
  if (nb::isinstance<column_norm>(argument)) {
    if (r.score == "amia") refuse("");
    return take(nb::cast<const column_norm&>(argument));
  }
  if (nb::isinstance<gram>(argument) || nb::isinstance<token_diversity>(argument)) refuse("");
  seen.norms = float_list(argument, operation, "the statistic");
  return seen;
}

void bind_statistics(nb::module_& m) {
  bind_statistic<column_norm>(m, "ColumnNorm", R"(The norm of each input feature of a layer.

    norm(j) = sqrt(sum over calls of ||X[:, j]||^2 / sum over calls of count)

One sequence counts 1, whatever its number of tokens, as Wanda counts. Sums are in double.)")
      .def(
          "add",
          [](nb::object self, const tensor_like& x, const optional_tensor& weights,
             std::uint64_t count) {
            add_inputs(nb::cast<column_norm&>(self), x, weights, count);
            return self;
          },
          "x"_a, "weights"_a = nb::none(), "count"_a = 1,
          nb::sig("def add(self, x: Tensor, weights: Tensor | None = None, count: int = 1) -> "
                  "ColumnNorm"),
          R"(Adds activations: one sequence (tokens, features), or a batch (sequences, tokens,
features). `weights` has one number for each token; a token of weight 0 is no token.

Raises ShapeError for another number of features, and ValueError_ if a number is not finite. Nothing
is added then.)")
      .def_static(
          "of",
          [](const tensor_like& norms, std::uint64_t tokens) {
            return column_norm::of(float_list(norms, "ColumnNorm.of", "norms"), tokens);
          },
          "norms"_a, "tokens"_a = 1,
          "Returns the statistic of norms that were made elsewhere. It counts as one sequence.")
      .def_prop_ro(
          "values", [](const column_norm& norms) { return numpy(norms.values()); },
          nb::sig("def values(self) -> numpy.typing.NDArray[numpy.float32]"),
          "A new array of one norm for each feature; zeros while nothing is added.")
      .def_prop_ro("features", &column_norm::features, "The number of features.")
      .def_prop_ro("count", &column_norm::count, "The number of sequences added.")
      .def("__repr__", [](const column_norm& norms) {
        return tamp::detail::sentence("<tamp.ColumnNorm of ", norms.features(), " features, ",
                                      norms.tokens(), " tokens>");
      });

  bind_statistic<gram>(m, "Gram", R"(The Gram matrix X^T X of a layer's inputs, for SparseGPT.

Products are made and summed in double. Memory: 8 bytes for each pair of features, 134 MB for 4096.)")
      .def(
          "add",
          [](nb::object self, const tensor_like& x, const optional_tensor& weights,
             std::uint64_t count) {
            add_inputs(nb::cast<gram&>(self), x, weights, count);
            return self;
          },
          "x"_a, "weights"_a = nb::none(), "count"_a = 1,
          nb::sig(
              "def add(self, x: Tensor, weights: Tensor | None = None, count: int = 1) -> Gram"),
          "Adds activations, as ColumnNorm.add does.")
      .def_prop_ro(
          "values",
          [](const gram& sums) {
            const auto matrix = sums.matrix();
            return numpy(std::vector<double>(matrix.data(), matrix.data() + matrix.size()),
                         {matrix.rows(), matrix.cols()});
          },
          nb::sig("def values(self) -> numpy.typing.NDArray[numpy.float64]"),
          "A new array of the sums, (features, features).")
      .def_prop_ro("features", &gram::features, "The number of features.")
      .def_prop_ro("count", &gram::count, "The number of sequences added.")
      .def("__repr__", [](const gram& sums) {
        return tamp::detail::sentence("<tamp.Gram of ", sums.features(), " features, ",
                                      sums.tokens(), " tokens>");
      });

  bind_statistic<amia_norm>(m, "AmiaNorm",
                            R"(The norm of each input feature over representative tokens, for AMIA.

The tokens are chosen by the layer's outputs, the kinds of tokens and the attention to them.)")
      .def(
          "add",
          [](nb::object self, const tensor_like& x, const tensor_like& y,
             const tensor_like& attention, const optional_tensor& kinds) {
            const tensor inputs(x, "add", "X"), outputs(y, "add", "Y");
            const auto from = inputs.matrix(), to = outputs.matrix();
            const auto received = float_list(attention, "add", "attention");
            const auto its_kinds = kinds_of(kinds, from.rows(), tamp::modality::text);
            auto& statistic = nb::cast<amia_norm&>(self);
            without_gil([&] {
              statistic.add(executor(),
                            tamp::layer_sample{from, to, std::span<const tamp::modality>(its_kinds),
                                               std::span<const float>(received)});
              return 0;
            });
            return self;
          },
          "x"_a, "y"_a, "attention"_a, "kinds"_a = nb::none(),
          nb::sig("def add(self, x: Tensor, y: Tensor, attention: Tensor, kinds: Tensor | None = "
                  "None) -> AmiaNorm"),
          R"(Adds one sequence: the layer's inputs (tokens, in_features) and outputs (tokens,
out_features), the last query's attention to each token (mean over heads), and the kind of each token
(0 text, 1 image, 2 audio, 3 video; True is an image), all text by default.)")
      .def_prop_ro(
          "values", [](const amia_norm& norms) { return numpy(norms.values()); },
          nb::sig("def values(self) -> numpy.typing.NDArray[numpy.float32]"),
          "A new array of one norm for each feature.")
      .def_prop_ro("features", &amia_norm::features, "The number of features.")
      .def_prop_ro("tokens_seen", &amia_norm::tokens_seen,
                   "The number of all tokens, of which `tokens` were chosen.");

  bind_statistic<token_diversity>(m, "TokenDiversity",
                                  R"(The diversity of a layer's output tokens, for DAS.)")
      .def(
          "add",
          [](nb::object self, const tensor_like& y, const optional_tensor& kinds) {
            const tensor outputs(y, "add", "Y");
            const auto to = outputs.matrix();
            const auto its_kinds = kinds_of(kinds, to.rows(), tamp::modality::text);
            auto& statistic = nb::cast<token_diversity&>(self);
            without_gil([&] {
              statistic.add(executor(), to, std::span<const tamp::modality>(its_kinds));
              return 0;
            });
            return self;
          },
          "y"_a, "kinds"_a = nb::none(),
          nb::sig("def add(self, y: Tensor, kinds: Tensor | None = None) -> TokenDiversity"),
          "Adds one sequence's outputs, (tokens, out_features), and the kind of each token.")
      .def_prop_ro("importance", &token_diversity::importance, "The layer's importance in DAS.");
}

}  // namespace tamp_python
