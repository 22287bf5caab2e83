// Weights of tokens: any bytes as a file, any weights there and back, and the gains and the reach
// of any numbers against their definitions.

#include <tamp/io/token_weights.hpp>

#include <tamp/execute/sequential.hpp>
#include <tamp/stat/contribution_gain.hpp>
#include <tamp/stat/token_reach.hpp>

#include "files.hpp"

namespace fuzz::token_weights {

const folder& place() {
  static const folder folder;
  return folder;
}

void open(source& in) {
  const std::string path = file_of(in.rest());
  refusal([&] {
    const auto weights = tamp::io::load<tamp::token_weights>(path);
    for (std::size_t s = 0; s < (std::min)(weights.samples(), std::size_t{100}); ++s)
      for (std::size_t b = 0; b < (std::min)(weights.blocks(), std::size_t{100}); ++b)
        for (const double weight : weights.of(s, b))
          check(std::isfinite(weight) && weight >= 0, "a weight is finite and not negative");
    tamp::io::save(place() / "saved", weights);
    check(tamp::io::load<tamp::token_weights>(place() / "saved") == weights,
          "what is saved is loaded");
  });
}

tamp::token_weights weights_of(source& in) {
  tamp::token_weights weights(in.count(0, 4), in.bits<std::uint64_t>(), in.bits<std::uint64_t>());
  const std::size_t samples = in.count(0, 4);
  for (std::size_t s = 0; s < samples; ++s) {
    const std::size_t tokens = in.count(0, 6);
    std::vector<std::vector<double>> of_blocks;
    for (std::size_t b = 0; b < weights.blocks(); ++b)
      of_blocks.push_back(in.list(in.once_in(64) ? tokens + 1 : tokens, [&] {
        return in.once_in(64) ? in.number<double>() : std::fabs(in.finite<double>());
      }));
    const tamp::token_weights before = weights;
    if (refusal([&] { weights.add(of_blocks); }))
      check(weights == before, "a sample that is refused changes nothing");
  }
  if (in.flag()) weights.finish();
  return weights;
}

void round_trip(source& in) {
  const tamp::token_weights weights = weights_of(in);
  tamp::io::save(place() / "weights", weights);
  check(tamp::io::load<tamp::token_weights>(place() / "weights") == weights,
        "weights are read back");
  if (!weights.complete()) return;
  tamp::token_weights twice = weights;
  twice.combine(weights);
  check(twice.samples() == 2 * weights.samples(), "samples are put behind each other");
  const auto second = twice.part(weights.samples(), weights.samples());
  check(second.fingerprint() == weights.fingerprint(), "a part has the weights of its samples");
}

// Gains of one block and the reach of its tokens.
void reach(source& in) {
  const std::size_t tokens = in.count(0, 7), kv_heads = in.count(1, 2), group = in.count(1, 2),
                    head_dim = in.count(1, 3), hidden = in.count(1, 5), heads = kv_heads * group;
  const bool wild = in.once_in(8);
  const auto numbers = [&](std::size_t count) {
    return in.list(count, [&] {
      return wild ? in.number<float>() : static_cast<float>(in.count(0, 16)) / 8 - 1;
    });
  };
  std::vector<float> attention = numbers(heads * tokens * tokens);
  if (!wild)
    for (float& a : attention) a = std::fabs(a);
  const auto values = numbers(tokens * kv_heads * head_dim),
             projection = numbers(hidden * heads * head_dim), residual = numbers(tokens * hidden);
  const auto read = in.list(
      tokens, [&] { return wild ? in.number<double>() : static_cast<double>(in.count(0, 4)); });
  refusal([&] {
    const auto gains = tamp::stat::contribution_gain(
        tamp::execute::sequential{}, tamp::view(attention, heads * tokens, tokens),
        tamp::view(values, tokens, kv_heads * head_dim),
        tamp::view(projection, hidden, heads * head_dim), tamp::view(residual, tokens, hidden));
    check(gains.tokens() == tokens, "there are gains of each token");
    for (std::size_t i = 0; i < tokens && !wild; ++i)
      for (std::size_t j = 0; j < tokens; ++j) {
        double energy = 0, size = 0;
        for (std::size_t o = 0; o < hidden; ++o) {
          double carried = 0;
          for (std::size_t h = 0; h < heads; ++h)
            for (std::size_t d = 0; d < head_dim; ++d)
              carried += double(attention[(h * tokens + i) * tokens + j]) *
                         double(projection[o * heads * head_dim + h * head_dim + d]) *
                         double(values[j * kv_heads * head_dim + h / group * head_dim + d]);
          energy += carried * carried;
          size += double(residual[j * hidden + o]) * double(residual[j * hidden + o]);
        }
        const double expected = size == 0 ? 0 : energy / size;
        check(std::fabs(double(gains(i, j)) - expected) <= 1e-6 * (expected + 1),
              "a gain is the energy that attention carries");
      }
    const auto found = tamp::stat::token_reach(std::span(&gains, 1), read);
    for (std::size_t j = 0; j < tokens; ++j) {
      double expected = read[j];
      for (std::size_t i = 0; i < tokens; ++i) expected += read[i] * double(gains(i, j));
      check(std::isfinite(found[0][j]) &&
                std::fabs(found[0][j] - expected) <= 1e-12 * std::fabs(expected),
            "the reach of a token is what is read of it and what others carry on");
    }
  });
}

std::vector<std::string> seeds() {
  tamp::token_weights two(2, 1, 2);
  two.add(std::vector<std::vector<double>>{{1, 0.5}, {0, 2}}).finish();
  std::vector<std::string> all;
  for (const auto& weights : {tamp::token_weights(), two}) {
    tamp::io::save(place() / "seed", weights);
    all.push_back(bytes_of(place() / "seed"));
  }
  return all;
}

const registered here[] = {
    {"safetensors_files", open, seeds}, {"round_trips", round_trip}, {"statistics", reach}};

}  // namespace fuzz::token_weights
