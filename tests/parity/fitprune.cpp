// FitPrune: which tokens stay, and the schedule that its fit finds. Tokens, counts and alpha are
// compared exactly.
//
// The published fit differs in two ways. It looks at the budget before each layer alone, so that
// what leaves in the last layer never meets it: "checked" are its answers with one more look behind
// that layer. And where a statistic can spare all tokens but one, its loop ends without a number,
// and takes the one of another sample or layer, or stops with an error where there is none:
// "mended" are its answers with that number, too. Ours are these.

#include <tamp/token/fitprune.hpp>
#include <tamp/token/fitprune_fit.hpp>
#include <tamp/token/select.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vectors.hpp"

BOOST_AUTO_TEST_SUITE(parity_fitprune)

namespace {

using indices = std::vector<std::size_t>;
namespace token = tamp::token;

// The published selection drops the tokens of the least cross * self.
void compare_selection(const parity::example& e) {
  const std::size_t before = e.count("before"), visual = e.count("visual"),
                    after = e.count("after");
  std::vector<tamp::modality> kinds(before + visual + after, tamp::modality::text);
  std::fill_n(kinds.begin() + std::ptrdiff_t(before), visual, tamp::modality::image);
  const auto shape = e.shape("attention");
  const token::context c{
      .kinds = kinds,
      .attention = {e.values<float>("attention"), shape[0], shape[1], shape[2], before}};
  const auto stay = token::select(c, token::fitprune{}, {.keep = visual - e.count("drop")});
  BOOST_TEST(stay.kept == e.indices("published_kept"), boost::test_tools::per_element());
}

// The host of the fit: it runs a layer's attention on the tokens that are left. Queries and keys of
// all layers are given, (samples, layers, tokens, heads * dim), as rotary embeddings turned them.
class host {
 public:
  explicit host(const parity::example& e)
      : q_(e.values<float>("q")),
        k_(e.values<float>("k")),
        shape_(e.shape("q")),
        before_(e.count("before")),
        visual_(e.count("visual")),
        heads_(e.count("heads")) {}

  std::size_t layers() const { return shape_[1]; }

  token::received_attention operator()(std::size_t sample, std::size_t layer,
                                       std::span<const std::size_t> left) const {
    indices tokens;
    for (std::size_t t = 0; t < before_; ++t) tokens.push_back(t);
    for (const std::size_t v : left) tokens.push_back(before_ + v);
    for (std::size_t t = before_ + visual_; t < shape_[2]; ++t) tokens.push_back(t);
    const std::size_t after = tokens.size() - before_ - left.size();
    token::received_attention received{std::vector<double>(left.size()),
                                       std::vector<double>(left.size())};
    for (std::size_t query = before_; query < tokens.size(); ++query) {
      const bool asks = query >= before_ + left.size();
      const auto strongest = row(sample, layer, tokens, query);
      for (std::size_t v = 0; v < left.size(); ++v)
        (asks ? received.cross : received.self)[v] +=
            strongest[before_ + v] / double(asks ? after : left.size());
    }
    return received;
  }

 private:
  // The largest attention over heads of one query.
  std::vector<double> row(std::size_t sample, std::size_t layer, const indices& tokens,
                          std::size_t query) const {
    const std::size_t dim = shape_[3] / heads_, start = sample * shape_[1] + layer;
    const auto of = [&](std::span<const float> x, std::size_t t, std::size_t head) {
      return x.subspan(((start * shape_[2]) + tokens[t]) * shape_[3] + head * dim, dim);
    };
    std::vector<double> strongest(tokens.size());
    for (std::size_t head = 0; head < heads_; ++head) {
      std::vector<double> attention;
      double sum = 0;
      for (std::size_t key = 0; key <= query; ++key) {
        double product = 0;
        for (std::size_t i = 0; i < dim; ++i)
          product += double(of(q_, query, head)[i]) * double(of(k_, key, head)[i]);
        attention.push_back(std::exp(product / std::sqrt(double(dim))));
        sum += attention.back();
      }
      for (std::size_t key = 0; key <= query; ++key)
        strongest[key] = std::max(strongest[key], attention[key] / sum);
    }
    return strongest;
  }

  std::span<const float> q_, k_;
  std::vector<std::size_t> shape_;
  std::size_t before_, visual_, heads_;
};

// An answer of the published code, or of the code with a fault mended.
struct answer {
  bool stops, reached;
  double alpha;
  indices drops;

  answer(const parity::example& e, const std::string& name)
      : stops(e.values<std::uint8_t>(name + "_stops").front() != 0),
        reached(e.values<std::uint8_t>(name + "_reached").front() != 0),
        alpha(e.number(name + "_alpha")) {
    if (reached) drops = e.indices(name + "_drops");
  }
  friend bool operator==(const answer&, const answer&) = default;
};

void compare_fit(const parity::example& e, parity::vectors& all) {
  const host attention(e);
  const std::size_t visual = e.count("visual");
  const double budget = e.number("budget");
  const token::fitprune_fit fit{
      .budget = budget, .shape = tamp::block_shape::plain(e.count("hidden"), e.count("ffn"))};
  const auto found = fit(attention, indices(e.count("samples"), visual), attention.layers());
  const answer published(e, "published"), checked(e, "checked"), mended(e, "mended");
  BOOST_TEST(!mended.stops);
  if (mended.reached) {
    BOOST_TEST(found.cost_before_rounding <= budget);
    BOOST_TEST(found.alpha == mended.alpha);
    BOOST_TEST(found.schedule.for_tokens(visual).drops == mended.drops,
               boost::test_tools::per_element());
  } else {
    BOOST_TEST(found.alpha == 1.0);  // which the published code does not try
  }
  if (published == mended) return all.equal();
  if (checked == mended) return all.differs("does not look at the budget behind the last layer");
  if (checked.stops) return all.differs("stops where a statistic can spare all tokens but one");
  all.differs("takes another sample's number where all but one can be spared");
}

}  // namespace

BOOST_AUTO_TEST_CASE(selection_and_fit_are_the_published_ones) {
  parity::vectors all("fitprune");
  for (std::size_t number = 0; number < all.inputs(); ++number) {
    const parity::example e = all[number];
    BOOST_TEST_CONTEXT("input " << number) {
      if (e.has("attention")) {
        compare_selection(e);
        all.equal();
      } else {
        compare_fit(e, all);
      }
    }
  }
  all.summarise(40);
}

BOOST_AUTO_TEST_SUITE_END()
