// PyramidDrop: how many tokens stay in front of which layer, which ones, and where they stand then.
// The remaining tokens and their positions are compared exactly, and attention to a relative 1e-5.

#include <tamp/token/attention_top_k.hpp>
#include <tamp/token/gather.hpp>
#include <tamp/token/renumber.hpp>
#include <tamp/token/schedule.hpp>
#include <tamp/token/select.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "vectors.hpp"

BOOST_AUTO_TEST_SUITE(parity_pyramid_drop)

namespace {

using indices = std::vector<std::size_t>;
namespace token = tamp::token;

// x * W^T of one token, behind the norm of its layer.
std::vector<double> projected(std::span<const float> x, std::span<const float> norm,
                              std::span<const float> weight) {
  double squares = 0;
  for (const float a : x) squares += double(a) * double(a);
  const double scale = 1 / std::sqrt(squares / double(x.size()) + 1e-6);
  std::vector<double> y(weight.size() / x.size());
  for (std::size_t row = 0; row < y.size(); ++row)
    for (std::size_t i = 0; i < x.size(); ++i)
      y[row] += double(weight[row * x.size() + i]) * double(norm[i]) * double(x[i]) * scale;
  return y;
}

// Rotary embedding of each head: number i turns with number i + half.
void rotate(std::vector<double>& x, std::size_t heads, std::size_t position) {
  const std::size_t dim = x.size() / heads, half = dim / 2;
  for (std::size_t head = 0; head < heads; ++head)
    for (std::size_t i = 0; i < half; ++i) {
      const double angle = double(position) * std::pow(10000.0, -2 * double(i) / double(dim));
      double &a = x[head * dim + i], &b = x[head * dim + i + half];
      const double turned = a * std::cos(angle) - b * std::sin(angle);
      b = b * std::cos(angle) + a * std::sin(angle);
      a = turned;
    }
}

// The attention of the last token that enters a layer, (heads, tokens), by that layer's own queries
// and keys.
std::vector<float> attention_of_last(const parity::example& e, const std::string& stage,
                                     std::size_t heads, const indices& positions) {
  const auto hidden = e.values<float>(stage + "hidden"), norm = e.values<float>(stage + "norm");
  const std::size_t width = norm.size(), tokens = hidden.size() / width, dim = width / heads;
  const auto of = [&](std::size_t t, const char* weight) {
    auto y = projected(hidden.subspan(t * width, width), norm, e.values<float>(stage + weight));
    rotate(y, heads, positions[t]);
    return y;
  };
  const auto query = of(tokens - 1, "query_weight");
  std::vector<double> attention(heads * tokens), sums(heads);
  for (std::size_t t = 0; t < tokens; ++t) {
    const auto key = of(t, "key_weight");
    for (std::size_t head = 0; head < heads; ++head) {
      double product = 0;
      for (std::size_t i = head * dim; i < (head + 1) * dim; ++i) product += query[i] * key[i];
      attention[head * tokens + t] = std::exp(product / std::sqrt(double(dim)));
      sums[head] += attention[head * tokens + t];
    }
  }
  std::vector<float> row;
  for (std::size_t k = 0; k < attention.size(); ++k)
    row.push_back(float(attention[k] / sums[k / tokens]));
  return row;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_stage_is_the_published_one) {
  parity::vectors all("pyramid_drop");
  for (std::size_t number = 0; number < all.inputs(); ++number) {
    const parity::example e = all[number];
    const std::size_t before = e.count("text_before"), visual = e.count("visual"),
                      after = e.count("text_after"), heads = e.count("heads");
    const auto ratios = e.values<double>("ratios");
    const token::pyramid_drop lists{.layers = e.indices("layers"),
                                    .ratios = {ratios.begin(), ratios.end()}};
    const token::schedule schedule = lists(e.count("model_layers"), visual);
    BOOST_TEST((schedule.leave == token::departure::before_layer));
    const indices published_left = e.indices("published_left");
    BOOST_TEST_REQUIRE(published_left.size() == lists.layers.size());
    std::vector<tamp::modality> kinds(before + visual + after, tamp::modality::text);
    std::fill_n(kinds.begin() + std::ptrdiff_t(before), visual, tamp::modality::image);
    indices positions(kinds.size());
    token::renumber(positions);
    BOOST_TEST_CONTEXT("input " << number)
    for (std::size_t k = 0; k < lists.layers.size(); ++k) {
      const std::size_t left = schedule.left(visual, lists.layers[k]);
      BOOST_TEST(left == published_left[k]);
      const std::string stage = std::to_string(k) + "/";
      if (!e.has(stage + "hidden")) continue;  // of large images there are the counts alone
      // Each stage begins with what the published model has there.
      BOOST_TEST(positions == e.indices(stage + "positions"), boost::test_tools::per_element());
      const std::vector<float> attention = attention_of_last(e, stage, heads, positions);
      const std::size_t tokens = positions.size();
      if (e.has(stage + "published_attention")) {
        const auto published = e.values<float>(stage + "published_attention");
        BOOST_TEST_REQUIRE(published.size() == tokens - before - after);
        for (std::size_t v = 0; v < published.size(); ++v) {
          double mean = 0;
          for (std::size_t head = 0; head < heads; ++head)
            mean += double(attention[head * tokens + before + v]) / double(heads);
          BOOST_TEST(std::abs(mean - double(published[v])) <= 1e-5 * mean);
        }
      }
      const token::context c{.kinds = kinds,
                             .attention = {attention, heads, 1, tokens, tokens - 1},
                             .positions = positions};
      const auto stay = token::select(c, token::attention_top_k{}, {.keep = left});
      BOOST_TEST(stay.kept == e.indices(stage + "published_kept"),
                 boost::test_tools::per_element());
      token::gather_elements(kinds, stay.kept);
      positions.resize(stay.kept.size());
      token::renumber(positions);
      BOOST_TEST(positions == e.indices(stage + "published_positions"),
                 boost::test_tools::per_element());
    }
    all.equal();
  }
  all.summarise();
}

BOOST_AUTO_TEST_SUITE_END()
