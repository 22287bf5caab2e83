#include <tamp/token/tome.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <tamp/token/gather.hpp>
#include <tamp/token/published_order.hpp>
#include <vector>

#include "../support/matching.hpp"
#include "../support/selectors.hpp"

BOOST_AUTO_TEST_SUITE(token_tome)

using support::indices;
using support::matrix;
using support::merged_token;
using tamp::modality;
using tamp::token::in_published_order;
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

// The rounds of the docstring. Protected tokens in front have a place in the sequence, and no more.
indices by_definition(const support::scene& s, const tome& policy, std::size_t in_front,
                      std::size_t count) {
  const std::size_t length = s.keys.cols() / policy.key_heads;
  const std::size_t protected_tokens = policy.class_token + policy.distillation_token;
  std::vector<merged_token> tokens(in_front, merged_token{0, {}, 0, {}});
  for (const std::size_t t : s.visual()) {
    tokens.push_back({t, {t}, 1, std::vector<double>(length)});
    for (std::size_t j = 0; j < s.keys.cols(); ++j)
      tokens.back().numbers[j % length] += double(s.keys(t, j)) / double(policy.key_heads);
  }
  while (tokens.size() - in_front > count) {
    const std::size_t most = std::max<std::size_t>(1, (tokens.size() - protected_tokens) / 2);
    tokens = support::matching_round(tokens, std::min(tokens.size() - in_front - count, most),
                                     protected_tokens);
  }
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
  // Half at most in a round. What is left of A stands in front: then A = 4, 3 and B = 1.
  BOOST_TEST(in_published_order(two).kept == (indices{4, 1, 3}), boost::test_tools::per_element());
  const auto three = select(c, tome{}, {2});
  BOOST_TEST(owners(three) == (indices{1, 1, 3, 3, 1}), boost::test_tools::per_element());
  BOOST_TEST(in_published_order(three).kept == (indices{3, 1}), boost::test_tools::per_element());
  BOOST_TEST(owners(select(c, tome{}, {1})) == (indices{1, 1, 1, 1, 1}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_class_token_stands_first_in_a_and_does_not_merge) {
  // A = the class token, 2, 4 and B = 1, 3: both of A are nearest to 3.
  const matrix<float> keys{{7, 3}, {0, -4}, {-4, -9}, {-8, -9}, {-6, 6}};
  std::vector<modality> kinds(5, image);
  const tamp::token::context c{.kinds = kinds, .keys = tamp::view(keys)};
  const tome policy{.class_token = true};
  kinds[0] = text;
  BOOST_TEST(owners(select(c, policy, {2})) == (indices{0, 1, 3, 3, 3}),
             boost::test_tools::per_element());
  // Other text in front is no class token, and has no place in A: A = 1, 3 and B = 2, 4.
  BOOST_TEST(owners(select(c, tome{}, {3})) == (indices{0, 1, 2, 2, 4}),
             boost::test_tools::per_element());
  // A host may show the class token as a visual token, which counts.
  kinds[0] = image;
  BOOST_TEST(owners(select(c, policy, {3})) == (indices{0, 1, 3, 3, 3}),
             boost::test_tools::per_element());
  // The rest of A is then in its order.
  const auto one = select(c, policy, {4});
  BOOST_TEST(owners(one) == (indices{0, 1, 3, 3, 4}), boost::test_tools::per_element());
  BOOST_TEST(in_published_order(one).kept == (indices{0, 4, 1, 3}),
             boost::test_tools::per_element());
  // The published rule ends with the class token and one other. Then that joins it.
  BOOST_TEST(owners(select(c, policy, {1})) == (indices{0, 0, 0, 0, 0}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_distillation_token_stands_first_in_b_and_receives_none) {
  // A = the class token, 2, 4 and B = the distillation token, 3, 5: 2 is like the distillation
  // token, and joins 3 nevertheless.
  const matrix<float> keys{{1, 0}, {0, 1}, {0.1f, 1}, {1, 1}, {-1, 0}, {1, -2}};
  std::vector<modality> kinds(6, image);
  const tamp::token::context c{.kinds = kinds, .keys = tamp::view(keys)};
  const tome policy{.class_token = true, .distillation_token = true};
  for (const std::size_t text_tokens : {0u, 1u, 2u}) {
    for (std::size_t t = 0; t < text_tokens; ++t) kinds[t] = text;
    const auto made = select(c, policy, {5 - text_tokens});
    BOOST_TEST(owners(made) == (indices{0, 1, 3, 3, 4, 5}), boost::test_tools::per_element());
    BOOST_TEST(in_published_order(made).kept == (indices{0, 1, 4, 3, 5}),
               boost::test_tools::per_element());
  }
  support::check_error<tamp::value_error>(
      "tome: a distillation token stands behind a class token, and there is none",
      [&] { select(c, tome{.distillation_token = true}, {2}); });
}

BOOST_AUTO_TEST_CASE(the_next_layer_splits_the_published_order) {
  // First A = 0, 2, 4 and B = 1, 3, 5: 0 joins 1, and 4 and 2 are left of A, 4 with the more similar
  // edge. In that order, A = 4, 1, 5 and B = 2, 3: 4 joins 2. In ascending order, A = 1, 3, 5 and
  // B = 2, 4, and 5 would join 4.
  matrix<float> x{{-1, 0}, {5, 9}, {-9, -7}, {6, 9}, {-5, -4}, {7, -1}};
  std::vector<modality> kinds(6, image);
  std::vector<float> sizes;
  indices owner{0, 1, 2, 3, 4, 5};
  for (int layer = 0; layer < 2; ++layer) {
    const tamp::token::context c{.kinds = kinds, .keys = tamp::view(x), .sizes = sizes};
    const auto made = in_published_order(select(c, tome{}, {kinds.size() - 1}));
    for (std::size_t& place : owner) place = made.into[place];
    tome{}.merge_rows(x, made, c);
    sizes = tamp::token::merged_sizes(made, sizes);
    kinds.pop_back();
    matrix<float> rows(kinds.size(), 2);
    for (std::size_t k = 0; k < kinds.size(); ++k)
      for (std::size_t j = 0; j < 2; ++j) rows(k, j) = x(k, j);
    x = rows;
  }
  BOOST_TEST(owner[0] == owner[1]);
  BOOST_TEST(owner[2] == owner[4]);
  BOOST_TEST(owner == (indices{0, 0, 2, 3, 2, 1}), boost::test_tools::per_element());
  BOOST_TEST(sizes == (std::vector<float>{2, 1, 2, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(further_rounds_are_further_layers) {
  // One selection by two rounds is two selections of half, the second from the means of the keys.
  for (unsigned seed = 0; seed < 10; ++seed) {
    const auto s = support::scene_of(support::around_image(0, 20, 0), seed);
    const auto at_once = in_published_order(select(s.context(), tome{}, {7}));
    const auto first = in_published_order(select(s.context(), tome{}, {10}));
    matrix<float> keys = s.keys;
    tome{}.merge_rows(keys, first, s.context());
    const std::vector<modality> ten(10, image);
    const std::vector<float> sizes = tamp::token::merged_sizes(first);
    const auto second = in_published_order(
        select({.kinds = ten, .keys = tamp::view(keys.data(), 10, keys.cols()), .sizes = sizes},
               tome{}, {7}));
    for (std::size_t t = 0; t < 20; ++t) BOOST_TEST(at_once.into[t] == second.into[first.into[t]]);
  }
}

BOOST_AUTO_TEST_CASE(it_is_its_definition) {
  for (unsigned seed = 0; seed < 6; ++seed)
    for (const tome& policy : {tome{1}, tome{2}, tome{4}, tome{1, true}, tome{2, true, true}})
      for (std::size_t before = 0; before < 4; ++before) {
        const auto s = support::scene_of(support::around_image(before, 23, 3), seed);
        const std::size_t protected_tokens = policy.class_token + policy.distillation_token;
        const std::size_t in_front = before <= protected_tokens ? before : 0;
        for (const std::size_t keep : {22u, 18u, 12u, 11u, 7u, 3u, 1u})
          BOOST_TEST(owners(select(s.context(), policy, {keep})) ==
                         by_definition(s, policy, in_front, keep),
                     boost::test_tools::per_element());
      }
}

BOOST_AUTO_TEST_CASE(it_is_what_every_selector_is) {
  support::check_selector(tome{}, {.order_matters = true});
  support::check_selector(tome{2}, {.order_matters = true});
  support::check_selector(tome{.class_token = true}, {.order_matters = true});
  support::check_selector(tome{.class_token = true, .distillation_token = true},
                          {.order_matters = true});
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
