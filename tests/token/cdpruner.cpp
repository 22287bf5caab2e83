#include <tamp/token/cdpruner.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <vector>

#include "../support/selectors.hpp"

BOOST_AUTO_TEST_SUITE(token_cdpruner)

using support::indices;
using support::matrix;
using tamp::modality;
using tamp::token::cdpruner;
using tamp::token::select;
using enum tamp::modality;

namespace {

using square = std::vector<std::vector<double>>;

// By elimination, with the largest pivot on the diagonal.
double determinant(square m) {
  double product = 1;
  for (std::size_t k = 0; k < m.size(); ++k) {
    std::size_t best = k;
    for (std::size_t i = k; i < m.size(); ++i)
      if (m[i][i] > m[best][best]) best = i;
    std::swap(m[k], m[best]);
    for (auto& row : m) std::swap(row[k], row[best]);
    if (m[k][k] <= 0) return 0;
    product *= m[k][k];
    for (std::size_t i = k + 1; i < m.size(); ++i) {
      const double factor = m[i][k] / m[k][k];
      for (std::size_t j = k; j < m.size(); ++j) m[i][j] -= factor * m[k][j];
    }
  }
  return product;
}

// Greedy: every determinant of every set anew.
indices by_definition(const support::scene& s, const std::vector<double>& relevance,
                      std::size_t count) {
  const indices visual = s.visual();
  const double least = *std::min_element(relevance.begin(), relevance.end());
  const double most = *std::max_element(relevance.begin(), relevance.end());
  const auto dot = [&](std::size_t a, std::size_t b) {
    double sum = 0;
    for (std::size_t j = 0; j < s.hidden.cols(); ++j)
      sum += double(s.hidden(visual[a], j)) * double(s.hidden(visual[b], j));
    return sum;
  };
  const auto kernel = [&](std::size_t a, std::size_t b) {
    return (relevance[a] - least) / (most - least) * dot(a, b) / std::sqrt(dot(a, a) * dot(b, b)) *
           (relevance[b] - least) / (most - least);
  };
  indices chosen;
  while (chosen.size() < count) {
    double largest = -1;
    std::size_t next = 0;
    for (std::size_t t = 0; t < visual.size(); ++t) {
      if (std::find(chosen.begin(), chosen.end(), t) != chosen.end()) continue;
      indices with = chosen;
      with.push_back(t);
      square sub(with.size(), std::vector<double>(with.size()));
      for (std::size_t i = 0; i < with.size(); ++i)
        for (std::size_t j = 0; j < with.size(); ++j) sub[i][j] = kernel(with[i], with[j]);
      if (const double d = determinant(sub); d > largest) {
        largest = d;
        next = t;
      }
    }
    chosen.push_back(next);
  }
  for (std::size_t& t : chosen) t = visual[t];
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

tamp::token::context context(const std::vector<modality>& kinds, const matrix<float>& hidden,
                             const std::vector<float>& relevance) {
  return {.kinds = kinds, .hidden = tamp::view(hidden), .relevance = relevance};
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // r = 1, 0.9, 0.5, 0. Token 0 is first: its gain is 1. Token 1 is nearly a copy of it (cosine
  // squared 1/1.01, so that its gain is 0.81 * 0.01/1.01), and token 2 gains 0.25 * 1. Then the two
  // directions are used up, and the most relevant of the others is 1.
  const std::vector<modality> kinds(4, image);
  const matrix<float> hidden{{1, 0}, {1, 0.1f}, {0, 1}, {-1, 1}};
  const std::vector<float> relevance{3.0f, 2.8f, 2.0f, 1.0f};
  const auto keep = [&](std::size_t count) {
    return select(context(kinds, hidden, relevance), cdpruner{}, {count}).kept;
  };
  BOOST_TEST(keep(1) == (indices{0}), boost::test_tools::per_element());
  BOOST_TEST(keep(2) == (indices{0, 2}), boost::test_tools::per_element());
  BOOST_TEST(keep(3) == (indices{0, 1, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(it_takes_the_largest_determinant_step_by_step) {
  for (unsigned seed = 0; seed < 6; ++seed) {
    const auto s = support::scene_of(support::around_image(2, 16, 3), seed, 12);
    std::vector<double> relevance;
    for (const std::size_t t : s.visual()) relevance.push_back(double(s.relevance[t]));
    for (const std::size_t keep : {1u, 2u, 5u, 9u})
      BOOST_TEST(support::visual_kept(s, select(s.context(), cdpruner{}, {keep})) ==
                     by_definition(s, relevance, keep),
                 boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(without_relevance_it_is_the_likeness_to_the_mean_of_the_text) {
  for (unsigned seed = 0; seed < 6; ++seed) {
    auto s = support::scene_of(support::around_image(2, 16, 3), seed, 12);
    s.relevance.clear();
    std::vector<double> mean(12), relevance;
    for (const std::size_t t : {0u, 1u, 18u, 19u, 20u})
      for (std::size_t j = 0; j < 12; ++j) mean[j] += double(s.hidden(t, j)) / 5;
    for (const std::size_t t : s.visual()) {
      double product = 0, a = 0, b = 0;
      for (std::size_t j = 0; j < 12; ++j) {
        product += double(s.hidden(t, j)) * mean[j];
        a += double(s.hidden(t, j)) * double(s.hidden(t, j));
        b += mean[j] * mean[j];
      }
      relevance.push_back(product / std::sqrt(a * b));
    }
    BOOST_TEST(support::visual_kept(s, select(s.context(), cdpruner{}, {6})) ==
                   by_definition(s, relevance, 6),
               boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(it_is_what_every_selector_is) {
  support::check_selector(cdpruner{}, {.last_of_equals = true});
}

BOOST_AUTO_TEST_CASE(where_the_rank_is_used_up_the_most_relevant_fill_the_count) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const auto s = support::scene_of(support::around_image(0, 30, 1), seed, 3);
    const indices three = support::visual_kept(s, select(s.context(), cdpruner{}, {3}));
    indices rest;
    for (std::size_t t = 0; t < 30; ++t)
      if (std::find(three.begin(), three.end(), t) == three.end()) rest.push_back(t);
    std::sort(rest.begin(), rest.end(),
              [&](std::size_t a, std::size_t b) { return s.relevance[a] > s.relevance[b]; });
    for (const std::ptrdiff_t more : {1, 5, 20}) {
      indices expected = three;
      expected.insert(expected.end(), rest.begin(), rest.begin() + more);
      std::sort(expected.begin(), expected.end());
      BOOST_TEST(support::visual_kept(
                     s, select(s.context(), cdpruner{}, {3 + std::size_t(more)})) == expected,
                 boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(scale_and_offset_of_relevance_make_no_difference) {
  auto s = support::scene_of(support::around_image(2, 20, 3), 4, 12);
  const auto expected = select(s.context(), cdpruner{}, {8});
  for (float& r : s.relevance) r = 4 * r - 8;
  BOOST_TEST((select(s.context(), cdpruner{}, {8}) == expected));
}

BOOST_AUTO_TEST_CASE(a_token_of_length_zero_comes_last_whatever_its_relevance) {
  const std::vector<modality> kinds(4, image);
  const matrix<float> hidden{{1, 0, 0}, {0, 0, 0}, {0, 1, 0}, {0, 0, 1}};
  const std::vector<float> relevance{2, 9, 3, 1};
  const auto made = select(context(kinds, hidden, relevance), cdpruner{}, {2}).kept;
  BOOST_TEST(made == (indices{0, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(relevance_that_is_not_finite_is_refused) {
  auto s = support::scene_of(support::around_image(2, 5, 3), 2);
  s.relevance[4] = support::not_a_number;
  support::check_error<tamp::value_error>("cdpruner: the relevance of token 4 is nan",
                                          [&] { select(s.context(), cdpruner{}, {2}); });
}

BOOST_AUTO_TEST_SUITE_END()
