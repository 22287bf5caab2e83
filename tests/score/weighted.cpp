#include <tamp/score/weighted.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <tamp/allocate/uniform.hpp>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/prune/compose.hpp>
#include <tamp/prune/prune.hpp>
#include <tamp/prune/select.hpp>
#include <tamp/score/amia.hpp>
#include <tamp/score/concepts.hpp>
#include <tamp/score/ria.hpp>
#include <tamp/score/sparsegpt.hpp>
#include <tamp/score/wanda.hpp>
#include <tamp/stat/balanced_modalities.hpp>
#include <type_traits>
#include <vector>

#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(score_weighted)

using support::matrix;
using tamp::modality;
using tamp::stat::amia_select;
using tamp::stat::balanced_modalities;
namespace score = tamp::score;
using sample = tamp::layer_sample<matrix<float>, matrix<float>>;

namespace {

// Tokens of two modalities at one layer.
struct observed {
  matrix<float> x = support::random_matrix(60, 12, 1), y = support::random_matrix(60, 8, 2),
                w = support::random_matrix(8, 12, 3);
  std::vector<modality> kinds = std::vector(60, modality::image);
  std::vector<float> attention = std::vector(60, 0.02f);

  observed() {
    for (std::size_t t = 50; t < 60; ++t) {
      kinds[t] = modality::text;
      for (std::size_t j = 0; j < 4; ++j) x(t, j) *= 5;  // text has features of its own
    }
  }
  auto show(auto statistic) const {
    statistic.add(sample{x, y, kinds, attention});
    return statistic;
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(it_is_the_score_on_a_weighted_statistic) {
  using by_modality = score::weighted<score::wanda, balanced_modalities>;
  static_assert(std::is_same_v<by_modality::needs,
                               tamp::stat::weighted<tamp::stat::column_norm, balanced_modalities>>);
  BOOST_TEST(by_modality{}(-3.0f, 2.0f) == 6.0f);
  BOOST_TEST(tamp::label(by_modality{}) == "wanda by balanced modalities");
  static_assert(score::elementwise<by_modality>);
  static_assert(score::row_wise<score::weighted<score::ria, balanced_modalities>>);
  static_assert(score::repairing<score::weighted<score::sparsegpt, balanced_modalities>>);
  static_assert(!score::repairing<by_modality> && !score::row_wise<by_modality>);
}

BOOST_AUTO_TEST_CASE(parameters_reach_score_and_statistic) {
  const score::weighted<score::ria, amia_select> by{{.alpha = 1}, {.neighbours = 5}};
  BOOST_TEST(by.label() == "ria 1 by amia 5 1 0.2 1 0.1");
  BOOST_TEST(by.statistic().label() == "column_norm by amia 5 1 0.2 1 0.1");
  BOOST_TEST((by == by));
  BOOST_TEST(!(by == score::weighted<score::ria, amia_select>{{.alpha = 1}, {}}));
}

BOOST_AUTO_TEST_CASE(elementwise_and_row_scores_see_the_weighted_norms) {
  const observed seen;
  const auto masks_agree = [&](auto plain) {
    const auto recipe = [](auto... policies) {
      return tamp::compose(policies..., tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
    };
    const auto weighted = recipe(plain, balanced_modalities{});
    const auto norms = seen.show(weighted.score.statistic());
    BOOST_TEST((tamp::select(seen.w, norms, weighted) ==
                tamp::select(seen.w, norms.values(), recipe(plain))));
    tamp::stat::column_norm all;
    all.add(seen.x);
    BOOST_TEST(
        !(tamp::select(seen.w, norms, weighted) == tamp::select(seen.w, all, recipe(plain))));
  };
  masks_agree(score::wanda{});
  masks_agree(score::ria{});
}

BOOST_AUTO_TEST_CASE(sparsegpt_repairs_for_the_tokens_that_count) {
  const observed seen;
  const auto recipe =
      tamp::compose(score::sparsegpt{}, amia_select{}, tamp::pattern::n_of_m<2, 4>{});
  const auto gram = seen.show(recipe.score.statistic());
  // The same from the Gram matrix of the selected tokens alone.
  tamp::stat::gram selected;
  std::vector<float> rows;
  auto taken = amia_select{}(tamp::execute::sequential{}, seen.y, seen.kinds, seen.attention);
  std::sort(taken.begin(), taken.end());
  for (const std::size_t t : taken)
    for (std::size_t j = 0; j < 12; ++j) rows.push_back(seen.x(t, j));
  BOOST_TEST(taken.size() < 60u);
  selected.add(tamp::execute::sequential{},
               tamp::matrix_view<const float>(rows.data(), taken.size(), 12), taken.size());
  matrix<float> by = seen.w, expected = seen.w;
  tamp::prune(by, gram, recipe);
  tamp::prune(expected, selected, tamp::compose(score::sparsegpt{}, tamp::pattern::n_of_m<2, 4>{}));
  BOOST_TEST((by == expected));
}

BOOST_AUTO_TEST_CASE(wanda_by_amia_is_amia) {
  const observed seen;
  const auto recipe = [](auto... policies) {
    return tamp::compose(policies..., tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
  };
  const auto by = recipe(score::wanda{}, amia_select{});
  const auto norms = seen.show(by.score.statistic());
  BOOST_TEST((norms == seen.show(score::amia{}.statistic())));
  BOOST_TEST(
      (tamp::select(seen.w, norms, by) == tamp::select(seen.w, norms, recipe(score::amia{}))));
}

BOOST_AUTO_TEST_SUITE_END()
