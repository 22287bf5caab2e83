#include <tamp/token/cdpruner.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "../support/selectors.hpp"

BOOST_AUTO_TEST_SUITE(token_cdpruner)

using support::indices;
using support::matrix;
using tamp::modality;
using tamp::token::cdpruner;
using tamp::token::relevance_form;
using tamp::token::relevance_scale;
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
    return (relevance[a] - least + 1e-6) / (most - least) * dot(a, b) /
           std::sqrt(dot(a, a) * dot(b, b)) * (relevance[b] - least + 1e-6) / (most - least);
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

BOOST_AUTO_TEST_CASE(without_relevance_it_is_the_mean_likeness_to_the_words) {
  for (unsigned seed = 0; seed < 6; ++seed) {
    auto s = support::scene_of(support::around_image(2, 16, 3), seed, 12);
    s.relevance.clear();
    const auto cosine = [&](std::size_t a, std::size_t b) {
      double product = 0, aa = 0, bb = 0;
      for (std::size_t j = 0; j < 12; ++j) {
        product += double(s.hidden(a, j)) * double(s.hidden(b, j));
        aa += double(s.hidden(a, j)) * double(s.hidden(a, j));
        bb += double(s.hidden(b, j)) * double(s.hidden(b, j));
      }
      return product / std::sqrt(aa * bb);
    };
    std::vector<double> relevance;
    for (const std::size_t t : s.visual()) {
      relevance.push_back(0);
      for (const std::size_t word : {0u, 1u, 18u, 19u, 20u})
        relevance.back() += cosine(t, word) / 5;
    }
    BOOST_TEST(support::visual_kept(s, select(s.context(), cdpruner{}, {6})) ==
                   by_definition(s, relevance, 6),
               boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(it_is_what_every_selector_is) {
  support::check_selector(cdpruner{}, {.first_of_equals = true});
}

BOOST_AUTO_TEST_CASE(the_first_of_equals_is_chosen) {
  // Relevances 0, 1, 1 and 0.02, of tokens that are all at right angles.
  const std::vector<modality> kinds(4, image);
  const matrix<float> hidden{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}};
  const std::vector<float> relevance{-1.0f, 0.0f, 0.0f, -0.98f};
  BOOST_TEST(select(context(kinds, hidden, relevance), cdpruner{}, {1}).kept == (indices{1}),
             boost::test_tools::per_element());
  BOOST_TEST(select(context(kinds, hidden, relevance), cdpruner{}, {2}).kept == (indices{1, 2}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(theta_weighs_relevance_against_diversity) {
  // r = 1, 0.9 and 0 to 1e-6. The cosine of 0 and 1 is 0.8, that of 0 or 1 and 2 is 0. With theta 1
  // token 1 gains 0.81 * 0.36 = 0.29 after token 0, and token 2 nothing. Mixed with theta 0.5, the
  // kernel of 0 and 1 is 0.8 * (0.5 + 0.45), so that 1 gains 0.5 + 0.405 - 0.76^2 = 0.33, and 2
  // gains 0.5. In the exponential form alpha is 0.5, so that 1 gains exp(0.9) * 0.36 = 0.89, and 2
  // gains 1.
  const std::vector<modality> kinds(3, image);
  const matrix<float> hidden{{1, 0, 0}, {0.8f, 0.6f, 0}, {0, 0, 1}};
  const std::vector<float> relevance{1.0f, 0.9f, 0.0f};
  const auto second = [&](double theta, relevance_form form) {
    const auto made =
        select(context(kinds, hidden, relevance), cdpruner{.theta = theta, .form = form}, {2});
    BOOST_TEST(made.kept.front() == 0u);
    return made.kept.back();
  };
  BOOST_TEST(second(1, relevance_form::mixed) == 1u);
  BOOST_TEST(second(1, relevance_form::exponential) == 1u);
  BOOST_TEST(second(0.5, relevance_form::mixed) == 2u);
  BOOST_TEST(second(0.5, relevance_form::exponential) == 2u);
  BOOST_TEST(second(0.7, relevance_form::mixed) == 1u);        // 0.867 - 0.744^2 = 0.31, and 0.3
  BOOST_TEST(second(0.6, relevance_form::exponential) == 1u);  // exp(1.35) * 0.36 = 1.39
  BOOST_TEST(second(0, relevance_form::mixed) == 2u);
  BOOST_TEST(second(0, relevance_form::exponential) == 2u);
}

BOOST_AUTO_TEST_CASE(without_weight_relevance_makes_no_difference) {
  for (const relevance_form form : {relevance_form::mixed, relevance_form::exponential}) {
    const cdpruner policy{.theta = 0, .form = form};
    auto s = support::scene_of(support::around_image(2, 20, 3), 4, 24);
    const auto expected = select(s.context(), policy, {8});
    for (float& r : s.relevance) r = 3 - r * r;
    BOOST_TEST((select(s.context(), policy, {8}) == expected));
  }
}

BOOST_AUTO_TEST_CASE(nearly_all_weight_on_relevance_takes_the_most_relevant) {
  const auto s = support::scene_of(support::around_image(0, 12, 0), 4, 24);
  indices order(12);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return s.relevance[a] > s.relevance[b]; });
  order.resize(5);
  std::sort(order.begin(), order.end());
  BOOST_TEST(select(s.context(), cdpruner{.theta = 0.99999}, {5}).kept == order,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(relevance_is_used_as_given) {
  // At right angles, only the relevance decides. The token of length zero gains nothing, and comes
  // behind the least relevant one, which scaled to [0, 1] gains 1e-12.
  const std::vector<modality> kinds(3, image);
  const matrix<float> hidden{{1, 0}, {0, 0}, {0, 1}};
  const std::vector<float> relevance{2.0f, 1.5f, 1.0f};
  const cdpruner as_given{.scale = relevance_scale::as_given};
  BOOST_TEST(select(context(kinds, hidden, relevance), as_given, {2}).kept == (indices{0, 2}),
             boost::test_tools::per_element());
  BOOST_TEST(select(context(kinds, hidden, relevance), cdpruner{}, {2}).kept == (indices{0, 2}),
             boost::test_tools::per_element());
  const std::vector<float> negative{2.0f, -1.5f, 1.0f};
  support::check_error<tamp::value_error>(
      "cdpruner as given: the relevance of token 1 is -1.5, and relevances that are used as given "
      "are not negative",
      [&] { select(context(kinds, hidden, negative), as_given, {2}); });
  const cdpruner exponential{.theta = 0.5, .scale = relevance_scale::as_given};
  BOOST_TEST(select(context(kinds, hidden, negative), exponential, {2}).kept == (indices{0, 2}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(images_are_scaled_together_or_apart_and_chosen_from_alone) {
  // Two tiles of three tokens each; all tokens at right angles. Over all, r = 0, 0.1, 0.2; 1, 0.9,
  // 0.8, so that the second tile is kept. Chosen from alone, each tile keeps its most relevant.
  const std::vector<modality> kinds(6, image);
  matrix<float> hidden(6, 6);
  for (std::size_t t = 0; t < 6; ++t) hidden(t, t) = 1;
  const std::vector<float> relevance{0.0f, 0.1f, 0.2f, 1.0f, 0.9f, 0.8f};
  const std::vector<std::uint32_t> tiles{7, 7, 7, 3, 3, 3};
  auto c = context(kinds, hidden, relevance);
  c.images = tiles;
  const auto keep = [&](const cdpruner& policy, std::size_t count) {
    return select(c, policy, {count}).kept;
  };
  BOOST_TEST(keep({}, 3) == (indices{3, 4, 5}), boost::test_tools::per_element());
  BOOST_TEST(keep({.by_image = true}, 2) == (indices{2, 3}), boost::test_tools::per_element());
  BOOST_TEST(keep({.by_image = true}, 3) == (indices{2, 3, 4}), boost::test_tools::per_element());
  BOOST_TEST(keep({.by_image = true}, 4) == (indices{1, 2, 3, 4}),
             boost::test_tools::per_element());
  // Halves of 3 are 1 and 2 tokens, and those of 2 are 1 and 1.
  BOOST_TEST(keep({.by_image = true, .in_halves = true}, 4) == (indices{0, 2, 3, 4}),
             boost::test_tools::per_element());
  BOOST_TEST(keep({.in_halves = true}, 3) == (indices{2, 3, 4}), boost::test_tools::per_element());

  // Tokens 1 and 2 with cosine^2 0.5, mixed with theta 0.9. Over all, r of the first tile is at most
  // 0.2: after token 2, token 1 gains 0.109 - 0.5 * 0.118^2 / 0.136 = 0.06 and token 0 gains 0.1.
  // Over the group r is 0, 0.5, 1, and token 1 gains 0.325 - 0.5 * 0.55^2 = 0.17.
  hidden(1, 2) = 1;
  const auto first_tile = [&](relevance_scale scale) {
    return keep({.theta = 0.9, .form = relevance_form::mixed, .scale = scale, .by_image = true}, 4);
  };
  BOOST_TEST(first_tile(relevance_scale::over_all) == (indices{0, 2, 3, 4}),
             boost::test_tools::per_element());
  BOOST_TEST(first_tile(relevance_scale::over_group) == (indices{1, 2, 3, 4}),
             boost::test_tools::per_element());
  c.relevance = {};
  BOOST_TEST(keep({.by_image = true}, 4).size() == 4u);
}

BOOST_AUTO_TEST_CASE(every_form_is_what_every_selector_is) {
  for (const relevance_form form : {relevance_form::mixed, relevance_form::exponential})
    for (const relevance_scale scale :
         {relevance_scale::over_all, relevance_scale::over_group, relevance_scale::as_given})
      for (const bool apart : {false, true})
        support::check_selector(
            cdpruner{
                .theta = 0.5, .form = form, .scale = scale, .by_image = apart, .in_halves = apart},
            {.order_matters = apart, .first_of_equals = !apart});
}

BOOST_AUTO_TEST_CASE(theta_is_a_fraction_and_forms_and_scales_have_names) {
  const auto s = support::scene_of(support::around_image(2, 5, 3), 2);
  support::check_error<tamp::value_error>("cdpruner 1.5: theta lies in [0, 1], and is 1.5", [&] {
    select(s.context(), cdpruner{.theta = 1.5}, {2});
  });
  BOOST_CHECK_THROW(select(s.context(), cdpruner{.theta = support::not_a_number}, {2}),
                    tamp::value_error);
  using tamp::token::relevance_form, tamp::token::relevance_scale;
  support::check_error<tamp::value_error>("cdpruner: there is no form of number 7", [&] {
    select(s.context(), cdpruner{.form = static_cast<relevance_form>(7)}, {2});
  });
  support::check_error<tamp::value_error>("cdpruner: there is no scale of number 9", [&] {
    select(s.context(), cdpruner{.scale = static_cast<relevance_scale>(9)}, {2});
  });
}

BOOST_AUTO_TEST_CASE(words_whose_likeness_is_not_asked_for_may_be_anything) {
  auto s = support::scene_of(support::around_image(2, 9, 3), 2);
  for (const std::size_t word : {0u, 12u}) s.hidden(word, 2) = support::not_a_number;
  BOOST_CHECK_NO_THROW(select(s.context(), cdpruner{}, {2}));
  s.relevance.clear();
  support::check_error<tamp::value_error>("cdpruner: the hidden state of token 0, feature 2 is nan",
                                          [&] { select(s.context(), cdpruner{}, {2}); });
}

BOOST_AUTO_TEST_CASE(labels_name_what_is_not_as_published) {
  BOOST_TEST(cdpruner{}.label() == "cdpruner");
  BOOST_TEST((cdpruner{.theta = 0.5,
                       .form = relevance_form::mixed,
                       .scale = relevance_scale::over_group,
                       .by_image = true,
                       .in_halves = true}
                  .label()) == "cdpruner 0.5 mixed over group by image in halves");
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

BOOST_AUTO_TEST_CASE(irrelevant_tokens_are_chosen_by_their_diversity) {
  // r = 1, 1e-6, 1e-6. After token 0, token 1 gains 1e-12 (1 - 64/65), and token 2 gains 1e-12. The
  // published code, in float, takes 0 and 2, too.
  const std::vector<modality> kinds(3, image);
  const matrix<float> hidden{{1, 0}, {1, 0.125f}, {0, 1}};
  const std::vector<float> relevance{1, 0, 0};
  BOOST_TEST(select(context(kinds, hidden, relevance), cdpruner{}, {2}).kept == (indices{0, 2}),
             boost::test_tools::per_element());
  // With another direction and a copy of the relevant token, which gains nothing.
  const std::vector<modality> five(5, image);
  const matrix<float> more{{1, 0, 0}, {1, 0, 0}, {1, 0.125f, 0}, {0, 1, 0}, {0, 0, 1}};
  const std::vector<float> relevance_of_five{1, 1, 0, 0, 0};
  const auto keep = [&](std::size_t count) {
    return select(context(five, more, relevance_of_five), cdpruner{}, {count}).kept;
  };
  BOOST_TEST(keep(3) == (indices{0, 3, 4}), boost::test_tools::per_element());
  BOOST_TEST(keep(4) == (indices{0, 1, 3, 4}), boost::test_tools::per_element());  // rank used up
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
