// Token policies on any context: a valid selection, or a refusal.

#include <tamp/stat/amia_select.hpp>
#include <tamp/token/attention_received.hpp>
#include <tamp/token/attention_record.hpp>
#include <tamp/token/attention_top_k.hpp>
#include <tamp/token/cdpruner.hpp>
#include <tamp/token/dart.hpp>
#include <tamp/token/divprune.hpp>
#include <tamp/token/evs.hpp>
#include <tamp/token/fitprune.hpp>
#include <tamp/token/folder.hpp>
#include <tamp/token/frame_quotas.hpp>
#include <tamp/token/gather.hpp>
#include <tamp/token/mmr.hpp>
#include <tamp/token/pixel_prune.hpp>
#include <tamp/token/published_order.hpp>
#include <tamp/token/random_choice.hpp>
#include <tamp/token/scope.hpp>
#include <tamp/token/select.hpp>
#include <tamp/token/sparsevlm.hpp>
#include <tamp/token/sparsevlm_recycling.hpp>
#include <tamp/token/tome.hpp>
#include <tamp/token/vidcom2.hpp>
#include <tamp/token/visionzip.hpp>

#include <algorithm>
#include <numeric>

#include "executors.hpp"
#include "tensors.hpp"

namespace fuzz::tokens {

using tamp::modality;
using tamp::token::context;

/// A host's memory of one sequence, in which something may be missing, too long or not finite.
struct scene {
  std::vector<modality> kinds;
  std::vector<float> attention;
  std::size_t heads = 1, queries = 0, first_query = 0;
  matrix<float> hidden, keys;
  std::vector<float> relevance, importance, sizes;
  std::vector<std::uint32_t> images;
  std::vector<tamp::token::grid> grids;
  std::vector<std::size_t> positions;

  static scene of(source& in) {
    scene s;
    const std::size_t tokens = in.count(0, 24);
    const bool broken = in.once_in(8);
    const auto rows = [&] { return broken && in.once_in(4) ? in.count(0, 25) : tokens; };
    const auto number = [&] {
      return broken && in.once_in(32) ? in.number<float>() : in.finite<float>();
    };
    const auto positive = [&] {
      const float any = number();
      return broken && in.once_in(32) ? any : std::fabs(any);
    };
    const bool mostly_visual = in.flag();
    s.kinds = in.list(tokens, [&] {
      return mostly_visual && !in.once_in(4) ? modality::image : modality(in.count(0, 3));
    });
    if (tokens != 0 && in.flag()) s.kinds.back() = modality::text;
    s.heads = in.count(broken ? 0 : 1, 3);
    s.first_query = in.once_in(4) ? in.count(0, tokens) : 0;
    s.queries = tokens - s.first_query;
    s.attention = in.list(s.heads * s.queries * rows(), positive);
    s.hidden = matrix<float>::of(in, rows(), in.count(0, 8), number);
    s.keys = matrix<float>::of(in, rows(), 2 * in.count(0, 4), number);
    if (in.flag()) s.relevance = in.list(rows(), number);
    if (in.flag()) s.sizes = in.list(rows(), [&] { return positive() + 1; });
    if (in.flag()) s.images = in.list(rows(), [&] { return std::uint32_t(in.count(0, 2)); });
    const bool is_signed = in.flag();
    if (in.flag())
      s.importance = in.list(rows(), [&] { return is_signed ? number() : positive(); });
    if (in.flag()) s.add_grids(in, broken);
    if (in.flag()) s.positions = in.list(rows(), [&] { return in.size(99); });
    return s;
  }
  // A grid for each image, of frames as its tokens allow, and sometimes others.
  void add_grids(source& in, bool broken) {
    if (!images.empty() && images.size() != kinds.size()) return;
    for (const auto& tokens : tamp::detail::by_image({.kinds = kinds, .images = images},
                                                     context{.kinds = kinds}.visual())) {
      tamp::token::grid g{in.count(1, 6), 1, tokens.size()};
      while (tokens.size() % g.frames != 0) --g.frames;
      g.width /= g.frames;
      if (in.flag()) std::swap(g.width, g.height);
      if (broken && in.once_in(8)) g.height = in.size(99);
      grids.push_back(g);
    }
    if (broken && in.once_in(8)) grids.resize(in.count(0, 4));
  }
  context view() const {
    return {.kinds = kinds,
            .attention = {attention, heads, queries, kinds.size(), first_query},
            .hidden = hidden.view(),
            .keys = keys.view(),
            .relevance = relevance,
            .importance = importance,
            .images = images,
            .grids = grids,
            .positions = positions,
            .sizes = sizes};
  }
};

/// The properties of every selection of `keep` visual tokens.
void check_selection(const context& c, const tamp::token::selection& made, std::size_t keep) {
  const std::size_t visual = c.visual().size();
  check(made.kept.size() == c.tokens() - visual + std::min(keep, visual), "the count is exact");
  check(std::adjacent_find(made.kept.begin(), made.kept.end(), std::greater_equal<>()) ==
            made.kept.end(),
        "tokens ascend");
  for (std::size_t t = 0; t < c.tokens(); ++t) {
    const bool stays = std::binary_search(made.kept.begin(), made.kept.end(), t);
    check(stays || c.is_visual(t), "text stays");
    if (!made.merges()) continue;
    const std::size_t into = made.into[t];
    check(!stays || made.kept[into] == t, "what stays is its own place");
    check(into == made.nowhere || into < made.kept.size(), "what merges has a place");
  }
  check(made.kept.empty() || made.kept.back() < c.tokens(), "a token is one of the sequence");
  check(!made.merges() || made.into.size() == c.tokens(), "every token has a fate");
  check(made.order.empty() || made.order.size() == made.kept.size(), "the order is of all kept");
  for (std::size_t k = 0; k < made.order.size(); ++k)
    check(c.is_visual(made.kept[k]) || made.order[k] == k, "text stays in its place");
  for (const std::size_t k : made.targets)
    check(k < made.kept.size() && c.is_visual(made.kept[k]), "targets are visual tokens that stay");
  std::vector<std::size_t> ordered = tamp::token::in_published_order(made).kept;
  std::sort(ordered.begin(), ordered.end());
  check(ordered == made.kept, "the published order is of the kept tokens");
}

/// The same numbers as doubles, column after column, so that nothing is read in place.
struct scene_in_double {
  std::vector<double> attention, hidden, keys;
  context view;

