#include <tamp/allocate/weighted.hpp>

#include <boost/test/unit_test.hpp>
#include <tamp/allocate/concepts.hpp>
#include <tamp/allocate/das.hpp>
#include <tamp/allocate/owl.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/prune/calibrate.hpp>
#include <tamp/prune/compose.hpp>
#include <tamp/prune/plan.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/weighted.hpp>
#include <tamp/stat/balanced_modalities.hpp>
#include <tamp/stat/only_modality.hpp>
#include <vector>

#include "../support/model.hpp"

BOOST_AUTO_TEST_SUITE(allocate_weighted)

using support::open_mlp;
using tamp::modality;
using tamp::allocate::das;
using tamp::allocate::owl;
using tamp::stat::balanced_modalities;
using tamp::stat::only_modality;

namespace {

std::vector<double> sparsities(auto allocate) {
  open_mlp host(3, 6, 10, 1);
  auto seen = tamp::calibration_for(allocate);
  tamp::calibrate(host, seen);
  std::vector<double> all;
  for (const auto& layer :
       tamp::plan(host, seen,
                  tamp::compose(tamp::score::magnitude{}, allocate, tamp::pattern::per_row{}))
           .layers)
    all.push_back(layer.sparsity);
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(das_measures_the_diversity_of_the_tokens_that_count) {
  const tamp::allocate::weighted by{das{.sparsity = 0.5}, only_modality{modality::text}};
  static_assert(tamp::allocate::by_unit<std::remove_cvref_t<decltype(by)>>);
  BOOST_TEST(by.label() == "das 0.5 0.6 by only text");
  BOOST_TEST(by.statistic().label() == "token_diversity by only text");
  BOOST_TEST(sparsities(by) != sparsities(das{.sparsity = 0.5}));
}

BOOST_AUTO_TEST_CASE(owl_takes_a_weighted_score) {
  using weighted_wanda = tamp::score::weighted<tamp::score::wanda, balanced_modalities>;
  const owl<weighted_wanda> by{.sparsity = 0.5, .M = 2};
  BOOST_TEST(by.label() == "owl 0.5 2 0.08 wanda by balanced modalities");
  BOOST_TEST(sparsities(by) != sparsities(owl<>{.sparsity = 0.5, .M = 2}));
}

BOOST_AUTO_TEST_SUITE_END()
