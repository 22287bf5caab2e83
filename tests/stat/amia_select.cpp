#include <tamp/stat/amia_select.hpp>
#include <tamp/stat/select_tokens.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <tamp/stat/token_diversity.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(stat_amia_select)

using support::check_error;
using support::matrix;
using tamp::modality;
using tamp::stat::amia_select;
using enum tamp::modality;

namespace {

using indices = std::vector<std::size_t>;
using kinds = std::vector<modality>;

std::vector<float> some_attention(std::size_t tokens) {
  std::vector<float> attention(tokens);
  for (std::size_t t = 0; t < tokens; ++t)
    attention[t] = float(1 + t * 31 % 17) / float(9 * tokens);
  return attention;
}

// The docstring's formula, term by term, and everything anew in each round.
indices by_definition(const amia_select& p, const matrix<float>& y, const kinds& k,
                      const std::vector<float>& attention) {
  const std::size_t n = y.rows();
  const auto cosine = [&](std::size_t s, std::size_t t) {
    double dot = 0, a = 0, b = 0;
    for (std::size_t j = 0; j < y.cols(); ++j) {
      dot += double(y(s, j)) * double(y(t, j));
      a += double(y(s, j)) * double(y(s, j));
      b += double(y(t, j)) * double(y(t, j));
    }
    return dot / std::sqrt(a * b);
  };
  const auto kernel = [&](std::size_t s, std::size_t t) {
    return std::exp(-(2 - 2 * cosine(s, t)) / (2 * p.sigma * p.sigma));
  };
  std::vector<indices> near(n);
  std::vector<double> graph(attention.begin(), attention.end());
  for (std::size_t t = 0; t < n; ++t) {
    indices others(n);
    std::iota(others.begin(), others.end(), std::size_t{0});
    others.erase(others.begin() + std::ptrdiff_t(t));
    std::sort(others.begin(), others.end(), [&](std::size_t a, std::size_t b) {
      const double x = cosine(t, a), z = cosine(t, b);
      return x != z ? x > z : a < b;
    });
    others.resize(std::min(p.neighbours, n - 1));
    near[t] = others;
    for (const std::size_t u : others)
      graph[t] += std::exp(-p.forward_gamma * (1 - cosine(t, u))) * double(attention[u]);
  }
  tamp::stat::token_diversity d;
  d.add(tamp::layer_sample<matrix<float>, matrix<float>>{y, y, k, {}});
  const double density = 1 - d.importance() / 3;
  indices taken;
  while (taken.size() < n) {
    std::size_t best = n;
    for (std::size_t t = 0; t < n; ++t)
      if (std::find(taken.begin(), taken.end(), t) == taken.end())
        if (best == n || graph[t] > graph[best]) best = t;
    for (const std::size_t u : near[best])
      graph[u] -= std::exp(-p.backward_gamma * (1 - cosine(best, u))) * std::max(graph[best], 0.0);
    taken.push_back(best);
    double all = 0, within = 0, between = 0;
    for (std::size_t s = 0; s < n; ++s)
      for (std::size_t t = 0; t < n; ++t) all += kernel(s, t);
    for (const std::size_t s : taken) {
      for (const std::size_t t : taken) within += kernel(s, t);
      for (std::size_t t = 0; t < n; ++t) between += kernel(s, t);
    }
    const double m = double(taken.size()), c = double(n);
    if (all / c / c + within / m / m - 2 * between / c / m < p.tolerance * std::sqrt(1 - density))
      break;
  }
  return taken;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Two pairs of equal tokens. Without neighbours' influence the graph is the attention; the first
  // of the louder pair is taken, then, since MMD is still large, the louder of the other pair;
  // these two stand for all four exactly.
  const matrix<float> y{{1, 0}, {1, 0}, {0, 1}, {0, 1}};
  const std::vector<float> attention{0.3f, 0.4f, 0.1f, 0.2f};
  const amia_select one_neighbour{.neighbours = 1, .forward_gamma = 1, .backward_gamma = 0};
  // graph: 0.7, 0.7, 0.3, 0.3; token 0 is taken and lowers token 1 to 0.
  BOOST_TEST(tamp::stat::select_tokens(y, {}, attention, one_neighbour) == (indices{0, 2}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(repeated_tokens_are_neighbours_of_each_other) {
  // The published code takes the nearest of all tokens for the token itself and leaves it out, also
  // where that is its equal. It takes 4 and 1 here.
  const matrix<float> y{{0, 1}, {0, 1}, {1, 0}, {1, 1}, {1, 1}};
  using enum tamp::modality;
  const std::vector<tamp::modality> kinds{image, image, text, text, text};
  const std::vector<float> attention{2.0f / 16, 3.0f / 16, 7.0f / 16, 1.0f / 16, 7.0f / 16};
  BOOST_TEST(tamp::stat::select_tokens(y, kinds, attention, amia_select{}) == (indices{2, 1}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(it_is_its_definition) {
  for (unsigned seed = 0; seed < 6; ++seed) {
    const auto y = support::random_matrix(25, 6, seed);
    kinds k(25, text);
    std::fill(k.begin() + 2, k.begin() + 15, image);
    const auto attention = some_attention(25);
    for (const amia_select& p :
         {amia_select{}, amia_select{.neighbours = 5, .sigma = 0.7, .tolerance = 0.3},
          amia_select{.neighbours = 1, .backward_gamma = 2, .tolerance = 0.02}})
      BOOST_TEST(tamp::stat::select_tokens(y, k, attention, p) == by_definition(p, y, k, attention),
                 boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(indices_are_unique_and_a_smaller_tolerance_takes_more_of_the_same) {
  const auto y = support::random_matrix(80, 10, 3);
  const auto attention = some_attention(80);
  indices before;
  for (const double tolerance : {1.0, 0.3, 0.1, 0.03, 0.0}) {
    const indices taken =
        tamp::stat::select_tokens(y, {}, attention, amia_select{.tolerance = tolerance});
    indices sorted = taken;
    std::sort(sorted.begin(), sorted.end());
    BOOST_TEST((std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end()));
    BOOST_TEST(taken.size() >= before.size());
    BOOST_TEST(std::equal(before.begin(), before.end(), taken.begin()));
    before = taken;
  }
  BOOST_TEST(before.size() == 80u);  // at 0, all are taken
}

BOOST_AUTO_TEST_CASE(the_length_of_tokens_and_the_layout_make_no_difference) {
  auto y = support::random_matrix(40, 9, 7);
  const auto attention = some_attention(40);
  const auto expected = tamp::stat::select_tokens(y, {}, attention, amia_select{});
  support::in_every_layout(y, [&](auto view) {
    BOOST_TEST(tamp::stat::select_tokens(view, {}, attention, amia_select{}) == expected,
               boost::test_tools::per_element());
  });
  for (std::size_t j = 0; j < 9; ++j) y(11, j) *= 4;
  BOOST_TEST(tamp::stat::select_tokens(y, {}, attention, amia_select{}) == expected,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_result_does_not_depend_on_the_executor) {
  const auto y = support::random_matrix(100, 20, 8);
  const auto attention = some_attention(100);
  const auto expected = amia_select{}(support::one_thread, y, {}, attention);
  for (const auto& exec : support::every_executor)
    BOOST_TEST(amia_select{}(exec, y, {}, attention) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(no_token_one_token_and_fewer_than_there_are_neighbours) {
  BOOST_TEST(tamp::stat::select_tokens(matrix<float>(0, 3), {}, {}, amia_select{}).empty());
  const std::vector<float> attention{0.5f, 0.5f};
  BOOST_TEST(tamp::stat::select_tokens(matrix<float>{{1, 2}}, {}, std::span(attention).first(1),
                                       amia_select{}) == (indices{0}),
             boost::test_tools::per_element());
  const auto two =
      tamp::stat::select_tokens(matrix<float>{{1, 2}, {-2, 1}}, {}, attention, amia_select{});
  BOOST_TEST(two == (indices{0, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(of_equal_tokens_one_stands_for_all_the_most_attended_to) {
  auto attention = some_attention(5);
  attention[3] = 1;
  BOOST_TEST(tamp::stat::select_tokens(matrix<float>(5, 3, 1.0f), {}, attention,
                                       amia_select{.neighbours = 0}) == (indices{3}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(tokens_of_length_zero_are_like_each_other_alone) {
  matrix<float> y = support::random_matrix(10, 4, 2);
  for (const std::size_t t : {2u, 3u, 4u})
    for (std::size_t j = 0; j < 4; ++j) y(t, j) = 0;
  const auto taken = tamp::stat::select_tokens(y, {}, some_attention(10), amia_select{});
  BOOST_TEST(!taken.empty());
}

BOOST_AUTO_TEST_CASE(three_modalities_are_welcome) {
  const auto y = support::random_matrix(30, 5, 5);
  kinds k(30, text);
  std::fill(k.begin(), k.begin() + 10, image);
  std::fill(k.begin() + 10, k.begin() + 20, audio);
  const auto taken = tamp::stat::select_tokens(y, k, some_attention(30), amia_select{});
  BOOST_TEST(!taken.empty());
  BOOST_TEST(taken.size() <= 30u);
}

BOOST_AUTO_TEST_CASE(bad_input_is_refused) {
  const matrix<float> y{{1, 2}, {3, 4}};
  const std::vector<float> attention{0.5f, 0.5f};
  const auto select = [&](const amia_select& p, const kinds& k, std::vector<float> a) {
    tamp::stat::select_tokens(y, k, a, p);
  };
  check_error<tamp::shape_error>("amia_select: the attention covers 0 tokens, the output has 2",
                                 [&] { select({}, {}, {}); });
  check_error<tamp::shape_error>("amia_select: the modalities cover 1 tokens, the output has 2",
                                 [&] { select({}, {text}, attention); });
  check_error<tamp::value_error>("amia_select: the attention to token 1 is nan",
                                 [&] { select({}, {}, {0.5f, support::not_a_number}); });
  check_error<tamp::value_error>("amia_select: the attention to token 0 is -1",
                                 [&] { select({}, {}, {-1, 0.5f}); });
  check_error<tamp::value_error>("amia_select: sigma is 0, tolerance 0.1, the gammas 1 and 0.2",
                                 [&] { select({.sigma = 0}, {}, attention); });
  // 1 / sigma^2 would be infinite, and 0 times that no number.
  check_error<tamp::value_error>(
      "amia_select: sigma is 1e-160, tolerance 0.1, the gammas 1 and 0.2",
      [&] { select({.sigma = 1e-160}, {}, attention); });
  check_error<tamp::value_error>("amia_select: sigma is inf, tolerance 0.1, the gammas 1 and 0.2",
                                 [&] { select({.sigma = INFINITY}, {}, attention); });
  check_error<tamp::value_error>("amia_select: sigma is 1, tolerance inf, the gammas 1 and 0.2",
                                 [&] { select({.tolerance = INFINITY}, {}, attention); });
  check_error<tamp::value_error>("amia_select: sigma is 1, tolerance 0.1, the gammas nan and 0.2",
                                 [&] { select({.forward_gamma = NAN}, {}, attention); });
  check_error<tamp::value_error>("amia_select: the output of token 1, feature 0 is inf", [&] {
    tamp::stat::select_tokens(matrix<float>{{1, 2}, {support::infinity, 4}}, {}, attention,
                              amia_select{});
  });
}

BOOST_AUTO_TEST_SUITE_END()
