// The token side: a choice among 576 and 2000 visual tokens, compared to one read of all that the
// context shows; hollow attention, compared to the multiply-adds of the pairs that it computes; and
// gathering a fifth of a layer's channels, compared to a read of those.

#include <tamp/tamp.hpp>

#include "floor.hpp"

namespace {

using tamp::modality;

constexpr std::size_t features = 1024, key_features = 256, heads = 8;

// One image between 40 tokens of text, with the last query's attention.
struct prompt {
  explicit prompt(std::size_t visual)
      : kinds(visual + 40, modality::text),
        hidden(bench::random_weights(kinds.size(), features)),
        keys(bench::random_weights(kinds.size(), key_features)),
        attention(heads * kinds.size()) {
    std::fill_n(kinds.begin() + 20, visual, modality::image);
    for (std::size_t k = 0; k < attention.size(); ++k)
      attention[k] = static_cast<float>(k * 37 % 101) / 5e3f;
  }
  tamp::token::context context() const {
    return {.kinds = kinds,
            .attention = {attention, heads, 1, kinds.size(), kinds.size() - 1},
            .hidden = tamp::view(hidden, kinds.size(), features),
            .keys = tamp::view(keys, kinds.size(), key_features)};
  }

  std::vector<modality> kinds;
  std::vector<float> hidden, keys, attention;
};

template <class Policy>
void choose(benchmark::State& state, std::size_t visual, const Policy& policy) {
  prompt p(visual);
  bench::against_floor(
      state, p.hidden.size() * sizeof(float), [] {},
      [&] {
        for (auto* numbers : {&p.hidden, &p.keys, &p.attention})
          bench::read(bench::bytes_of(*numbers));
      },
      [&] {
        benchmark::DoNotOptimize(
            tamp::token::select(p.context(), policy, {.keep = visual / 4}).kept.size());
      });
}

// The same with all numbers in bf16, which are converted where they are read.
template <class Policy>
void choose_from_bf16(benchmark::State& state, std::size_t visual, const Policy& policy) {
  const prompt p(visual);
  const auto in_bf16 = [](const std::vector<float>& numbers) {
    std::vector<tamp::bf16> half;
    for (const float number : numbers) half.push_back(tamp::bf16(number));
    return half;
  };
  auto hidden = in_bf16(p.hidden), keys = in_bf16(p.keys), attention = in_bf16(p.attention);
  const std::size_t tokens = p.kinds.size();
  const auto pitch = static_cast<std::ptrdiff_t>(tokens);
  tamp::token::context c{.kinds = p.kinds,
                         .hidden = tamp::view(hidden, tokens, features),
                         .keys = tamp::view(keys, tokens, key_features)};
  c.attention = {attention.data(), {heads, 1, tokens}, {pitch, pitch, 1}, tokens - 1};
  bench::against_floor(
      state, hidden.size() * sizeof(tamp::bf16), [] {},
      [&] {
        for (auto* numbers : {&hidden, &keys, &attention}) bench::read(bench::bytes_of(*numbers));
      },
      [&] {
        benchmark::DoNotOptimize(tamp::token::select(c, policy, {.keep = visual / 4}).kept.size());
      });
}

void attend(benchmark::State& state, std::size_t window) {
  constexpr std::size_t tokens = 2000, width = 64;
  const prompt p(tokens - 40);
  const tamp::compute::hollow_attention hollow{.window = window};
  const std::vector<float> q = bench::random_weights(tokens, width), k = q, v = q;
  std::vector<float> out(tokens * width);
  const auto view = [&](auto& numbers) { return tamp::view(numbers, tokens, width); };
  bench::against_floor(
      state, out.size() * sizeof(float), [] {},
      [&] { bench::multiply_add<float>(2 * width * hollow.products(p.kinds)); },
      [&] {
        hollow.attend(tamp::execute::sequential{}, view(q), view(k), view(v), p.kinds, 0.125f,
                      view(out));
      });
}

void gather(benchmark::State& state) {
  constexpr std::size_t channels = 8192, width = 1024;
  const std::vector<float> weight = bench::random_weights(channels, width);
  std::vector<std::size_t> chosen;
  for (std::size_t c = 0; c < channels; c += 5) chosen.push_back(c);
  std::vector<float> out(chosen.size() * width), same = out;
  bench::against_floor(
      state, out.size() * sizeof(float), [] {}, [&] { bench::read(bench::bytes_of(same)); },
      [&] {
        tamp::compute::gather_rows(tamp::execute::sequential{}, tamp::view(weight, channels, width),
                                   chosen, tamp::view(out, chosen.size(), width));
      });
}

[[maybe_unused]] const bool registered = [] {
  const auto add = [](const std::string& name, auto body) {
    benchmark::RegisterBenchmark(name.c_str(), body)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond)
        ->MinTime(0.3);
  };
  const auto add_policy = [&](const std::string& name, auto policy) {
    for (const std::size_t visual : {std::size_t{576}, std::size_t{2000}}) {
      add("choose/" + name + "/" + std::to_string(visual),
          [=](benchmark::State& state) { choose(state, visual, policy); });
      add("choose_from_bf16/" + name + "/" + std::to_string(visual),
          [=](benchmark::State& state) { choose_from_bf16(state, visual, policy); });
    }
  };
  add_policy("attention_top_k", tamp::token::attention_top_k{});
  add_policy("random", tamp::token::random_choice{});
  add_policy("divprune", tamp::token::divprune{});
  add_policy("cdpruner", tamp::token::cdpruner{});
  add_policy("dart", tamp::token::dart{});
  add_policy("visionzip", tamp::token::visionzip{});
  add_policy("tome", tamp::token::tome{});
  add_policy("folder", tamp::token::folder{});
  for (const std::size_t window : {std::size_t{256}, std::size_t{2000}})
    add("hollow_attention/" + std::to_string(window),
        [=](benchmark::State& state) { attend(state, window); });
  add("gather_rows", gather);
  return true;
}();

}  // namespace
