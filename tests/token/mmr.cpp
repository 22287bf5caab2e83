#include <tamp/token/mmr.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <numeric>
#include <random>
#include <tamp/token/detail/row_products.hpp>
#include <vector>

#include "../support/selectors.hpp"

BOOST_AUTO_TEST_SUITE(token_mmr)

using support::check_error;
using support::indices;
using support::matrix;
using tamp::modality;
using tamp::token::mmr;
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

indices chosen(const scene_of& s, const mmr& policy, std::size_t count) {
  indices all(s.kinds.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return policy(s.context(), all, count);
}

// The docstring's rule, everything anew in each round.
indices by_definition(const scene_of& s, const mmr& p, std::size_t count) {
  const std::size_t n = s.kinds.size();
  const tamp::detail::row_products products(tamp::view(s.hidden));
  const auto [least, most] = std::minmax_element(s.importance.begin(), s.importance.end());
  indices all;
  while (all.size() < count) {
    std::vector<std::pair<double, std::size_t>> keys;
    for (std::size_t t = 0; t < n; ++t) {
      if (std::find(all.begin(), all.end(), t) != all.end()) continue;
      double like = -2;
      for (const std::size_t taken : all) like = std::max(like, products.cosine(t, taken));
      const double x =
          (double(s.importance[t]) - double(*least)) / (double(*most) - double(*least) + p.epsilon);
      volatile double worth = p.lambda * x, loss = (1 - p.lambda) * like;  // which are not fused
      keys.emplace_back(all.empty() ? -x : -(worth - loss), t);
    }
    std::sort(keys.begin(), keys.end());
    const std::size_t now = std::min(p.at_once, count - all.size());
    for (std::size_t k = 0; k < now; ++k) all.push_back(keys[k].second);
  }
  return all;
}

scene_of random_scene(std::size_t tokens, std::size_t cols, unsigned seed) {
  scene_of s{support::random_matrix(tokens, cols, seed), std::vector<float>(tokens)};
  std::mt19937 random(seed);
  for (float& i : s.importance) i = float(int(random() % 2000) - 1000) / 100;
  return s;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // 0 matters most, 1 is as 0 and matters nearly as much, 2 is at a right angle.
  const scene_of s{{{1, 0}, {2, 0}, {0, 1}, {-1, 0}}, {4, 3, 2, 0}};
  BOOST_TEST(chosen(s, {.lambda = 1}, 4) == (indices{0, 1, 2, 3}),
             boost::test_tools::per_element());
  BOOST_TEST(chosen(s, {}, 4) == (indices{0, 3, 2, 1}), boost::test_tools::per_element());
  BOOST_TEST(chosen(s, {.lambda = 0.75}, 4) == (indices{0, 2, 1, 3}),
             boost::test_tools::per_element());
  BOOST_TEST(chosen(s, {.lambda = 0}, 4) == (indices{0, 3, 2, 1}),
             boost::test_tools::per_element());
  // Two at once: the second is not held against the first.
  BOOST_TEST(chosen(s, {.at_once = 2}, 3) == (indices{0, 1, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(it_is_its_definition) {
  for (unsigned seed = 0; seed < 12; ++seed) {
    const scene_of s = random_scene(15 + 5 * seed, 3 + seed, seed);
    for (const mmr& policy : {mmr{}, mmr{.lambda = 0.8, .at_once = 4}, mmr{.lambda = 0},
                              mmr{.lambda = 1, .at_once = 100}, mmr{.epsilon = 0}})
      for (const std::size_t count : {std::size_t{1}, std::size_t{7}, s.kinds.size()})
        BOOST_TEST(chosen(s, policy, count) == by_definition(s, policy, count),
                   boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(copies_are_exactly_alike_and_the_lowest_is_first) {
  const scene_of one = random_scene(6, 5, 3);
  scene_of s{matrix<float>(18, 5), std::vector<float>(18, 0.5f)};
  for (std::size_t t = 0; t < 18; ++t)
    for (std::size_t j = 0; j < 5; ++j) s.hidden(t, j) = one.hidden(t % 6, j);
  const indices all = chosen(s, {}, 18);
  for (std::size_t k = 0; k < 6; ++k) BOOST_TEST(all[k] < 6u);
  BOOST_TEST(std::is_sorted(all.begin() + 6, all.end()));
}

BOOST_AUTO_TEST_CASE(equal_importances_are_none) {
  const scene_of s{{{1, 0}, {1, 0}, {0, 1}}, {3, 3, 3}};
  for (const double epsilon : {0.0, 1e-6})
    BOOST_TEST(chosen(s, {.epsilon = epsilon}, 3) == (indices{0, 2, 1}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(parameters_that_cannot_be_used_are_refused) {
  const scene_of s = random_scene(5, 3, 1);
  const auto refuse = [&](const char* sentence, const mmr& policy) {
    check_error<tamp::value_error>(sentence, [&] { select(s.context(), policy, {2}); });
  };
  refuse("mmr: lambda lies in [0, 1], and is 1.5", {.lambda = 1.5});
  refuse("mmr: lambda lies in [0, 1], and is nan", {.lambda = double(support::not_a_number)});
  refuse("mmr: at least one token is taken at once", {.at_once = 0});
  refuse("mmr: epsilon is at least 0, and is -1", {.epsilon = -1});
}

BOOST_AUTO_TEST_CASE(it_is_what_every_selector_is) {
  support::check_selector(mmr{}, {.first_of_equals = true});
  support::check_selector(mmr{.lambda = 0.8, .at_once = 4}, {.first_of_equals = true});
}

BOOST_AUTO_TEST_SUITE_END()
