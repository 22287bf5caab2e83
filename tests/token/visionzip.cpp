#include <tamp/token/visionzip.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <string>
#include <tamp/token/published_order.hpp>
#include <utility>
#include <vector>

#include "../support/selectors.hpp"

BOOST_AUTO_TEST_SUITE(token_visionzip)

using support::indices;
using support::matrix;
using tamp::modality;
using tamp::token::in_published_order;
using tamp::token::select;
using tamp::token::selection;
using tamp::token::visionzip;
using enum tamp::modality;

namespace {

// For each token of the context the token that it is part of, or nowhere.
indices owners(const selection& made) {
  indices all;
  for (const std::size_t place : made.into)
    all.push_back(place == selection::nowhere ? place : made.kept[place]);
  return all;
}

// The docstring's rule by sorting, for numbers without ties.
indices by_definition(const visionzip& p, const support::scene& s, std::size_t count) {
  const std::size_t length = s.keys.cols() / p.key_heads;
  const auto score = [&](std::size_t t) {
    double sum = 0;
    for (std::size_t head = 0; head < support::scene::heads; ++head)
      for (std::size_t q = 0; q < s.tokens(); ++q) sum += double(s.attention_of(head, q, t));
    return sum;
  };
  const auto key = [&](std::size_t t) {
    std::vector<double> mean(length);
    for (std::size_t j = 0; j < s.keys.cols(); ++j) mean[j % length] += double(s.keys(t, j));
    return mean;
  };
  const auto cosine = [&](std::size_t a, std::size_t b) {
    const auto x = key(a), y = key(b);
    double xy = 0, xx = 0, yy = 0;
    for (std::size_t j = 0; j < length; ++j) {
      xy += x[j] * y[j];
      xx += x[j] * x[j];
      yy += y[j] * y[j];
    }
    return xy / std::sqrt(xx * yy);
  };
  indices others = s.visual(), owner(s.tokens());
  for (std::size_t t = 0; t < s.tokens(); ++t) owner[t] = t;
  std::sort(others.begin(), others.end(),
            [&](std::size_t a, std::size_t b) { return score(a) > score(b); });
  const std::size_t contextual = p.contextual;
  others.erase(others.begin(), others.begin() + std::ptrdiff_t(count - contextual));
  std::sort(others.begin(), others.end());
  indices targets;
  for (std::size_t k = 0; k < contextual; ++k)
    targets.push_back(others[k * (others.size() / contextual)]);
  for (const std::size_t t : others) {
    if (targets.empty()) owner[t] = selection::nowhere;
    if (targets.empty() || std::find(targets.begin(), targets.end(), t) != targets.end()) continue;
    owner[t] = *std::max_element(targets.begin(), targets.end(), [&](std::size_t a, std::size_t b) {
      return cosine(t, a) < cosine(t, b);
    });
  }
  return owner;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // The class token, 0, looks at patches 3 and 5 most. Of the others, 1, 2, 4, 6, 7, every second
  // one from the first on is a target: 1 and 4. The key of 2 is like that of 4, those of 6 and 7
  // like 1.
  const std::vector<modality> kinds{text, image, image, image, image, image, image, image};
  const std::vector<float> attention{0.1f, 0.05f, 0.1f, 0.3f, 0.1f, 0.2f, 0.1f, 0.05f};
  const matrix<float> keys{{0, 0}, {1, 0}, {0.1f, 1}, {9, 9}, {0, 3}, {9, 9}, {2, 1}, {5, 0}};
  const tamp::token::context c{
      .kinds = kinds, .attention = {attention, 1, 1, 8, 0}, .keys = tamp::view(keys)};
  const auto made = select(c, visionzip{.contextual = 2}, {4});
  BOOST_TEST(made.kept == (indices{0, 1, 3, 4, 5}), boost::test_tools::per_element());
  BOOST_TEST(owners(made) == (indices{0, 1, 4, 3, 4, 5, 1, 1}), boost::test_tools::per_element());
  // The dominant tokens come first, and the selection tells which are contextual.
  BOOST_TEST(made.order == (indices{0, 2, 4, 1, 3}), boost::test_tools::per_element());
  BOOST_TEST(made.targets == (indices{1, 3}), boost::test_tools::per_element());
  const auto published = in_published_order(made);
  BOOST_TEST(published.kept == (indices{0, 3, 5, 1, 4}), boost::test_tools::per_element());
  BOOST_TEST(published.targets == (indices{3, 4}), boost::test_tools::per_element());
  BOOST_TEST(published.into == (indices{0, 3, 4, 1, 4, 2, 3, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_contextual_token_is_the_target_and_the_mean_of_what_joins_it) {
  // Patch 1 is dominant, 3 joins 2: (2, 2) and (4, 6) become (6, 8), not their mean.
  matrix<float> hidden{{0, 0}, {1, 0}, {2, 2}, {4, 6}};
  const std::vector<modality> kinds{text, image, image, image};
  const std::vector<float> class_row{0.2f, 0.5f, 0.2f, 0.1f};
  const matrix<float> keys{{0, 0}, {0, 1}, {1, 0}, {1, 0}};
  const tamp::token::context c{
      .kinds = kinds, .attention = {class_row, 1, 1, 4, 0}, .keys = tamp::view(keys)};
  const visionzip policy{.contextual = 1};
  const auto made = in_published_order(select(c, policy, {2}));
  policy.merge_rows(hidden, made, c);
  const float expected[3][2] = {{0, 0}, {1, 0}, {6, 8}};
  for (std::size_t k = 0; k < 3; ++k)
    for (std::size_t j = 0; j < 2; ++j) BOOST_TEST(hidden(k, j) == expected[k][j]);

  // Of several that join, their mean counts once. Sizes do not. One that none joins stays.
  matrix<float> more{{1, 0}, {2, 30}, {9, 9}, {6, 60}, {1, 5}, {3, 7}};
  const selection merging{{1, 4, 5}, {0, 0, selection::nowhere, 0, 1, 2}};
  const std::vector<float> sizes{1, 7, 1, 3, 1, 1};
  const std::vector<modality> six(6, image);
  policy.merge_rows(more, merging, {.kinds = six, .sizes = sizes});
  const float merged[3][2] = {{2 + 3.5f, 30 + 30}, {1, 5}, {3, 7}};
  for (std::size_t k = 0; k < 3; ++k)
    for (std::size_t j = 0; j < 2; ++j) BOOST_TEST(more(k, j) == merged[k][j]);
}

BOOST_AUTO_TEST_CASE(rows_of_another_sequence_are_refused_and_nothing_is_moved) {
  const matrix<float> whole = support::random_matrix(4, 2, 2);
  matrix<float> rows = whole;
  const auto refuse = [&](const selection& s, const std::string& sentence) {
    support::check_error<tamp::shape_error>(sentence, [&] { visionzip{}.merge_rows(rows, s, {}); });
    BOOST_TEST((rows == whole));
  };
  refuse({{0, 2}, {0, 0, 1}}, "visionzip: the selection covers 3 tokens, the tensor 4");
  refuse({{0, 2}, {0, 0, 1, 2}}, "visionzip: token 3 is merged into place 2 of 2");
  visionzip{}.merge_rows(rows, selection{{1, 2}, {}}, {});  // without merging rows are kept
  BOOST_TEST(rows(0, 1) == whole(1, 1));
}

BOOST_AUTO_TEST_CASE(without_a_class_token_columns_are_summed) {
  const std::vector<modality> kinds(3, image);
  const std::vector<float> attention{0.3f, 0.1f, 0.6f, 0.4f, 0.5f, 0.1f, 0.3f, 0.3f, 0.4f};
  const matrix<float> keys{{1, 0}, {1, 0}, {0, 1}};
  const tamp::token::context c{
      .kinds = kinds, .attention = {attention, 1, 3}, .keys = tamp::view(keys)};
  // The sums are 1, 0.9 and 1.1.
  BOOST_TEST(select(c, visionzip{.contextual = 0}, {1}).kept == (indices{2}),
             boost::test_tools::per_element());
  BOOST_TEST(select(c, visionzip{.contextual = 0}, {2}).kept == (indices{0, 2}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(it_is_its_definition) {
  for (unsigned seed = 0; seed < 6; ++seed) {
    const auto s = support::scene_of(support::around_image(1, 29, 2), seed);
    for (const visionzip& p : {visionzip{}, visionzip{2, 2}, visionzip{0, 4}, visionzip{1, 1}})
      for (const std::size_t keep : {1u, 2u, 7u, 10u, 13u, 20u, 28u})
        if (keep >= p.contextual)
          BOOST_TEST(owners(select(s.context(), p, {keep})) == by_definition(p, s, keep),
                     boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(it_is_what_every_selector_is) {
  support::check_selector(visionzip{.contextual = 1}, {.order_matters = true});
  support::check_selector(visionzip{.contextual = 0}, {.last_of_equals = true});
}

BOOST_AUTO_TEST_CASE(the_papers_budgets_are_met) {
  // 10, 20 and 30 contextual tokens of 64, 128 and 192, and 24 and 6 that are 30, not a fraction.
  const auto s = support::scene_of(support::around_image(1, 300, 1), 2);
  for (const auto& [keep, contextual] :
       {std::pair<std::size_t, std::size_t>{64, 10}, {128, 20}, {192, 30}, {31, 7}}) {
    const auto made = select(s.context(), visionzip{.contextual = contextual}, {keep});
    BOOST_TEST(made.targets.size() == contextual);
    std::vector<std::size_t> members(made.kept.size());
    for (const std::size_t place : made.into) ++members[place];
    for (std::size_t k = 0; k < members.size(); ++k)  // a contextual token may stay alone, too
      BOOST_TEST(
          (members[k] == 1 || std::binary_search(made.targets.begin(), made.targets.end(), k)));
    const auto only = select(s.context(), visionzip{.contextual = 0}, {keep - contextual});
    for (std::size_t k = 0; k < made.kept.size(); ++k)
      BOOST_TEST(std::binary_search(made.targets.begin(), made.targets.end(), k) !=
                 std::binary_search(only.kept.begin(), only.kept.end(), made.kept[k]));
  }
}

BOOST_AUTO_TEST_CASE(parameters_that_cannot_be_used_are_refused) {
  const auto s = support::scene_of(support::around_image(2, 15, 3), 2);
  const auto ask = [&](const visionzip& p, std::size_t keep) { select(s.context(), p, {keep}); };
  support::check_error<tamp::value_error>(
      "visionzip: 9 tokens are to stay, fewer than the 10 contextual ones",
      [&] { ask(visionzip{}, 9); });
  ask(visionzip{}, 10);  // none is dominant
  ask(visionzip{}, 15);  // all stay, and nothing is asked
  ask(visionzip{}, 0);
  support::check_error<tamp::shape_error>("visionzip: keys of 8 features are not 3 heads",
                                          [&] { ask({2, 3}, 4); });
}

BOOST_AUTO_TEST_SUITE_END()
