#include <tamp/token/sparsevlm.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "../support/selectors.hpp"

BOOST_AUTO_TEST_SUITE(token_sparsevlm)

using support::indices;
using support::matrix;
using tamp::modality;
using tamp::token::select;
using tamp::token::sparsevlm;
using enum tamp::modality;

namespace {

// The docstring's rule with softmax as it is written, for small numbers.
indices by_definition(const support::scene& s, std::size_t count) {
  const indices visual = s.visual();
  indices text;
  for (std::size_t t = visual.back() + 1; t < s.tokens(); ++t) text.push_back(t);
  const auto power = [&](std::size_t v, std::size_t t) {
    double product = 0;
    for (std::size_t j = 0; j < s.hidden.cols(); ++j)
      product += double(s.hidden(v, j)) * double(s.hidden(t, j));
    return std::exp(product);
  };
  std::vector<double> relevance;
  double all = 0;
  for (const std::size_t t : text) {
    relevance.push_back(0);
    for (const std::size_t v : visual) {
      double sum = 0;
      for (const std::size_t other : text) sum += power(v, other);
      relevance.back() += power(v, t) / sum;
    }
    all += relevance.back();
  }
  std::vector<std::pair<double, std::size_t>> scores;
  for (const std::size_t v : visual) {
    double score = 0;
    for (std::size_t k = 0; k < text.size(); ++k)
      if (relevance[k] > all / double(text.size()))
        for (std::size_t head = 0; head < support::scene::heads; ++head)
          score += double(s.attention_of(head, text[k], v));
    scores.emplace_back(score, v);
  }
  std::sort(scores.rbegin(), scores.rend());
  indices kept;
  for (std::size_t k = 0; k < count; ++k) kept.push_back(scores[k].second);
  std::sort(kept.begin(), kept.end());
  return kept;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Both patches point at word 3 and away from word 4: 3 alone rates, and it looks at patch 2. The
  // word before the image does not count, though it would be the most relevant.
  const std::vector<modality> kinds{text, image, image, text, text};
  const matrix<float> hidden{{9, 9}, {1, 0}, {1, 0.5f}, {2, 0}, {0, 1}};
  const std::vector<float> attention{0.2f, 0.1f, 0.3f, 0.4f, 0.0f,   // of token 3
                                     0.1f, 0.6f, 0.1f, 0.1f, 0.1f};  // of token 4
  const tamp::token::context c{
      .kinds = kinds, .attention = {attention, 1, 2, 5, 3}, .hidden = tamp::view(hidden)};
  BOOST_TEST(sparsevlm::raters(c) == (indices{3}), boost::test_tools::per_element());
  BOOST_TEST(select(c, sparsevlm{}, {1}).kept == (indices{0, 2, 3, 4}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(it_is_its_definition) {
  for (unsigned seed = 0; seed < 8; ++seed) {
    const auto s = support::scene_of(support::around_image(3, 19, 7), seed);
    for (const std::size_t keep : {1u, 4u, 11u, 18u})
      BOOST_TEST(support::visual_kept(s, select(s.context(), sparsevlm{}, {keep})) ==
                     by_definition(s, keep),
                 boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(it_is_what_every_selector_is) {
  support::check_selector(sparsevlm{}, {.last_of_equals = true});
}

BOOST_AUTO_TEST_CASE(a_single_word_rates_and_so_do_equal_ones) {
  const auto s = support::scene_of(support::around_image(2, 5, 1), 1);
  BOOST_TEST(sparsevlm::raters(s.context()) == (indices{7}), boost::test_tools::per_element());
  auto equal = support::scene_of(support::around_image(2, 5, 3), 1);
  for (std::size_t t = 7; t < 10; ++t)
    for (std::size_t j = 0; j < equal.hidden.cols(); ++j) equal.hidden(t, j) = 0.3f;
  BOOST_TEST(sparsevlm::raters(equal.context()) == (indices{7, 8, 9}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(where_no_text_follows_the_last_token_rates) {
  const auto s = support::scene_of(support::around_image(2, 9, 0), 1);
  BOOST_TEST(sparsevlm::raters(s.context()) == (indices{10}), boost::test_tools::per_element());
  auto c = s.context();
  c.attention = {std::span(s.attention).first(2 * 11), 2, 1, 11, 9};
  BOOST_CHECK_THROW(select(c, sparsevlm{}, {3}), tamp::value_error);
}

BOOST_AUTO_TEST_CASE(products_that_no_exponential_survives_are_welcome) {
  auto s = support::scene_of(support::around_image(2, 9, 4), 1);
  for (float& h : std::span(s.hidden.data(), s.tokens() * s.hidden.cols())) h *= 1e15f;
  const auto raters = sparsevlm::raters(s.context());
  BOOST_TEST(!raters.empty());
  BOOST_TEST(raters.size() < 4u);
  support::check_selection(s, select(s.context(), sparsevlm{}, {4}), 4);
}

BOOST_AUTO_TEST_SUITE_END()
