#include <tamp/token/scope.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <random>
#include <tamp/token/detail/cosines_of_all.hpp>
#include <vector>

#include "../support/instructions.hpp"
#include "../support/selectors.hpp"

BOOST_AUTO_TEST_SUITE(token_scope)

using support::check_error;
using support::indices;
using support::matrix;
using tamp::modality;
using tamp::token::scope;
using tamp::token::select;
using enum tamp::modality;

namespace {

struct scene_of {
  matrix<float> hidden;
  std::vector<float> importance;
  std::vector<modality> kinds = std::vector<modality>(hidden.rows(), image);

  tamp::token::context context() const {
    return {.kinds = kinds, .hidden = tamp::view(hidden), .importance = importance};
  }
};

indices chosen(const scene_of& s, std::size_t count, double alpha = 1) {
  indices all(s.kinds.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return scope{alpha}(s.context(), all, count);
}

// The docstring's rule: the plain loop over all tokens. Cosines and sums have the library's bits, so
// that gains which are equal but for rounding are told apart alike.
indices by_definition(const scene_of& s, std::size_t count, double alpha = 1) {
  const std::size_t n = s.kinds.size();
  indices every(n), all;
  std::iota(every.begin(), every.end(), std::size_t{0});
  const tamp::detail::cosines_of_all cosines("plain", tamp::view(s.hidden), every);
  std::vector<double> cover(n);
  std::vector<bool> taken(n);
  while (all.size() < count) {
    double best = -1;
    std::size_t next = 0;
    for (std::size_t j = 0; j < n; ++j) {
      const double gain = std::pow(double(s.importance[j]), alpha) *
                          tamp::detail::with_similar_rows([&](auto rows) {
                            return rows.sum_above(cosines[j].data(), cover.data(), n);
                          });
      if (!taken[j] && gain > best) best = gain, next = j;
    }
    taken[next] = true;
    all.push_back(next);
    for (std::size_t i = 0; i < n; ++i) cover[i] = std::max(cover[i], cosines[next][i]);
  }
  return all;
}

scene_of random_scene(std::size_t tokens, std::size_t cols, unsigned seed) {
  scene_of s{support::random_matrix(tokens, cols, seed), std::vector<float>(tokens)};
  std::mt19937 random(seed);
  for (float& i : s.importance) i = float(random() % 1000) / 1000;
  return s;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Tokens 0, 1 and 2 are nearly alike, and 3 is alone but important. 1 covers 2.99 of the three.
  scene_of s{{{1, 0.1f, 0}, {1, 0, 0}, {1, -0.1f, 0}, {0, 0, 1}}, {1, 1, 1, 2}};
  BOOST_TEST(chosen(s, 2) == (indices{1, 3}), boost::test_tools::per_element());
  s.importance[3] = 3;
  BOOST_TEST(chosen(s, 2) == (indices{3, 1}), boost::test_tools::per_element());
  BOOST_TEST(chosen(s, 2, 0) == (indices{1, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(it_is_its_definition) {
  for (unsigned seed = 0; seed < 12; ++seed) {
    const scene_of s = random_scene(20 + 7 * seed, 3 + seed, seed);
    for (const double alpha : {1.0, 0.5, 0.0, 2.0})
      for (const std::size_t count : {std::size_t{1}, std::size_t{6}, s.kinds.size()})
        support::with_every_instructions([&] {
          BOOST_TEST(chosen(s, count, alpha) == by_definition(s, count, alpha),
                     boost::test_tools::per_element());
        });
  }
}

// Each token and its importance three times: copies gain exactly nothing, and come last, in order.
BOOST_AUTO_TEST_CASE(copies_of_taken_tokens_are_taken_last) {
  for (unsigned seed = 0; seed < 6; ++seed) {
    const scene_of one = random_scene(9, 5, seed);
    scene_of s{matrix<float>(27, 5), std::vector<float>(27)};
    for (std::size_t t = 0; t < 27; ++t) {
      s.importance[t] = one.importance[t % 9];
      for (std::size_t j = 0; j < 5; ++j) s.hidden(t, j) = one.hidden(t % 9, j);
    }
    const indices all = chosen(s, 27);
    BOOST_TEST(all == by_definition(s, 27), boost::test_tools::per_element());
    for (std::size_t k = 0; k < 27; ++k) BOOST_TEST((all[k] < 9) == (k < 9));
    BOOST_TEST(std::is_sorted(all.begin() + 9, all.end()));
  }
}

BOOST_AUTO_TEST_CASE(what_gains_nothing_is_taken_in_order) {
  // Importances of 0, and a token of length zero.
  const scene_of s{{{1, 0}, {0, 1}, {0, 0}, {1, 1}, {-1, 0}}, {0, 0, 5, 0, 1}};
  BOOST_TEST(chosen(s, 5) == (indices{4, 0, 1, 2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(importances_and_exponents_that_cannot_be_used_are_refused) {
  scene_of s = random_scene(5, 3, 1);
  const auto refuse = [&](const char* sentence, double alpha) {
    check_error<tamp::value_error>(sentence, [&] { select(s.context(), scope{alpha}, {2}); });
  };
  refuse("scope: alpha is at least 0, and is -1", -1);
  refuse("scope: alpha is at least 0, and is nan", double(support::not_a_number));
  refuse("scope: alpha is at least 0, and is inf", double(support::infinity));
  s.importance[3] = -0.5f;
  refuse(
      "scope: the importance of token 3 is -0.5, and what is weighed by coverage is not negative",
      1);
  s.importance[3] = 0x1p100f;
  refuse(
      "scope 20: the importance of token 3 is 1.2676506002282294e+30, and its power is too large",
      20);
  s.importance[3] = support::infinity;
  refuse("scope: the importance of token 3 is inf", 1);
}

BOOST_AUTO_TEST_CASE(it_is_what_every_selector_is) {
  support::check_selector(scope{}, {.first_of_equals = true});
  support::check_selector(scope{.alpha = 0.5}, {.first_of_equals = true});
}

BOOST_AUTO_TEST_CASE(a_smaller_choice_begins_a_larger_one) {
  const scene_of s = random_scene(30, 4, 7);
  const indices all = chosen(s, 30);
  for (std::size_t count = 0; count < 30; ++count)
    BOOST_TEST(chosen(s, count) == indices(all.begin(), all.begin() + std::ptrdiff_t(count)),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
