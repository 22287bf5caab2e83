// Tokens of video and of any importance: EVS and VidCom2 on 64 frames of 14 x 14 tokens, compared to
// one read and three reads of them; the choices that compare all pairs of 2,880 tokens, compared to
// the multiply-adds of these pairs in double; and SCOPE's queue of bounds, compared to the plain loop.

#include <tamp/tamp.hpp>

#include "floor.hpp"

namespace {

using tamp::modality;

void watch(benchmark::State& state, int reads, const auto& policy) {
  constexpr tamp::token::grid grid{64, 14, 14};
  constexpr std::size_t features = 3584;
  std::vector<float> hidden = bench::random_weights(grid.tokens(), features);
  const std::vector<modality> kinds(grid.tokens(), modality::video);
  const tamp::token::context c{
      .kinds = kinds, .hidden = tamp::view(hidden, kinds.size(), features), .grids = {&grid, 1}};
  bench::against_floor(
      state, hidden.size() * sizeof(float), [] {},
      [&] {
        for (int k = 0; k < reads; ++k) bench::read(bench::bytes_of(hidden));
      },
      [&] {
        benchmark::DoNotOptimize(
            tamp::token::select(c, policy, {.keep = kinds.size() / 4}).kept.size());
      });
}

struct picture {
  explicit picture(std::size_t features)
      : hidden(bench::random_weights(kinds.size(), features)), width(features) {
    for (std::size_t t = 0; t < kinds.size(); ++t)
      importance.push_back(static_cast<float>(t * 37 % 101 + 1) / 102);
  }
  tamp::token::context context() const {
    return {.kinds = kinds,
            .hidden = tamp::view(hidden, kinds.size(), width),
            .importance = importance};
  }

  std::vector<modality> kinds = std::vector<modality>(2880, modality::image);
  std::vector<float> hidden, importance;
  std::size_t width;
};

void compare(benchmark::State& state, std::size_t features, const auto& policy) {
  const picture p(features);
  const std::size_t n = p.kinds.size();
  bench::against_floor(
      state, p.hidden.size() * sizeof(float), [] {},
      [&] { bench::multiply_add<double>(n * (n + 1) / 2 * features); },
      [&] {
        benchmark::DoNotOptimize(
            tamp::token::select(p.context(), policy, {.keep = n / 9}).kept.size());
      });
}

// The plain loop on the same cosines: all gains anew for each token.
std::vector<std::size_t> plain_scope(const picture& p, const tamp::detail::cosines_of_all& cosines,
                                     std::size_t count) {
  const std::size_t n = p.kinds.size();
  std::vector<double> cover(n);
  std::vector<char> taken(n);
  std::vector<std::size_t> chosen;
  tamp::detail::with_similar_rows([&](auto rows) {
    while (chosen.size() < count) {
      double best = -1;
      std::size_t next = 0;
      for (std::size_t j = 0; j < n; ++j) {
        if (taken[j]) continue;
        const double gain = static_cast<double>(p.importance[j]) *
                            rows.sum_above(cosines[j].data(), cover.data(), n);
        if (gain > best) best = gain, next = j;
      }
      taken[next] = 1;
      chosen.push_back(next);
      rows.raise_to(cosines[next].data(), n, cover.data());
    }
  });
  return chosen;
}

// SCOPE with its product of all pairs, against that product and the plain loop.
void lazily(benchmark::State& state) {
  const picture p(1024);
  const tamp::token::context c = p.context();
  const std::vector<std::size_t> all = c.visual();
  const std::size_t count = all.size() / 9;
  std::vector<std::size_t> plain, lazy;
  bench::against_floor(
      state, p.hidden.size() * sizeof(float), [] {},
      [&] {
        const tamp::detail::cosines_of_all cosines("bench", c.hidden, all);
        plain = plain_scope(p, cosines, count);
      },
      [&] { lazy = tamp::token::scope{}(c, all, count); });
  if (plain != lazy) state.SkipWithError("the plain loop chooses others");
}

[[maybe_unused]] const bool registered = [] {
  const auto add = [](const std::string& name, auto body) {
    benchmark::RegisterBenchmark(name.c_str(), body)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond)
        ->MinTime(0.3);
  };
  add("video/evs", [](benchmark::State& s) { watch(s, 1, tamp::token::evs{}); });
  add("video/vidcom2", [](benchmark::State& s) { watch(s, 3, tamp::token::vidcom2{}); });
  for (const std::size_t features : {std::size_t{1024}, std::size_t{3584}}) {
    const auto add_policy = [&](const std::string& name, auto policy) {
      add("pairs/" + name + "/" + std::to_string(features),
          [=](benchmark::State& s) { compare(s, features, policy); });
    };
    add_policy("divprune", tamp::token::divprune{});
    add_policy("scope", tamp::token::scope{});
    add_policy("mmr", tamp::token::mmr{});
    add_policy("cdpruner", tamp::token::cdpruner{});
  }
  add("scope/against_plain_loop", lazily);
  return true;
}();

}  // namespace
