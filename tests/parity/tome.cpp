// facebookresearch/ToMe: bipartite_soft_matching and merge_wavg, layer by layer.
//
// Merged tokens, their order and their sizes are compared exactly, rows to 1e-5.

#include <tamp/token/tome.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tamp/token/published_order.hpp>
#include <vector>

#include "../support/tensors.hpp"
#include "vectors.hpp"

BOOST_AUTO_TEST_SUITE(parity_tome)

using indices = std::vector<std::size_t>;

namespace {

struct sequence {
  support::matrix<float> hidden;
  std::vector<float> sizes;
  indices owner;  // of each initial token, its place now
};

// All layers, with the protected tokens as text in front, or as visual tokens.
sequence merged(const parity::example& in, bool in_front) {
  const auto given = in.matrix("hidden");
  sequence s{support::copy_of(given), {}, {}};
  if (in.has("sizes")) {
    const auto sizes = in.values<float>("sizes");
    s.sizes.assign(sizes.begin(), sizes.end());
  }
  for (std::size_t t = 0; t < given.rows(); ++t) s.owner.push_back(t);
  const tamp::token::tome policy{.key_heads = in.count("heads"),
                                 .class_token = in.count("class_token") != 0,
                                 .distillation_token = in.count("distillation_token") != 0};
  const std::size_t special = policy.class_token + policy.distillation_token;
  std::vector<tamp::modality> kinds(given.rows(), tamp::modality::image);
  const std::size_t text = in_front ? special : 0;
  for (std::size_t t = 0; t < text; ++t) kinds[t] = tamp::modality::text;
  const indices removals = in.indices("r");
  for (std::size_t layer = 0; layer < removals.size(); ++layer) {
    const std::size_t tokens = s.hidden.rows();
    const std::size_t most = tokens < special ? 0 : (tokens - special) / 2;
    const std::size_t left = tokens - std::min(removals[layer], most);
    const tamp::token::context c{
        .kinds = kinds, .keys = in.matrix("keys." + std::to_string(layer)), .sizes = s.sizes};
    const auto made =
        tamp::token::in_published_order(tamp::token::select(c, policy, {.keep = left - text}));
    BOOST_TEST(made.kept.size() == left);
    policy.merge_rows(s.hidden, made, c);
    support::matrix<float> rows(left, s.hidden.cols());
    for (std::size_t k = 0; k < left; ++k)
      for (std::size_t j = 0; j < rows.cols(); ++j) rows(k, j) = s.hidden(k, j);
    s.hidden = rows;
    s.sizes = tamp::token::merged_sizes(made, s.sizes);
    tamp::token::gather_elements(kinds, made.kept);
    for (std::size_t& place : s.owner) place = made.into[place];
  }
  return s;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_published_code_answers_the_same) {
  parity::vectors all("tome");
  for (std::size_t n = 0; n < all.inputs(); ++n) BOOST_TEST_CONTEXT("input " << n) {
      const parity::example in = all[n];
      const auto source = in.values<std::uint8_t>("published.source");
      const auto rows = in.matrix("published.hidden");
      const auto sizes = in.values<float>("published.sizes");
      for (const bool in_front : {false, true}) {
        const sequence s = merged(in, in_front);
        BOOST_TEST_REQUIRE(s.hidden.rows() == rows.rows());
        BOOST_TEST(s.sizes == std::vector<float>(sizes.begin(), sizes.end()),
                   boost::test_tools::per_element());
        for (std::size_t t = 0; t < s.owner.size(); ++t)
          for (std::size_t k = 0; k < rows.rows(); ++k)
            BOOST_TEST((source[k * s.owner.size() + t] != 0) == (s.owner[t] == k));
        for (std::size_t k = 0; k < rows.rows(); ++k)
          for (std::size_t j = 0; j < rows.cols(); ++j)
            BOOST_TEST(std::abs(s.hidden(k, j) - rows(k, j)) <=
                       1e-5f * std::max(1.0f, std::abs(rows(k, j))));
      }
      all.equal();
    }
  all.summarise();
}

BOOST_AUTO_TEST_SUITE_END()
