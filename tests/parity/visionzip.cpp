// dvlab-research/VisionZip: the class token's row, dominant tokens, contextual tokens.
//
// Dominant tokens and the order of the output are compared exactly, rows to 1e-5.

#include <tamp/token/visionzip.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <tamp/token/published_order.hpp>
#include <vector>

#include "../support/tensors.hpp"
#include "vectors.hpp"

BOOST_AUTO_TEST_SUITE(parity_visionzip)

using indices = std::vector<std::size_t>;

BOOST_AUTO_TEST_CASE(the_published_code_answers_the_same) {
  parity::vectors all("visionzip");
  for (std::size_t n = 0; n < all.inputs(); ++n) BOOST_TEST_CONTEXT("input " << n) {
      const parity::example in = all[n];
      const auto hidden = in.matrix("hidden");
      const std::size_t tokens = hidden.rows(), heads = in.shape("class_attention")[0];
      const std::size_t dominant = in.count("dominant"), contextual = in.count("contextual");
      std::vector<tamp::modality> kinds(tokens, tamp::modality::image);
      kinds[0] = tamp::modality::text;  // the class token, which is the first dominant one
      const tamp::token::context c{
          .kinds = kinds,
          .attention = {in.values<float>("class_attention"), heads, 1, tokens, 0},
          .keys = in.matrix("keys")};
      const tamp::token::visionzip policy{.contextual = contextual, .key_heads = in.count("heads")};
      const auto made = tamp::token::in_published_order(
          tamp::token::select(c, policy, {.keep = dominant + contextual}));
      const auto published = in.matrix("published.hidden");
      BOOST_TEST_REQUIRE(made.kept.size() == published.rows());
      support::matrix<float> rows = support::copy_of(hidden);
      policy.merge_rows(rows, made, c);
      bool equal = true;
      for (std::size_t k = 0; k < published.rows(); ++k)
        for (std::size_t j = 0; j < published.cols(); ++j)
          equal = equal && std::abs(rows(k, j) - published(k, j)) <=
                               1e-5f * std::max(1.0f, std::abs(published(k, j)));
      if (dominant + contextual + 1 == tokens) {
        // There is nothing to decide: the rows are those of the published code, in their own order.
        BOOST_TEST(!equal);
        BOOST_TEST((rows == support::copy_of(hidden)));
        indices order = in.indices("published.dominant");
        for (std::size_t t = 0; t < tokens; ++t)
          if (std::find(order.begin(), order.end(), t) == order.end()) order.push_back(t);
        for (std::size_t k = 0; k < tokens; ++k)
          for (std::size_t j = 0; j < published.cols(); ++j)
            BOOST_TEST(published(k, j) == hidden(order[k], j));
        all.differs("reorders tokens of which none leaves");
        continue;
      }
      BOOST_TEST(equal);
      // Class token and dominant ones come first, then the targets.
      BOOST_TEST(indices(made.kept.begin(), made.kept.begin() + std::ptrdiff_t(dominant) + 1) ==
                     in.indices("published.dominant"),
                 boost::test_tools::per_element());
      BOOST_TEST_REQUIRE(made.targets.size() == contextual);
      for (std::size_t k = 0; k < contextual; ++k) BOOST_TEST(made.targets[k] == dominant + 1 + k);
      all.equal();
    }
  all.summarise();
}

BOOST_AUTO_TEST_SUITE_END()
