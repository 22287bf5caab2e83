// TAMP's densities of tokens, to 1e-5: published in float.

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <tamp/stat/token_diversity.hpp>
#include <vector>

#include "weights.hpp"

BOOST_AUTO_TEST_SUITE(parity_token_diversity)

BOOST_AUTO_TEST_CASE(the_published_densities) {
  using enum tamp::modality;
  parity::vectors all("token_diversity");
  for (std::size_t k = 0; k < all.inputs(); ++k) {
    const auto given = all[k];
    BOOST_TEST_CONTEXT("input " << k) {
      const auto output = given.matrix("output");
      const auto visual = given.values<std::uint8_t>("visual");
      tamp::stat::token_diversity diversity;
      std::size_t first = 0;
      for (const std::size_t tokens : given.indices("tokens")) {
        std::vector<tamp::modality> kinds;
        for (std::size_t t = first; t < first + tokens; ++t)
          kinds.push_back(visual[t] != 0 ? image : text);
        diversity.add(tamp::matrix_view<const float>(&output(first, 0), tokens, output.cols()),
                      kinds);
        first += tokens;
      }
      const auto published = given.values<double>("published_density");
      const double ours[] = {diversity.density(image, image), diversity.density(text, text),
                             diversity.density(image, text)};
      for (std::size_t d = 0; d < 3; ++d) BOOST_TEST(std::abs(ours[d] - published[d]) < 1e-5);
      BOOST_TEST(std::abs(diversity.importance() -
                          std::abs(3 - published[0] - published[1] - published[2])) < 3e-5);
      all.equal();
    }
  }
  all.summarise();
}

BOOST_AUTO_TEST_SUITE_END()
