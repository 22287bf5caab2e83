#include <tamp/token/folder.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <tamp/token/tome.hpp>
#include <vector>

#include "../support/matching.hpp"
#include "../support/selectors.hpp"

BOOST_AUTO_TEST_SUITE(token_folder)

using support::indices;
using support::matrix;
using support::merged_token;
using tamp::modality;
using tamp::token::folder;
using tamp::token::select;
using tamp::token::selection;
using enum tamp::modality;

namespace {

// For each token of the context the kept token that it is part of.
indices owners(const selection& made) {
  indices all;
  for (const std::size_t place : made.into) all.push_back(made.kept[place]);
  return all;
}

indices by_definition(const support::scene& s, std::size_t count) {
  std::vector<merged_token> tokens;
  for (const std::size_t t : s.visual()) {
    tokens.push_back({t, {t}, 1, {}});
    for (std::size_t j = 0; j < s.hidden.cols(); ++j)
      tokens.back().numbers.push_back(double(s.hidden(t, j)));
  }
  while (tokens.size() > count) {
    const std::size_t most = tokens.size() == 2 ? 1 : (tokens.size() - 1) / 2;
    tokens = support::matching_round(tokens, std::min(tokens.size() - count, most));
  }
  indices owner(s.tokens());
  for (std::size_t t = 0; t < s.tokens(); ++t) owner[t] = t;
  for (const merged_token& token : tokens)
    for (const std::size_t t : token.members) owner[t] = token.place;
  return owner;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // A = 0, 2 and B = 1, 3: token 2 is nearer to 3 than 0 is to 1. Half of four would be two, but a
  // fold takes at most floor(3 / 2) = 1. What is left, 0, 1 and 3, is split anew: A = 0, 3, B = 1.
  const matrix<float> hidden{{1, 0.5f}, {1, 0}, {0, 2}, {0, 1}};
  const std::vector<modality> kinds(4, image);
  const tamp::token::context c{.kinds = kinds, .hidden = tamp::view(hidden)};
  const auto keep = [&](std::size_t count) { return owners(select(c, folder{}, {count})); };
  BOOST_TEST(keep(3) == (indices{0, 1, 3, 3}), boost::test_tools::per_element());
  BOOST_TEST(keep(2) == (indices{1, 1, 3, 3}), boost::test_tools::per_element());
  // Of the two that are left, 1 is in A and 3 in B.
  BOOST_TEST(keep(1) == (indices{3, 3, 3, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(it_is_its_definition) {
  for (unsigned seed = 0; seed < 8; ++seed)
    for (const std::size_t visual : {22u, 23u}) {
      const auto s = support::scene_of(support::around_image(2, visual, 3), seed);
      for (const std::size_t keep : {21u, 18u, 12u, 11u, 7u, 3u, 2u, 1u})
        BOOST_TEST(owners(select(s.context(), folder{}, {keep})) == by_definition(s, keep),
                   boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(it_is_what_every_selector_is) {
  support::check_selector(folder{}, {.order_matters = true});
}

BOOST_AUTO_TEST_CASE(with_few_to_fold_it_is_tome_over_hidden_states) {
  auto s = support::scene_of(support::around_image(2, 20, 3), 1, 8);
  s.keys = s.hidden;
  for (const std::size_t keep : {19u, 15u, 11u})
    BOOST_TEST((select(s.context(), folder{}, {keep}) ==
                select(s.context(), tamp::token::tome{}, {keep})));
  BOOST_TEST((select(s.context(), folder{}, {5}) != select(s.context(), tamp::token::tome{}, {5})));
}

BOOST_AUTO_TEST_SUITE_END()
