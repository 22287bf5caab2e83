#include <tamp/token/sparsevlm.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <tamp/token/gather.hpp>
#include <tamp/token/published_order.hpp>
#include <tamp/token/select.hpp>
#include <tamp/token/sparsevlm_recycling.hpp>
#include <vector>

#include "vectors.hpp"

BOOST_AUTO_TEST_SUITE(parity_sparsevlm)

namespace {

using tamp::token::sparsevlm;
using tamp::token::sparsevlm_recycling;
using indices = std::vector<std::size_t>;

/// A sequence with the hidden states of the first layer, or with those that a layer has made.
struct sequence {
  std::size_t before, visual, heads, words, tokens;
  std::vector<tamp::modality> kinds;
  std::span<const float> attention;
  std::vector<float> made;  // of text they are not numbers, since nothing reads them

  explicit sequence(const parity::example& e)
      : before(e.count("before")),
        visual(e.count("visual")),
        heads(e.shape("text_queries").at(0)),
        words(e.shape("text_queries").at(1)),
        tokens(e.shape("text_queries").at(2)),
        kinds(tokens, tamp::modality::text),
        attention(e.values<float>("text_queries")),
        made(tokens * e.shape("hidden").at(1), std::numeric_limits<float>::quiet_NaN()) {
    const auto rows = e.values<float>("hidden");
    std::fill_n(kinds.begin() + std::ptrdiff_t(before), visual, tamp::modality::image);
    std::copy(rows.begin(), rows.end(), made.begin() + std::ptrdiff_t(before * features()));
  }
  std::size_t features() const { return made.size() / tokens; }
  tamp::token::context context(tamp::matrix_view<const float> hidden) const {
    return {.kinds = kinds,
            .attention = {attention, heads, words, tokens, tokens - words},
            .hidden = hidden};
  }
};

indices visual_of(const sequence& s, const indices& kept) {
  indices visual;
  for (const std::size_t t : kept)
    if (s.kinds[t] != tamp::modality::text) visual.push_back(t);
  return visual;
}

}  // namespace

// Raters and kept tokens are equal in every place. New tokens are the published ones in their order,
// to 1e-5 of the largest number, since these are single precision.
BOOST_AUTO_TEST_CASE(the_published_tokens_rate_stay_and_are_made) {
  parity::vectors published("sparsevlm");
  for (std::size_t k = 0; k < published.inputs(); ++k) {
    const parity::example e = published[k];
    const sequence s(e);
    const std::size_t kept = e.count("kept"), clusters = e.count("clusters");
    const auto first = s.context(e.matrix("first_hidden"));
    const indices raters = sparsevlm::raters(first);
    BOOST_TEST(raters == e.indices("published_raters"), boost::test_tools::per_element());
    const indices by_score = e.indices("published_kept");
    BOOST_TEST(visual_of(s, tamp::token::select(first, sparsevlm{}, {kept}).kept) == by_score,
               boost::test_tools::per_element());

    BOOST_TEST(clusters == sparsevlm_recycling::published_clusters(s.visual - kept));
    const std::size_t features = s.features();
    const auto layer = s.context(tamp::view(s.made, s.tokens, features));
    const auto made =
        tamp::token::select(layer, sparsevlm_recycling{raters, clusters}, {kept + clusters});
    const bool is_only_division =
        kept + 1 == s.visual ||
        kept + 1 + sparsevlm_recycling::published_clusters(s.visual - kept - 1) != kept + clusters;
    if (is_only_division)
      BOOST_TEST(
          (tamp::token::select(layer, sparsevlm_recycling{raters}, {kept + clusters}) == made));

    // The kept tokens come first, and then the new ones in the published order. Where a token is
    // dropped and made anew of itself, so that none leaves, ours stay in their places.
    auto arranged = tamp::token::in_published_order(made);
    const bool all_stay = kept + clusters == s.visual;
    BOOST_TEST(made.targets.size() == (all_stay ? 0 : clusters));
    if (all_stay) {
      BOOST_TEST(made.order.empty());
      BOOST_TEST(clusters == 1u);
      const auto is_dropped = [&](std::size_t t) {
        return t >= s.before && !std::binary_search(by_score.begin(), by_score.end(), t);
      };
      std::size_t dropped = 0;
      while (!is_dropped(dropped)) ++dropped;
      const auto at = arranged.kept.begin() + std::ptrdiff_t(dropped);
      std::rotate(at, at + 1, arranged.kept.begin() + std::ptrdiff_t(s.before + s.visual));
      arranged.into.clear();
    }
    std::vector<float> rows = s.made;
    sparsevlm_recycling{}.merge_rows(tamp::view(rows, s.tokens, features), arranged);
    const auto expected = e.matrix("published_made");
    BOOST_TEST(expected.rows() == clusters);
    float largest = 0;
    for (std::size_t i = 0; i < clusters; ++i)
      for (std::size_t j = 0; j < features; ++j)
        largest = std::max(largest, std::fabs(expected(i, j)));
    for (std::size_t i = 0; i < kept + clusters; ++i) {
      const std::size_t place = s.before + i;
      for (std::size_t j = 0; j < features; ++j) {
        const float row = rows[place * features + j];
        if (i < kept)
          BOOST_TEST(row == s.made[by_score[i] * features + j]);
        else
          BOOST_TEST(std::fabs(row - expected(i - kept, j)) <= 1e-5f * largest);
      }
    }
    if (all_stay)
      published.differs("moves a token that is made of itself to the end");
    else
      published.equal();
  }
  published.summarise();
}

BOOST_AUTO_TEST_SUITE_END()
