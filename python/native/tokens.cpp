// Selection of visual tokens.

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/token/attention_record.hpp>
#include <tamp/token/attention_top_k.hpp>
#include <tamp/token/cdpruner.hpp>
#include <tamp/token/dart.hpp>
#include <tamp/token/divprune.hpp>
#include <tamp/token/evs.hpp>
#include <tamp/token/fitprune.hpp>
#include <tamp/token/fitprune_fit.hpp>
#include <tamp/token/mmr.hpp>
#include <tamp/token/pixel_prune.hpp>
#include <tamp/token/random_choice.hpp>
#include <tamp/token/schedule.hpp>
#include <tamp/token/scope.hpp>
#include <tamp/token/select.hpp>
#include <tamp/token/sparsevlm.hpp>
#include <tamp/token/vidcom2.hpp>
#include <tuple>
#include <vector>

#include "arrays.hpp"
#include "kinds.hpp"
#include "module.hpp"
#include "run.hpp"

namespace nb = nanobind;
using namespace nb::literals;
namespace token = tamp::token;

namespace tamp_python {
namespace {

// Refuses numbers that the CPU cannot read, or of a type that tamp does not read.
void check_readable(const tamp::any_view& part) {
  part.visit([](auto) {});
}

// Hidden states are (tokens, features) or (1, tokens, features). Keys may also be (heads, tokens,
// length) and (1, heads, tokens, length), which are read as (tokens, heads * length).
token::rows_view rows_of(const std::optional<tensor>& array, const char* who, const char* what,
                         bool has_heads) {
  if (!array) return {};
  const std::size_t ndim = array->ndim();
  const std::size_t outer = ndim <= 2 ? 1 : ndim == 3 ? array->extent(0) : array->extent(1);
  const bool is_one = ndim <= 3 || (ndim == 4 && array->extent(0) == 1);
  if (!is_one || (!has_heads && outer != 1))
    tamp::detail::raise<tamp::shape_error>(
        who, ": ", what, " are of several sequences: select from one at a time, as (tokens, ",
        has_heads ? "features), (heads, tokens, length) or (1, heads, tokens, length)"
                  : "features)");
  const auto parts = array->matrices();
  if (parts.empty()) return {};
  check_readable(parts[0]);
  if (parts.size() == 1) return parts[0];
  return {parts[0].data(),
          parts[0].type(),
          {outer, parts[0].rows(), parts[0].cols()},
          {array->stride(ndim - 3), parts[0].row_stride(), parts[0].col_stride()}};
}

// (tokens,), (heads, tokens), (heads, queries, tokens) or (1, heads, queries, tokens). The queries
// are the last ones of the sequence.
token::attention_view attention_of(const std::optional<tensor>& array, const char* who) {
  if (!array) return {};
  const std::size_t ndim = array->ndim();
  if (ndim == 0 || ndim > 4 || (ndim == 4 && array->extent(0) != 1))
    tamp::detail::raise<tamp::shape_error>(
        who,
        ": the attention is (tokens,), (heads, tokens), (heads, queries, tokens) or (1, heads, "
        "queries, tokens)");
  const auto parts = array->matrices();
  if (parts.empty()) return {};
  check_readable(parts[0]);
  if (ndim <= 2) return token::attention_view::of_last_query(parts[0]);
  const std::size_t queries = array->extent(ndim - 2), tokens = array->extent(ndim - 1);
  if (queries > tokens)
    tamp::detail::raise<tamp::shape_error>(who, ": the attention of ", queries, " queries to ",
                                           tokens, " tokens: the last dimension is that of tokens");
  return {parts[0].data(),
          parts[0].type(),
          {array->extent(ndim - 3), queries, tokens},
          {array->stride(ndim - 3), parts[0].row_stride(), parts[0].col_stride()},
          tokens - queries};
}

std::optional<tensor> given(nb::handle array, const char* who, const char* what) {
  if (!array.is_valid() || array.is_none()) return {};
  return tensor(array, who, what);
}

nb::object indices(const std::vector<std::size_t>& tokens) {
  return numpy(std::vector<std::int64_t>(tokens.begin(), tokens.end()));
}

// (frames, height, width), or a list of such for several images and videos.
token::grid grid_of(nb::handle numbers) {
  const auto [frames, height, width] =
      nb::cast<std::tuple<std::size_t, std::size_t, std::size_t>>(numbers);
  return {frames, height, width};
}
std::vector<token::grid> grids_of(nb::handle grid) {
  if (!grid.is_valid() || grid.is_none()) return {};
  const nb::object first = nb::len(grid) == 0 ? nb::none() : nb::object(grid[0]);
  if (!nb::hasattr(first, "__len__")) return {grid_of(grid)};
  std::vector<token::grid> all;
  for (const nb::handle one : grid) all.push_back(grid_of(one));
  return all;
}

struct shown {
  nb::handle hidden{}, keys{}, attention{}, relevance{}, visual{}, images{}, importance{}, grid{};
  std::optional<std::size_t> tokens{};
  std::uint64_t sequence = 0;
};

template <class Policy>
nb::object select(const char* who, const Policy& policy, std::size_t keep, std::size_t minimum,
                  const shown& arguments) {
  const auto its_hidden = given(arguments.hidden, who, "the array of hidden states");
  const auto its_keys = given(arguments.keys, who, "the array of keys");
  const auto its_attention = given(arguments.attention, who, "the attention");
  const auto hidden = rows_of(its_hidden, who, "the hidden states", false);
  const auto keys = rows_of(its_keys, who, "the keys", true);
  const auto attention = attention_of(its_attention, who);
  const auto relevance = arguments.relevance.is_valid()
                             ? float_list(arguments.relevance, who, "the relevance")
                             : std::vector<float>();
  const auto importance = arguments.importance.is_valid()
                              ? float_list(arguments.importance, who, "the importance")
                              : std::vector<float>();
  const std::vector<token::grid> grids = grids_of(arguments.grid);
  const std::size_t tokens = arguments.tokens  ? *arguments.tokens
                             : !hidden.empty() ? hidden.rows()
                             : !keys.empty()   ? keys.rows()
                                               : attention.tokens();
  const auto kinds = kinds_of(arguments.visual, tokens, tamp::modality::image);
  std::vector<std::uint32_t> images;
  if (arguments.images.is_valid() && !arguments.images.is_none())
    for (const double image : double_list(arguments.images, who, "the images"))
      images.push_back(static_cast<std::uint32_t>(image));
  const token::context context{.kinds = kinds,
                               .attention = attention,
                               .hidden = hidden,
                               .keys = keys,
                               .relevance = relevance,
                               .importance = importance,
                               .images = images,
                               .grids = grids,
                               .sequence = arguments.sequence};
  const auto chosen = without_gil(
      [&] { return token::select(context, policy, {.keep = keep, .minimum_per_image = minimum}); });
  return indices(chosen.kept);
}

template <class Scale>
Scale by_name(std::string_view who, std::string_view name,
              std::initializer_list<std::pair<std::string_view, Scale>> known) {
  std::string all;
  for (const auto& [its_name, value] : known) {
    if (its_name == name) return value;
    all += (all.empty() ? "" : ", ") + std::string(its_name);
  }
  tamp::detail::raise<tamp::value_error>(who, ": there is no \"", name, "\": the names are ", all);
}

#define TAMP_SIGNATURE(name, arrays, more)                                  \
  nb::sig("def " name "(" arrays                                            \
          ", keep: int, visual: Tensor | slice | range | None = None"       \
          ", *" more                                                        \
          ", images: Tensor | None = None, minimum_per_image: int = 0) -> " \
          "numpy.typing.NDArray[numpy.int64]")

constexpr const char* quota_text = R"(

`keep` visual tokens stay, of all images together; text always stays. `visual` says which tokens are
visual: an array of bool, a slice or range, or None for all. `images` numbers the image of each token;
with `minimum_per_image` each keeps at least so many. Returns the tokens that stay, text among them,
ascending.

Raises ShapeError if the arrays are of different lengths, and ValueError_ if a number that is read is
not finite or an attention is negative.)";

std::string with_quota(std::string_view text) { return std::string(text) + quota_text; }

token::fitprune_fit::result fitted(const token::attention_recording& recording, double budget,
                                   const tamp::block_shape& shape, std::size_t text,
                                   const std::string& rounding, double resolution) {
  token::fitprune_fit fit{.budget = budget, .shape = shape, .resolution = resolution, .text = text};
  fit.rounding = by_name<token::rounding>(
      "fitprune_fit", rounding, {{"down", token::rounding::down}, {"up", token::rounding::up}});
  return without_gil([&] {
    const auto counts = recording.visual_tokens();
    return fit(executor(), recording, counts, recording.layers());
  });
}

}  // namespace

