// anakin-skywalker-Joseph/Folder: merge_features of the plug-in.
//
// Merged tokens, their order and their sizes are compared exactly, rows to 1e-5.

#include <tamp/token/folder.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tamp/token/published_order.hpp>
#include <vector>

#include "../support/tensors.hpp"
#include "vectors.hpp"

BOOST_AUTO_TEST_SUITE(parity_folder)

namespace {

// Tamp's answer with `left` tokens, beside the published one, whose class token is text in front or
// a visual token.
void compare(const parity::example& in, std::size_t left, bool in_front) {
  const auto given = in.matrix("hidden");
  const std::size_t tokens = given.rows();
  const tamp::token::folder policy{.class_token = in.count("class_token") != 0};
  const std::size_t text = in_front && policy.class_token ? 1 : 0;
  std::vector<tamp::modality> kinds(tokens, tamp::modality::image);
  if (text != 0) kinds[0] = tamp::modality::text;
  std::vector<float> before;
  if (in.has("sizes")) {
    const auto sizes = in.values<float>("sizes");
    before.assign(sizes.begin(), sizes.end());
  }
  const tamp::token::context c{.kinds = kinds, .hidden = given, .sizes = before};
  const auto made = tamp::token::select(c, policy, {.keep = left - text});
  BOOST_TEST(made.order.empty());  // tokens stay in their order
  const auto source = in.values<std::uint8_t>("published.source");
  BOOST_TEST_REQUIRE(source.size() == left * tokens);
  for (std::size_t t = 0; t < tokens; ++t)
    for (std::size_t k = 0; k < left; ++k)
      BOOST_TEST((source[k * tokens + t] != 0) == (made.into[t] == k));
  const auto sizes = in.values<float>("published.sizes");
  BOOST_TEST(
      tamp::token::merged_sizes(made, before) == std::vector<float>(sizes.begin(), sizes.end()),
      boost::test_tools::per_element());
  support::matrix<float> rows = support::copy_of(given);
  policy.merge_rows(rows, made, c);
  const auto published = in.matrix("published.hidden");
  for (std::size_t k = 0; k < left; ++k)
    for (std::size_t j = 0; j < rows.cols(); ++j)
      BOOST_TEST(std::abs(rows(k, j) - published(k, j)) <=
                 1e-5f * std::max(1.0f, std::abs(published(k, j))));
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_published_code_answers_the_same) {
  parity::vectors all("folder");
  for (std::size_t n = 0; n < all.inputs(); ++n) BOOST_TEST_CONTEXT("input " << n) {
      const parity::example in = all[n];
      const std::size_t left = in.shape("hidden")[0] - in.count("r");
      if (left == 1) {
        // The published rule stops at two tokens, and tamp's with two is the same.
        BOOST_TEST(in.shape("published.hidden")[0] == 2u);
        const std::vector<tamp::modality> kinds(in.shape("hidden")[0], tamp::modality::image);
        const tamp::token::folder policy{.class_token = in.count("class_token") != 0};
        const auto one = tamp::token::select({.kinds = kinds, .hidden = in.matrix("hidden")},
                                             policy, {.keep = 1});
        BOOST_TEST(one.kept.size() == 1u);
        BOOST_TEST(!tamp::token::folder::scales(kinds.size(), 1));
        all.differs("stops at two tokens where one is asked for");
        continue;
      }
      compare(in, left, false);
      compare(in, left, true);
      all.equal();
    }
  all.summarise();
}

BOOST_AUTO_TEST_SUITE_END()