  explicit scene_in_double(const scene& s) : view(s.view()) {
    const std::size_t heads = s.heads, queries = s.queries, tokens = s.kinds.size();
    attention.resize(heads * queries * tokens);
    for (std::size_t row = 0; row < heads * queries; ++row)
      for (std::size_t t = 0; t < tokens; ++t)
        attention[t * heads * queries + row] = double(s.attention[row * tokens + t]);
    const auto rows = std::ptrdiff_t(heads * queries);
    view.attention = {attention.data(),
                      tamp::dtype::f64,
                      {heads, queries, tokens},
                      {std::ptrdiff_t(queries), 1, rows},
                      s.first_query};
    view.hidden = columns(s.hidden.view(), hidden);
    view.keys = columns(s.keys.view(), keys);
  }

 private:
  static tamp::any_view columns(tamp::matrix_view<const float> from, std::vector<double>& to) {
    for (std::size_t j = 0; j < from.cols(); ++j)
      for (std::size_t i = 0; i < from.rows(); ++i) to.push_back(double(from(i, j)));
    return {to.data(), tamp::dtype::f64, from.rows(), from.cols(), 1, std::ptrdiff_t(from.rows())};
  }
};

template <class Policy>
void select_by(source& in, const Policy& policy) {
  const scene s = scene::of(in);
  tamp::token::quota quota{in.once_in(16) ? in.size(30) : in.count(0, 25),
                           in.once_in(4) ? in.size(4) : 0};
  if (in.once_in(8)) quota.minimum_per_frame = in.size(4);
  std::vector<std::size_t> counts;
  if (in.once_in(8)) {
    refusal([&] { counts = tamp::token::frame_quotas(s.view(), quota.keep); });
    if (in.once_in(4)) counts = in.list(in.count(0, 6), [&] { return in.size(9); });
    if (!in.once_in(8)) quota.keep = std::accumulate(counts.begin(), counts.end(), std::size_t{0});
    quota.per_frame = counts;
  }
  std::optional<tamp::token::selection> first;
  std::optional<std::string> first_answer;
  bool is_first = true;
  with_every_instructions(in, [&](const any_executor&) {
    tamp::token::selection made;
    const auto answer = refusal([&] {
      const context c = s.view();
      made = tamp::token::select(c, policy, quota);
      check_selection(c, made, quota.keep);
    });
    if (std::exchange(is_first, false)) {
      first_answer = answer;
      if (!answer) first = made;
    }
    check(answer == first_answer, "all instructions refuse alike");
    check(answer || made == *first, "all instructions select alike");
  });
  if (!first) return;
  if (in.flag()) {
    const scene_in_double same(s);
    check(tamp::token::select(same.view, policy, quota) == *first, "all types select alike");
  }
  refusal([&] { tamp::token::merged_sizes(*first, s.sizes); });
  matrix<float> rows = s.hidden;
  if (!rows.is_apart()) return;
  refusal([&] { tamp::token::merge_rows(rows.view(), *first, s.sizes); });
  rows = s.hidden;
  refusal([&] {
    const auto ordered = tamp::token::in_published_order(*first);
    if constexpr (tamp::token::merging_policy<Policy>)
      policy.merge_rows(rows.view(), ordered, s.view());
    else
      tamp::token::gather_rows(rows.view(), ordered.kept);
  });
}

template <class Policy>
void by_default(source& in) {
  select_by(in, Policy{});
}

void by_amia(source& in) {
  const scene s = scene::of(in);
  tamp::stat::amia_select policy;
  if (in.flag()) {
    policy.neighbours = in.size(30);
    policy.forward_gamma = in.number<double>();
    policy.backward_gamma = in.number<double>();
    policy.sigma = in.number<double>();
    policy.tolerance = in.number<double>();
  }
  const auto attention = in.list(s.hidden.rows, [&] { return std::fabs(in.finite<float>()); });
  with_every_instructions(in, [&](const any_executor& exec) {
    refusal([&] {
      auto taken = policy(exec, s.hidden.view(), s.kinds, attention);
      check(!taken.empty() || s.hidden.rows == 0, "at least one token is taken");
      std::sort(taken.begin(), taken.end());
      check(std::adjacent_find(taken.begin(), taken.end()) == taken.end(), "tokens are taken once");
      check(taken.empty() || taken.back() < s.hidden.rows, "a token is one of the sequence");
    });
  });
}

void record(source& in) {
  const scene s = scene::of(in);
  refusal([&] {
    const auto made = tamp::token::attention_record::of(s.view());
    const std::size_t visual = s.view().visual().size();
    check(made.cross.size() == visual && made.self.size() == visual * visual,
          "a record is of the visual tokens");
  });
}

void receive(source& in) {
  const scene s = scene::of(in);
  const std::size_t patches = in.size(4);
  refusal([&] {
    const auto received = tamp::token::attention_received(s.view().attention, patches);
    check(received.size() * patches == s.kinds.size(), "there is one number for each token");
    for (const float number : received)
      check(number >= 0 && std::isfinite(number), "what is received is a number");
  });
}

// A token dropped with a distance of 0 is equal to the one that stands for it.
void prune_pixels(source& in) {
  const tamp::token::grid g{in.count(1, 3), in.count(1, 5), in.count(1, 5)};
  const std::size_t rows = in.once_in(16) ? in.count(0, 30) : g.tokens();
  const bool broken = in.once_in(8);
  const auto patches = matrix<float>::of(in, rows, in.count(broken ? 0 : 1, 4), [&] {
    return broken ? in.number<float>() : float(in.count(0, 2));
  });
  const tamp::token::pixel_prune_options options{
      in.flag() ? 0.0 : (broken ? in.number<double>() : in.fraction()),
      tamp::token::pixel_distance(in.count(0, broken ? 3 : 2))};
  std::optional<tamp::token::selection> first;
  with_every_instructions(in, [&](const any_executor&) {
    refusal([&] {
      const auto made = tamp::token::pixel_prune(patches.view(), g, options);
      check(!first || made == *first, "all instructions drop alike");
      first = made;
      check(made.into.size() == rows && !made.kept.empty(), "every patch has a fate");
      for (std::size_t k = 0; k < made.kept.size(); ++k)
        check(made.into[made.kept[k]] == k, "what stays stands for itself");
      for (std::size_t t = 0; t < rows && options.tau == 0; ++t)
        for (std::size_t j = 0; j < patches.cols && made.kept[made.into[t]] != t; ++j)
          check(patches.view()(t, j) == patches.view()(made.kept[made.into[t]], j),
                "nothing is lost");
    });
  });
}

using namespace tamp::token;

constexpr void (*policies[])(source&) = {
    by_default<attention_top_k>,
    by_default<fitprune>,
    by_default<divprune>,
    by_default<evs>,
    [](source& in) { select_by(in, vidcom2{in.once_in(8) ? in.number<double>() : in.fraction()}); },
    [](source& in) { select_by(in, scope{in.once_in(8) ? in.number<double>() : in.fraction()}); },
    [](source& in) {
      select_by(in, mmr{.lambda = in.once_in(8) ? in.number<double>() : in.fraction(),
                        .at_once = in.size(5),
                        .epsilon = in.flag() ? 1e-6 : in.number<double>()});
    },
    by_default<cdpruner>,
    [](source& in) {
      select_by(in, cdpruner{.theta = in.once_in(8) ? in.number<double>() : in.fraction(),
                             .form = relevance_form(in.count(0, 1)),
                             .scale = relevance_scale(in.count(0, 2)),
                             .by_image = in.flag(),
                             .in_halves = in.flag()});
    },
    by_default<sparsevlm>,
    [](source& in) {
      const std::size_t raters = in.count(0, 2);
      sparsevlm_recycling policy{in.list(raters, [&] { return in.size(24); })};
      if (in.flag()) policy.clusters = in.size(24);
      select_by(in, policy);
    },
    [](source& in) { select_by(in, folder{in.flag()}); },
    [](source& in) { select_by(in, dart{in.size(5), in.size(5)}); },
    [](source& in) { select_by(in, tome{in.size(4), in.flag(), in.once_in(4)}); },
    [](source& in) { select_by(in, visionzip{in.size(6), in.size(4)}); },
    [](source& in) { select_by(in, tamp::token::random_choice{in.bits<std::uint64_t>()}); },
    by_amia,
    record,
    receive,
    prune_pixels};

const registered here("tokens", [](source& in) { in.of(policies)(in); });

}  // namespace fuzz::tokens