void bind_tokens(nb::module_& m) {
  using fit_result = token::fitprune_fit::result;
  m.def(
      "attention_top_k",
      [](const tensor_like& attention, std::size_t keep, const nb::object& visual,
         const nb::object& images, std::size_t minimum) {
        return select("attention_top_k", token::attention_top_k{}, keep, minimum,
                      {.attention = attention, .visual = visual, .images = images});
      },
      "attention"_a, "keep"_a, "visual"_a = nb::none(), nb::kw_only(), "images"_a = nb::none(),
      "minimum_per_image"_a = 0, TAMP_SIGNATURE("attention_top_k", "attention: Tensor", ""),
      with_quota(R"(Keeps the visual tokens that the last query attends to most: FastV.

`attention` is that of the last token or of more queries up to it, after the softmax: (tokens,),
(heads, tokens), (heads, queries, tokens) or (1, heads, queries, tokens).
Source: Chen et al. 2024, FastV (arXiv 2403.06764).)")
          .c_str());
  m.def(
      "fitprune",
      [](const tensor_like& attention, std::size_t keep, const nb::object& visual,
         const nb::object& images, std::size_t minimum) {
        return select("fitprune", token::fitprune{}, keep, minimum,
                      {.attention = attention, .visual = visual, .images = images});
      },
      "attention"_a, "keep"_a, "visual"_a = nb::none(), nb::kw_only(), "images"_a = nb::none(),
      "minimum_per_image"_a = 0, TAMP_SIGNATURE("fitprune", "attention: Tensor", ""),
      with_quota(
          R"(Keeps the visual tokens that the text after them and they themselves attend to most.

`attention` is that of the visual tokens and all after them. Use it with the schedule of FitPruneFit.
Source: Ye et al. 2024, FitPrune (arXiv 2409.10197).)")
          .c_str());
  m.def(
      "divprune",
      [](const tensor_like& hidden, std::size_t keep, const nb::object& visual,
         const nb::object& images, std::size_t minimum) {
        return select("divprune", token::divprune{}, keep, minimum,
                      {.hidden = hidden, .visual = visual, .images = images});
      },
      "hidden"_a, "keep"_a, "visual"_a = nb::none(), nb::kw_only(), "images"_a = nb::none(),
      "minimum_per_image"_a = 0, TAMP_SIGNATURE("divprune", "hidden: Tensor", ""),
      with_quota(
          R"(Keeps the visual tokens that are least alike, by the cosine of their hidden states.

`hidden` is (tokens, features). It needs no attention and no question.
Source: Alvar et al. 2025, DivPrune (arXiv 2503.02175).)")
          .c_str());
  m.def(
      "dart",
      [](const tensor_like& hidden, const tensor_like& keys, std::size_t keep,
         const nb::object& visual, std::size_t pivots, std::size_t text_pivots,
         const nb::object& images, std::size_t minimum) {
        return select("dart", token::dart{pivots, text_pivots}, keep, minimum,
                      {.hidden = hidden, .keys = keys, .visual = visual, .images = images});
      },
      "hidden"_a, "keys"_a, "keep"_a, "visual"_a = nb::none(), nb::kw_only(), "pivots"_a = 4,
      "text_pivots"_a = 4, "images"_a = nb::none(), "minimum_per_image"_a = 0,
      TAMP_SIGNATURE("dart", "hidden: Tensor, keys: Tensor",
                     ", pivots: int = 4, text_pivots: int = 4"),
      with_quota(R"(Keeps a few pivots, and the visual tokens that are least similar to them.

`keys` are (tokens, features), (heads, tokens, dim) or (1, heads, tokens, dim).
Source: Wen et al. 2025, DART (arXiv 2502.11494).)")
          .c_str());
  m.def(
      "cdpruner",
      [](const tensor_like& hidden, std::size_t keep, const nb::object& visual,
         const nb::object& relevance, double theta, const std::string& form,
         const std::string& scale, bool by_image, bool in_halves, const nb::object& images,
         std::size_t minimum) {
        token::cdpruner policy{.theta = theta, .by_image = by_image, .in_halves = in_halves};
        policy.form =
            by_name<token::relevance_form>("cdpruner", form,
                                           {{"exponential", token::relevance_form::exponential},
                                            {"mixed", token::relevance_form::mixed}});
        policy.scale =
            by_name<token::relevance_scale>("cdpruner", scale,
                                            {{"over_all", token::relevance_scale::over_all},
                                             {"over_group", token::relevance_scale::over_group},
                                             {"as_given", token::relevance_scale::as_given}});
        return select(
            "cdpruner", policy, keep, minimum,
            {.hidden = hidden, .relevance = relevance, .visual = visual, .images = images});
      },
      "hidden"_a, "keep"_a, "visual"_a = nb::none(), nb::kw_only(), "relevance"_a = nb::none(),
      "theta"_a = 1.0, "form"_a = "exponential", "scale"_a = "over_all", "by_image"_a = false,
      "in_halves"_a = false, "images"_a = nb::none(), "minimum_per_image"_a = 0,
      TAMP_SIGNATURE("cdpruner", "hidden: Tensor",
                     ", relevance: Tensor | None = None, theta: float = 1.0, form: str = "
                     "'exponential', scale: str = 'over_all', by_image: bool = False, in_halves: "
                     "bool = False"),
      with_quota(R"(Keeps the visual tokens that are most diverse given the question.

`relevance` is that of each token to the question, larger for tokens that matter more; without it, the
likeness of hidden states to those of the text counts.
Source: Zhang et al. 2025, CDPruner (arXiv 2506.10967).)")
          .c_str());
  m.def(
      "sparsevlm",
      [](const tensor_like& attention, const tensor_like& hidden, std::size_t keep,
         const nb::object& visual, const nb::object& images, std::size_t minimum) {
        return select(
            "sparsevlm", token::sparsevlm{}, keep, minimum,
            {.hidden = hidden, .attention = attention, .visual = visual, .images = images});
      },
      "attention"_a, "hidden"_a, "keep"_a, "visual"_a = nb::none(), nb::kw_only(),
      "images"_a = nb::none(), "minimum_per_image"_a = 0,
      TAMP_SIGNATURE("sparsevlm", "attention: Tensor, hidden: Tensor", ""),
      with_quota(R"(Keeps the visual tokens that the words which relate to the image attend to most.

`attention` is that of the text after the last visual token.
Source: Zhang et al. 2024, SparseVLM (arXiv 2410.04417).)")
          .c_str());
  m.def(
      "random_choice",
      [](std::size_t tokens, std::size_t keep, const nb::object& visual, std::uint64_t seed,
         std::uint64_t sequence, const nb::object& images, std::size_t minimum) {
        return select("random_choice", token::random_choice{seed}, keep, minimum,
                      {.visual = visual, .images = images, .tokens = tokens, .sequence = sequence});
      },
      "tokens"_a, "keep"_a, "visual"_a = nb::none(), nb::kw_only(), "seed"_a = 0, "sequence"_a = 0,
      "images"_a = nb::none(), "minimum_per_image"_a = 0,
      TAMP_SIGNATURE("random_choice", "tokens: int", ", seed: int = 0, sequence: int = 0"),
      with_quota(R"(Keeps random visual tokens of so many tokens, as a baseline.)").c_str());

  m.def(
      "evs",
      [](const tensor_like& hidden, const nb::object& grid, std::size_t keep,
         const nb::object& visual, const nb::object& images, std::size_t minimum) {
        return select("evs", token::evs{}, keep, minimum,
                      {.hidden = hidden, .visual = visual, .images = images, .grid = grid});
      },
      "hidden"_a, "grid"_a, "keep"_a, "visual"_a = nb::none(), nb::kw_only(),
      "images"_a = nb::none(), "minimum_per_image"_a = 0,
      TAMP_SIGNATURE("evs",
                     "hidden: Tensor, grid: tuple[int, int, int] | list[tuple[int, int, int]]", ""),
      with_quota(R"(Keeps the tokens of a video that changed most since the frame before.

`grid` is (frames, height, width) of the visual tokens, or a list of one for each image or video.
Of a still scene the earliest tokens stay. evs_count is the published count.
Source: NVIDIA's efficient video sampling (arXiv 2510.14624), vLLM.)")
          .c_str());
  m.def(
      "evs_count",
      [](const nb::object& grid, double pruned) {
        return token::evs::published_count(grid_of(grid), pruned);
      },
      "grid"_a, "pruned"_a,
      nb::sig("def evs_count(grid: tuple[int, int, int], pruned: float) -> int"),
      "Returns how many tokens of a video vLLM keeps if it prunes a fraction of them: at least one "
      "frame.");
  m.def(
      "vidcom2",
      [](const tensor_like& hidden, const nb::object& grid, std::size_t keep,
         const nb::object& visual, double ratio, const nb::object& images, std::size_t minimum) {
        return select("vidcom2", token::vidcom2{ratio}, keep, minimum,
                      {.hidden = hidden, .visual = visual, .images = images, .grid = grid});
      },
      "hidden"_a, "grid"_a, "keep"_a, "visual"_a = nb::none(), nb::kw_only(), "ratio"_a = 0.0,
      "images"_a = nb::none(), "minimum_per_image"_a = 0,
      TAMP_SIGNATURE("vidcom2",
                     "hidden: Tensor, grid: tuple[int, int, int] | list[tuple[int, int, int]]",
                     ", ratio: float = 0.0"),
      with_quota(R"(Keeps the least usual tokens of a video, and more of frames that stand out.

`grid` is (frames, height, width) of the visual tokens, or a list of one for each image or video.
`ratio` is the fraction for which frames ask, and 0 stands for that of `keep`. vidcom2_count is the
published count.
Source: Liu et al. 2025, VidCom2 (arXiv 2505.14454).)")
          .c_str());
  m.def(
      "vidcom2_count",
      [](const nb::object& grid, double ratio) {
        return token::vidcom2::published_count(grid_of(grid), ratio);
      },
      "grid"_a, "ratio"_a,
      nb::sig("def vidcom2_count(grid: tuple[int, int, int], ratio: float) -> int"),
      "Returns how many tokens of a video vLLM keeps: at least one a frame.");
  m.def(
      "scope",
      [](const tensor_like& hidden, const tensor_like& importance, std::size_t keep,
         const nb::object& visual, double alpha, const nb::object& images, std::size_t minimum) {
        return select(
            "scope", token::scope{alpha}, keep, minimum,
            {.hidden = hidden, .visual = visual, .images = images, .importance = importance});
      },
      "hidden"_a, "importance"_a, "keep"_a, "visual"_a = nb::none(), nb::kw_only(), "alpha"_a = 1.0,
      "images"_a = nb::none(), "minimum_per_image"_a = 0,
      TAMP_SIGNATURE("scope", "hidden: Tensor, importance: Tensor", ", alpha: float = 1.0"),
      with_quota(R"(Keeps the tokens that cover the others best, the important ones first.

`importance` is that of each token, (tokens,), not negative, such as the attention that it receives.
Source: SCOPE, saliency and coverage (NeurIPS 2025), AngelSlim.)")
          .c_str());
  m.def(
      "mmr",
      [](const tensor_like& hidden, const tensor_like& importance, std::size_t keep,
         const nb::object& visual, double weight, std::size_t at_once, double epsilon,
         const nb::object& images, std::size_t minimum) {
        return select(
            "mmr", token::mmr{weight, at_once, epsilon}, keep, minimum,
            {.hidden = hidden, .visual = visual, .images = images, .importance = importance});
      },
      "hidden"_a, "importance"_a, "keep"_a, "visual"_a = nb::none(), nb::kw_only(),
      "weight"_a = 0.5, "at_once"_a = 1, "epsilon"_a = 1e-6, "images"_a = nb::none(),
      "minimum_per_image"_a = 0,
      TAMP_SIGNATURE("mmr", "hidden: Tensor, importance: Tensor",
                     ", weight: float = 0.5, at_once: int = 1, epsilon: float = 1e-06"),
      with_quota(R"(Keeps the tokens that are important and unlike those taken before.

`importance` is that of each token, (tokens,), by any measure. `weight`, in [0, 1], is the lambda of
maximal marginal relevance: 1 is importance alone. `at_once` tokens are taken in each round.
Source: Carbonell and Goldstein 1998; IDPruner of AngelSlim.)")
          .c_str());
  m.def(
      "pixel_prune",
      [](const tensor_like& patches, const nb::object& grid, double tau,
         const std::string& distance) {
        token::pixel_prune_options options{.tau = tau};
        options.distance = by_name<token::pixel_distance>(
            "pixel_prune", distance,
            {{"largest", token::pixel_distance::largest},
             {"mean_absolute", token::pixel_distance::mean_absolute},
             {"root_mean_square", token::pixel_distance::root_mean_square}});
        const tensor array(patches, "pixel_prune", "the array of patches");
        const tamp::any_view rows = array.matrix();
        const token::grid places = grid_of(grid);
        const auto made = without_gil([&] { return token::pixel_prune(rows, places, options); });
        return nb::make_tuple(indices(made.kept), indices(made.into));
      },
      "patches"_a, "grid"_a, nb::kw_only(), "tau"_a = 0.0, "distance"_a = "largest",
      nb::sig("def pixel_prune(patches: Tensor, grid: tuple[int, int, int], *, tau: float = 0.0, "
              "distance: str = 'largest') -> tuple[numpy.typing.NDArray[numpy.int64], "
              "numpy.typing.NDArray[numpy.int64]]"),
      R"(Keeps the patches of images that their neighbours do not predict, before the encoder: PixelPrune.

`patches` is (patches, pixels), `grid` (frames, height, width). Patches at a distance of at most `tau`
are alike; with 0 nothing is lost but repetitions. The distance is "largest", "mean_absolute" or
"root_mean_square", of the differences of pixels. Returns the patches that stay, ascending, and of each
patch the place among them of the one that stands for it.

Raises ShapeError if the grid is not that of the patches, and ValueError_ for another tau.
Source: PixelPrune (OPPO-Mente-Lab/PixelPrune).)");

  m.def(
      "drop_at",
      [](std::size_t layers, std::size_t layer, std::size_t count) {
        return indices(token::drop_at(layers, layer, count).drops);
      },
      "layers"_a, "layer"_a, "count"_a,
      nb::sig("def drop_at(layers: int, layer: int, count: int) -> "
              "numpy.typing.NDArray[numpy.int64]"),
      "Returns the schedule in which `count` tokens leave in one layer, as in FastV: the number "
      "that "
      "leaves in each layer.");
  m.def(
      "pyramid_drop",
      [](std::size_t layers, std::size_t visual, double ratio, std::size_t stages) {
        return indices(token::pyramid_drop{.ratio = ratio, .stages = stages}(layers, visual).drops);
      },
      "layers"_a, "visual"_a, "ratio"_a = 0.5, "stages"_a = 4,
      nb::sig("def pyramid_drop(layers: int, visual: int, ratio: float = 0.5, stages: int = 4) -> "
              "numpy.typing.NDArray[numpy.int64]"),
      R"(Returns PyramidDrop's schedule: the number of visual tokens that leaves in front of each layer.

Source: Xing et al. 2024, PyramidDrop (arXiv 2410.17247).)");

  nb::class_<fit_result>(m, "FitPruneSchedule", R"(The schedule that FitPruneFit found.)")
      .def_prop_ro(
          "fractions", [](const fit_result& r) { return numpy(r.schedule.drops); },
          nb::sig("def fractions(self) -> numpy.typing.NDArray[numpy.float64]"),
          "The fraction of the visual tokens that leaves in each layer.")
      .def(
          "for_tokens",
          [](const fit_result& r, std::size_t visual) {
            return indices(r.schedule.for_tokens(visual).drops);
          },
          "visual"_a,
          nb::sig("def for_tokens(self, visual: int) -> numpy.typing.NDArray[numpy.int64]"),
          "Returns the number of tokens that leaves in each layer, for an image of so many.")
      .def_ro("alpha", &fit_result::alpha, "The fraction of its attention that a layer may lose.")
      .def_ro("cost", &fit_result::cost,
              "The fraction of multiply-adds that is left of the sample that it costs most.")
      .def_ro("met", &fit_result::met, "True if the cost is within the budget.");
  nb::class_<token::attention_recording>(m, "FitPruneFit",
                                         R"(The fit of FitPrune's schedule to a budget.

    fit = FitPruneFit(layers=32)
    for each sample, for each layer:
        fit.add(attention, visual)            # (heads, tokens, tokens)
    schedule = fit.schedule(0.4, hidden=4096, ffn=11008)
    schedule.for_tokens(576)                  # how many leave in each layer)")
      .def(nb::init<std::size_t>(), "layers"_a, "Makes a fit of a model of so many layers.")
      .def(
          "add",
          [](token::attention_recording& recording, const tensor_like& array,
             const nb::object& visual) {
            const auto its_attention = given(array, "FitPruneFit", "the attention");
            const auto view = attention_of(its_attention, "FitPruneFit");
            const auto kinds = kinds_of(visual, view.tokens(), tamp::modality::image);
            auto record = without_gil(
                [&] { return token::attention_record::of({.kinds = kinds, .attention = view}); });
            recording.add(std::move(record));
          },
          "attention"_a, "visual"_a,
          nb::sig("def add(self, attention: Tensor, visual: Tensor | slice | range) -> None"),
          R"(Adds the next layer of a sample, or the first layer of the next: the attention of the visual
tokens and all after them.)")
      .def_prop_ro("samples", &token::attention_recording::samples, "The number of whole samples.")
      .def(
          "schedule",
          [](const token::attention_recording& recording, double budget, std::uint64_t hidden,
             std::uint64_t ffn, std::optional<std::uint64_t> queries,
             std::optional<std::uint64_t> keys, std::uint64_t ffn_layers, std::size_t text,
             const std::string& rounding, double resolution) {
            const tamp::block_shape shape{.hidden = hidden,
                                          .queries = queries.value_or(hidden),
                                          .keys = keys.value_or(queries.value_or(hidden)),
                                          .ffn = ffn,
                                          .ffn_layers = ffn_layers};
            return fitted(recording, budget, shape, text, rounding, resolution);
          },
          "budget"_a, nb::kw_only(), "hidden"_a, "ffn"_a, "queries"_a = nb::none(),
          "keys"_a = nb::none(), "ffn_layers"_a = 3, "text"_a = 0, "rounding"_a = "down",
          "resolution"_a = 0.01,
          R"(Finds the schedule that leaves `budget` of the multiply-adds of the visual tokens.

hidden, queries (heads * head_dim), keys (kv_heads * head_dim) and ffn are the sizes of a block. `text`
other tokens count along. rounding is "down", as published, or "up", which meets the budget.)");
}

}  // namespace tamp_python
