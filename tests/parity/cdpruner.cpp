#include <tamp/token/cdpruner.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <tamp/token/select.hpp>
#include <vector>

#include "vectors.hpp"

BOOST_AUTO_TEST_SUITE(parity_cdpruner)

namespace {

// The host's part: minus the mean over the text of the cosines of both towers' embeddings.
std::vector<float> relevance(const parity::example& e) {
  const auto image = e.matrix("image_embeds"), text = e.matrix("text_embeds");
  const auto length = [](const auto& m, std::size_t i) {
    double squared = 0;
    for (std::size_t j = 0; j < m.cols(); ++j) squared += double(m(i, j)) * double(m(i, j));
    return std::sqrt(squared);
  };
  std::vector<float> q;
  for (std::size_t t = 0; t < image.rows(); ++t) {
    double sum = 0;
    for (std::size_t word = 0; word < text.rows(); ++word) {
      double product = 0;
      for (std::size_t j = 0; j < image.cols(); ++j)
        product += double(image(t, j)) * double(text(word, j));
      sum -= product / (length(image, t) * length(text, word));
    }
    q.push_back(float(sum / double(text.rows())));
  }
  return q;
}

}  // namespace

// Tokens are equal in every place, of one tile and of several that are scaled together.
BOOST_AUTO_TEST_CASE(the_published_tokens_stay) {
  parity::vectors published("cdpruner");
  for (std::size_t k = 0; k < published.inputs(); ++k) {
    const parity::example e = published[k];
    const auto hidden = e.matrix("hidden");
    const std::size_t tiles = e.count("tiles"), tokens = hidden.rows();
    const std::vector<tamp::modality> kinds(tokens, tamp::modality::image);
    const std::vector<float> q = relevance(e);
    std::vector<std::uint32_t> images;
    for (std::size_t t = 0; t < tokens; ++t) images.push_back(std::uint32_t(t / (tokens / tiles)));
    const auto made =
        tamp::token::select({.kinds = kinds, .hidden = hidden, .relevance = q, .images = images},
                            tamp::token::cdpruner{.by_image = true}, {.keep = e.count("keep")});
    BOOST_TEST(made.kept == e.indices("published"), boost::test_tools::per_element());
    published.equal();
  }
  published.summarise();
}

BOOST_AUTO_TEST_SUITE_END()
