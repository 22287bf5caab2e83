#include <tamp/token/divprune.hpp>

#include <algorithm>
#include <cstddef>
#include <tamp/token/select.hpp>
#include <vector>

#include "vectors.hpp"

BOOST_AUTO_TEST_SUITE(parity_divprune)

// Tokens are equal in every place. Copies in the published choice are counted apart.
BOOST_AUTO_TEST_CASE(the_published_tokens_stay) {
  parity::vectors published("divprune");
  for (std::size_t k = 0; k < published.inputs(); ++k) {
    const parity::example e = published[k];
    const std::size_t keep = e.count("keep");
    const auto hidden = e.matrix("hidden");
    const std::vector<tamp::modality> kinds(hidden.rows(), tamp::modality::image);
    const auto made =
        tamp::token::select({.kinds = kinds, .hidden = hidden}, tamp::token::divprune{}, {keep});
    std::vector<std::size_t> expected = e.indices("published");
    std::sort(expected.begin(), expected.end());
    expected.erase(std::unique(expected.begin(), expected.end()), expected.end());
    const bool repeats = expected.size() < keep;
    // If only copies of chosen tokens are left, the first of all is chosen again and again. Ours
    // are the lowest open ones.
    for (std::size_t t = 0; expected.size() < keep; ++t)
      if (!std::count(expected.begin(), expected.end(), t)) expected.push_back(t);
    std::sort(expected.begin(), expected.end());
    BOOST_TEST(made.kept == expected, boost::test_tools::per_element());
    if (repeats)
      published.differs("chooses a token again where only copies are left");
    else
      published.equal();
  }
  published.summarise();
}

BOOST_AUTO_TEST_SUITE_END()
