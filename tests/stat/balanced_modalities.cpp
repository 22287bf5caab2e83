#include <tamp/stat/balanced_modalities.hpp>

#include <boost/test/unit_test.hpp>
#include <numeric>
#include <tamp/execute/sequential.hpp>
#include <tamp/stat/column_norm.hpp>
#include <tamp/stat/weighted.hpp>
#include <vector>

#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(stat_balanced_modalities)

using support::matrix;
using tamp::modality;
using tamp::stat::balanced_modalities;
using sample = tamp::layer_sample<matrix<float>, tamp::not_shown>;

namespace {

std::vector<double> weights_of(const std::vector<modality>& kinds, std::size_t tokens) {
  const matrix<float> x(tokens, 1);
  return balanced_modalities{}(tamp::execute::sequential{},
                               sample{x, tamp::detail::nothing, kinds, {}});
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Four tokens of two modalities: each modality has weight 2.
  BOOST_TEST(weights_of({modality::text, modality::image, modality::image, modality::image}, 4) ==
                 (std::vector<double>{2, 4.0 / 6, 4.0 / 6, 4.0 / 6}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(one_modality_has_weight_one_each) {
  BOOST_TEST(weights_of({}, 3) == (std::vector<double>{1, 1, 1}));
  BOOST_TEST(weights_of({modality::image, modality::image}, 2) == (std::vector<double>{1, 1}));
  BOOST_TEST(weights_of({}, 0).empty());
  const auto x = support::random_matrix(20, 5, 1);
  tamp::stat::weighted<tamp::stat::column_norm, balanced_modalities> norms;
  norms.add(sample{x, tamp::detail::nothing, {}, {}});
  tamp::stat::column_norm all;
  all.add(x);
  BOOST_TEST((static_cast<const tamp::stat::column_norm&>(norms) == all));
}

BOOST_AUTO_TEST_CASE(the_weights_of_a_sample_sum_up_to_its_tokens) {
  std::vector<modality> kinds;
  for (unsigned t = 0; t < 90; ++t)
    kinds.push_back(t % 7 == 0 ? modality{200} : t % 3 == 0 ? modality::video : modality::text);
  const std::vector<double> weights = weights_of(kinds, kinds.size());
  BOOST_TEST(std::abs(std::accumulate(weights.begin(), weights.end(), 0.0) - 90) < 1e-12);
  double video = 0;
  for (std::size_t t = 0; t < kinds.size(); ++t)
    if (kinds[t] == modality::video) video += weights[t];
  BOOST_TEST(std::abs(video - 30) < 1e-12);
}

BOOST_AUTO_TEST_CASE(it_is_a_weighting) {
  static_assert(tamp::policy<balanced_modalities, tamp::role::weighting>);
  static_assert(tamp::stat::weighting<balanced_modalities>);
  BOOST_TEST(tamp::label(balanced_modalities{}) == "balanced modalities");
}

BOOST_AUTO_TEST_SUITE_END()
