#include <tamp/token/folder.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <string>
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

// The rounds of the docstring. A class token in front has a place in the sequence, and no more.
indices by_definition(const support::scene& s, const folder& policy, std::size_t in_front,
                      std::size_t count) {
  std::vector<merged_token> tokens(in_front, merged_token{0, {}, 0, {}});
  for (const std::size_t t : s.visual()) {
    tokens.push_back({t, {t}, 1, {}});
    for (std::size_t j = 0; j < s.hidden.cols(); ++j)
      tokens.back().numbers.push_back(double(s.hidden(t, j)));
  }
  while (tokens.size() - in_front > count) {
    const std::size_t most = tokens.size() == 2 ? 1 : (tokens.size() - 1) / 2;
    tokens = support::matching_round(tokens, std::min(tokens.size() - in_front - count, most),
                                     policy.class_token, true);
  }
  indices owner(s.tokens());
  for (std::size_t t = 0; t < s.tokens(); ++t) owner[t] = t;
  for (const merged_token& token : tokens)
    for (const std::size_t t : token.members) owner[t] = token.place;
  return owner;
}

constexpr folder without_class_token{.class_token = false};

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // A = 0, 2 and B = 1, 3: token 2 is nearer to 3 than 0 is to 1. Half of four would be two, but a
  // fold takes at most floor(3 / 2) = 1. What is left, 0, 1 and 3, is split anew: A = 0, 3, B = 1.
  const matrix<float> hidden{{1, 0.5f}, {1, 0}, {0, 2}, {0, 1}};
  const std::vector<modality> kinds(4, image);
  const tamp::token::context c{.kinds = kinds, .hidden = tamp::view(hidden)};
  const auto keep = [&](const folder& policy, std::size_t count) {
    const auto made = select(c, policy, {count});
    BOOST_TEST(made.order.empty());  // tokens stay in their order
    return owners(made);
  };
  BOOST_TEST(keep(without_class_token, 3) == (indices{0, 1, 3, 3}),
             boost::test_tools::per_element());
  BOOST_TEST(keep(without_class_token, 2) == (indices{1, 1, 3, 3}),
             boost::test_tools::per_element());
  // Of the two that are left, 1 is in A and 3 in B.
  BOOST_TEST(keep(without_class_token, 1) == (indices{3, 3, 3, 3}),
             boost::test_tools::per_element());
  // By default the first token is a class token, or as good as one: 3 joins 1 instead.
  BOOST_TEST(keep(folder{}, 3) == (indices{0, 1, 3, 3}), boost::test_tools::per_element());
  BOOST_TEST(keep(folder{}, 2) == (indices{0, 1, 1, 1}), boost::test_tools::per_element());
  BOOST_TEST(keep(folder{}, 1) == (indices{0, 0, 0, 0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(one_text_token_in_front_is_the_class_token) {
  // A = the class token, 2, 4 and B = 1, 3. Without a class token A = 1, 3 and B = 2, 4.
  const matrix<float> hidden{{9, 9}, {1, 0.5f}, {1, 0}, {0, 2}, {0.1f, 1}};
  const std::vector<modality> kinds{text, image, image, image, image};
  const tamp::token::context c{.kinds = kinds, .hidden = tamp::view(hidden)};
  BOOST_TEST(owners(select(c, folder{}, {3})) == (indices{0, 1, 2, 3, 3}),
             boost::test_tools::per_element());
  BOOST_TEST(owners(select(c, folder{}, {2})) == (indices{0, 1, 1, 3, 3}),
             boost::test_tools::per_element());
  BOOST_TEST(owners(select(c, without_class_token, {3})) == (indices{0, 1, 2, 4, 4}),
             boost::test_tools::per_element());
  // A prompt in front is no class token: the first image token takes its place.
  const std::vector<modality> prompt{text, text, image, image, image};
  const tamp::token::context p{.kinds = prompt, .hidden = tamp::view(hidden)};
  BOOST_TEST(owners(select(p, folder{}, {2})) == (indices{0, 1, 2, 3, 3}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(it_is_its_definition) {
  for (unsigned seed = 0; seed < 8; ++seed)
    for (const std::size_t visual : {22u, 23u})
      for (std::size_t before = 0; before < 3; ++before)
        for (const folder& policy : {folder{}, without_class_token}) {
          const auto s = support::scene_of(support::around_image(before, visual, 3), seed);
          const std::size_t in_front = policy.class_token && before == 1;
          for (const std::size_t keep : {21u, 18u, 12u, 11u, 7u, 3u, 2u, 1u})
            BOOST_TEST(owners(select(s.context(), policy, {keep})) ==
                           by_definition(s, policy, in_front, keep),
                       boost::test_tools::per_element());
        }
}

BOOST_AUTO_TEST_CASE(after_several_rounds_or_few_removals_merged_tokens_are_scaled) {
  // A single round of 9 tokens removes at most 4: 2 are fewer than half of the 7 that stay, 3 are
  // half of 6, and 5 take two rounds.
  BOOST_TEST(folder::scales(9, 9));
  BOOST_TEST(folder::scales(9, 7));
  BOOST_TEST(!folder::scales(9, 6));
  BOOST_TEST(!folder::scales(9, 5));
  BOOST_TEST(folder::scales(9, 4));
  BOOST_TEST(folder::scales(9, 2));
  BOOST_TEST(!folder::scales(9, 1));
  BOOST_TEST(!folder::scales(1, 1));
  BOOST_TEST(!folder::scales(0, 0));

  // Tokens 2 and 3 become one, of four that stay. Of size 2, it is scaled by 1 + log(2).
  matrix<float> hidden{{1, 0.5f}, {1, 0}, {0, 2}, {0, 1}, {-4, 1}};
  std::vector<modality> kinds(5, image);
  const auto merged = [&](std::size_t keep, const std::vector<float>& sizes) {
    const tamp::token::context c{.kinds = kinds, .hidden = tamp::view(hidden), .sizes = sizes};
    matrix<float> rows = hidden;
    without_class_token.merge_rows(rows, select(c, without_class_token, {keep}), c);
    return rows;
  };
  const auto four = merged(4, {});
  BOOST_TEST(four(0, 1) == 0.5f);
  BOOST_TEST(four(2, 0) == 0.0f);
  BOOST_TEST(four(2, 1) == float(1.5 * (1 + std::log(2.0))));
  BOOST_TEST(four(3, 0) == -4.0f);
  // Of sizes 1 and 3, the mean leans to the second, and all sizes scale.
  const auto sized = merged(4, {1, 1, 1, 3, 2});
  BOOST_TEST(sized(2, 1) == float(1.25 * (1 + std::log(4.0))));
  BOOST_TEST(sized(3, 0) == float(-4 * (1 + std::log(2.0))));
  // Two of three are not fewer than half: nothing is scaled.
  const auto three = merged(3, {});
  BOOST_TEST(three(0, 0) == 1.0f);
  BOOST_TEST(three(1, 1) == 1.5f);
  // Text is not scaled, whatever its size, and takes no part in the rule.
  hidden = {{1, 0.5f}, {1, 0}, {0, 2}, {0, 1}, {-4, 1}, {7, 7}, {8, 8}};
  kinds.insert(kinds.end(), 2, text);
  BOOST_TEST(merged(3, {})(1, 1) == 1.5f);
  const auto with_text = merged(4, {1, 1, 1, 1, 1, 5, 5});
  BOOST_TEST(with_text(2, 1) == float(1.5 * (1 + std::log(2.0))));
  BOOST_TEST(with_text(4, 0) == 7.0f);
  BOOST_TEST(with_text(5, 0) == 8.0f);
}

BOOST_AUTO_TEST_CASE(rows_of_another_sequence_are_refused_and_nothing_is_moved) {
  const matrix<float> whole = support::random_matrix(4, 2, 2);
  matrix<float> rows = whole;
  const std::vector<modality> four(4, image), three(3, image);
  const selection made{{0, 2}, {0, 0, 1, 1}};
  const auto refuse = [&](const selection& s, const tamp::token::context& c,
                          const std::string& sentence) {
    support::check_error<tamp::shape_error>(sentence, [&] { folder{}.merge_rows(rows, s, c); });
    BOOST_TEST((rows == whole));
  };
  refuse(made, {.kinds = three}, "folder: the selection covers 4 tokens, the context 3");
  refuse({{0, 2}, {0, 0, 1}}, {.kinds = three},
         "folder: the selection covers 3 tokens, the tensor 4");
  refuse({{0, 2}, {0, 0, 1, 2}}, {.kinds = four}, "folder: token 3 is merged into place 2 of 2");
  folder{}.merge_rows(rows, selection{{1, 2}, {}}, {});  // without merging rows are kept
  BOOST_TEST(rows(0, 1) == whole(1, 1));
}

BOOST_AUTO_TEST_CASE(it_is_what_every_selector_is) {
  support::check_selector(folder{}, {.order_matters = true});
  support::check_selector(without_class_token, {.order_matters = true});
}

BOOST_AUTO_TEST_CASE(with_few_to_fold_it_is_tome_over_hidden_states) {
  auto s = support::scene_of(support::around_image(2, 20, 3), 1, 8);
  s.keys = s.hidden;
  const auto folded = [&](std::size_t keep) {
    return owners(select(s.context(), without_class_token, {keep}));
  };
  const auto merged = [&](std::size_t keep) {
    return owners(select(s.context(), tamp::token::tome{}, {keep}));
  };
  for (const std::size_t keep : {19u, 15u, 11u})
    BOOST_TEST(folded(keep) == merged(keep), boost::test_tools::per_element());
  BOOST_TEST((folded(5) != merged(5)));
}

BOOST_AUTO_TEST_SUITE_END()
