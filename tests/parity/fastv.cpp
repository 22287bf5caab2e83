#include <algorithm>
#include <cstddef>
#include <tamp/token/attention_top_k.hpp>
#include <tamp/token/select.hpp>
#include <vector>

#include "vectors.hpp"

BOOST_AUTO_TEST_SUITE(parity_fastv)

// Tokens are equal in every place, those of the text among them.
BOOST_AUTO_TEST_CASE(the_published_tokens_stay) {
  parity::vectors published("fastv");
  for (std::size_t k = 0; k < published.inputs(); ++k) {
    const parity::example e = published[k];
    const std::size_t heads = e.shape("last_query").at(0), tokens = e.shape("last_query").at(1);
    std::vector<tamp::modality> kinds(tokens, tamp::modality::text);
    std::fill_n(kinds.begin() + std::ptrdiff_t(e.count("before")), e.count("visual"),
                tamp::modality::image);
    const auto made = tamp::token::select(
        {.kinds = kinds,
         .attention = {e.values<float>("last_query"), heads, 1, tokens, tokens - 1}},
        tamp::token::attention_top_k{}, {.keep = e.count("keep")});
    BOOST_TEST(made.kept == e.indices("published"), boost::test_tools::per_element());
    published.equal();
  }
  published.summarise();
}

BOOST_AUTO_TEST_SUITE_END()
