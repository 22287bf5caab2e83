#include <tamp/token/tome.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <tamp/token/gather.hpp>
#include <vector>

#include "../support/matching.hpp"
#include "../support/selectors.hpp"

BOOST_AUTO_TEST_SUITE(token_tome)

using support::indices;
using support::matrix;
using support::merged_token;
using tamp::modality;
using tamp::token::select;
using tamp::token::selection;
using tamp::token::tome;
using enum tamp::modality;

namespace {

// For each token of the context the kept token that it is part of.
indices owners(const selection& made) {
  indices all;
  for (const std::size_t place : made.into) all.push_back(made.kept[place]);
  return all;
}

indices by_definition(const support::scene& s, std::size_t heads, std::size_t count) {
  const std::size_t length = s.keys.cols() / heads;
  std::vector<merged_token> tokens;
  for (const std::size_t t : s.visual()) {
    tokens.push_back({t, {t}, 1, std::vector<double>(length)});
    for (std::size_t j = 0; j < s.keys.cols(); ++j)
      tokens.back().numbers[j % length] += double(s.keys(t, j)) / double(heads);
  }
  while (tokens.size() > count)
    tokens = support::matching_round(tokens, std::min(tokens.size() - count, tokens.size() / 2));
  indices owner(s.tokens());
  for (std::size_t t = 0; t < s.tokens(); ++t) owner[t] = t;
  for (const merged_token& token : tokens)
    for (const std::size_t t : token.members) owner[t] = token.place;
  return owner;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // A = 0, 2, 4 and B = 1, 3. Token 2 is token 3 (cosine 1), token 0 is nearly token 1 (0.995), and
  // token 4 is between both (cosine 0.71 to token 3, more to token 1).
  const matrix<float> keys{{1, 0.1f}, {1, 0}, {0, 2}, {0, 1}, {1, 0.9f}};
  const std::vector<modality> kinds(5, image);
  const tamp::token::context c{.kinds = kinds, .keys = tamp::view(keys)};
  const auto one = select(c, tome{}, {4});
  BOOST_TEST(owners(one) == (indices{0, 1, 3, 3, 4}), boost::test_tools::per_element());
  const auto two = select(c, tome{}, {3});
  BOOST_TEST(owners(two) == (indices{1, 1, 3, 3, 4}), boost::test_tools::per_element());
  // Half at most in a round: then A = 1, 4 and B = 3, and token 4 is nearer to it.
  const auto three = select(c, tome{}, {2});
  BOOST_TEST(owners(three) == (indices{1, 1, 3, 3, 3}), boost::test_tools::per_element());
  BOOST_TEST(owners(select(c, tome{}, {1})) == (indices{3, 3, 3, 3, 3}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(it_is_its_definition) {
  for (unsigned seed = 0; seed < 6; ++seed)
    for (const std::size_t heads : {1u, 2u, 4u}) {
      const auto s = support::scene_of(support::around_image(2, 23, 3), seed);
      for (const std::size_t keep : {22u, 18u, 12u, 11u, 7u, 3u, 1u})
        BOOST_TEST(
            owners(select(s.context(), tome{heads}, {keep})) == by_definition(s, heads, keep),
            boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(it_is_what_every_selector_is) {
  support::check_selector(tome{}, {.order_matters = true});
  support::check_selector(tome{2}, {.order_matters = true});
}

BOOST_AUTO_TEST_CASE(nothing_is_lost_and_merged_rows_are_the_means) {
  auto s = support::scene_of(support::around_image(2, 12, 3), 1);
  const auto made = select(s.context(), tome{}, {4});
  const std::vector<float> sizes = tamp::token::merged_sizes(made);
  float all = 0;
  for (const float size : sizes) all += size;
  BOOST_TEST(all == 17.0f);
  for (const std::size_t place : made.into) BOOST_TEST(place != selection::nowhere);
}

BOOST_AUTO_TEST_CASE(sizes_weigh_the_means_of_the_next_round) {
  // In the first round 0 joins 1, 2 joins 3 and 4 joins 5. Then 1, the mean of -40 and -70 degrees,
  // and 5, at 50 degrees, could join 3, at 0 degrees.
  matrix<float> keys(6, 2);
  const float degrees[] = {-40, -70, 0, 0, 50, 50};
  for (std::size_t t = 0; t < 6; ++t) {
    keys(t, 0) = std::cos(degrees[t] * 0.017453293f);
    keys(t, 1) = std::sin(degrees[t] * 0.017453293f);
  }
  const std::vector<modality> kinds(6, image);
  const auto ask = [&](const std::vector<float>& sizes) {
    return owners(select({.kinds = kinds, .keys = tamp::view(keys), .sizes = sizes}, tome{}, {2}));
  };
  BOOST_TEST(ask({}) == (indices{1, 1, 3, 3, 3, 3}), boost::test_tools::per_element());
  BOOST_TEST(ask({9, 1, 1, 1, 1, 1}) == (indices{3, 3, 3, 3, 5, 5}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(keys_that_are_not_so_many_heads_are_refused) {
  const auto s = support::scene_of(support::around_image(2, 5, 3), 2);
  support::check_error<tamp::shape_error>("tome: keys of 8 features are not 3 heads",
                                          [&] { select(s.context(), tome{3}, {2}); });
  support::check_error<tamp::shape_error>("tome: keys of 8 features are not 0 heads",
                                          [&] { select(s.context(), tome{0}, {2}); });
}

BOOST_AUTO_TEST_SUITE_END()
