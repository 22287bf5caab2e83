#include <algorithm>
#include <cstddef>
#include <tamp/token/dart.hpp>
#include <tamp/token/select.hpp>
#include <vector>

#include "vectors.hpp"

BOOST_AUTO_TEST_SUITE(parity_dart)

// Tokens are equal in every place. The inputs are such that the published code chooses the same in
// every order of its pivots, which it leaves to a hash set.
BOOST_AUTO_TEST_CASE(the_published_tokens_stay) {
  parity::vectors published("dart");
  for (std::size_t k = 0; k < published.inputs(); ++k) {
    const parity::example e = published[k];
    const auto hidden = e.matrix("hidden");
    const std::size_t before = e.count("before"), visual = e.count("visual");
    std::vector<tamp::modality> kinds(hidden.rows(), tamp::modality::text);
    std::fill_n(kinds.begin() + std::ptrdiff_t(before), visual, tamp::modality::image);
    const tamp::token::dart policy{e.count("pivots"), e.count("text_pivots")};
    const auto made =
        tamp::token::select({.kinds = kinds, .hidden = hidden, .keys = e.matrix("keys")}, policy,
                            {policy.published_count(e.count("budget"))});
    std::vector<std::size_t> stay;
    for (const std::size_t t : made.kept)
      if (kinds[t] != tamp::modality::text) stay.push_back(t);
    BOOST_TEST(stay == e.indices("published"), boost::test_tools::per_element());
    published.equal();
  }
  published.summarise();
}

BOOST_AUTO_TEST_SUITE_END()
