#include <tamp/stat/only_modality.hpp>

#include <boost/test/unit_test.hpp>
#include <tamp/execute/sequential.hpp>
#include <tamp/role.hpp>
#include <tamp/stat/column_norm.hpp>
#include <tamp/stat/weighted.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(stat_only_modality)

using support::matrix;
using tamp::modality;
using tamp::stat::only_modality;
using sample = tamp::layer_sample<matrix<float>, tamp::not_shown>;

BOOST_AUTO_TEST_CASE(by_hand) {
  const matrix<float> x(4, 1);
  const std::vector<modality> kinds{modality::text, modality::image, modality::text,
                                    modality::video};
  const auto weights = [&](modality kind) {
    return only_modality{kind}(tamp::execute::sequential{},
                               sample{x, tamp::detail::nothing, kinds, {}});
  };
  BOOST_TEST(weights(modality::text) == (std::vector<double>{1, 0, 1, 0}));
  BOOST_TEST(weights(modality::image) == (std::vector<double>{0, 1, 0, 0}));
  BOOST_TEST(weights(modality::audio) == (std::vector<double>{0, 0, 0, 0}));
}

BOOST_AUTO_TEST_CASE(without_modalities_all_is_text) {
  const matrix<float> x(2, 1);
  BOOST_TEST(
      only_modality{}(tamp::execute::sequential{}, sample{x, tamp::detail::nothing, {}, {}}) ==
      (std::vector<double>{1, 1}));
}

BOOST_AUTO_TEST_CASE(of_text_alone_it_gives_the_bits_of_the_statistic_without_weights) {
  const auto x = support::random_matrix(20, 5, 1);
  tamp::stat::weighted<tamp::stat::column_norm, only_modality> norms;
  norms.add(sample{x, tamp::detail::nothing, {}, {}});
  tamp::stat::column_norm all;
  all.add(x);
  BOOST_TEST((static_cast<const tamp::stat::column_norm&>(norms) == all));
}

BOOST_AUTO_TEST_CASE(it_has_a_name_for_each_modality) {
  BOOST_TEST(tamp::label(only_modality{}) == "only text");
  BOOST_TEST(tamp::label(only_modality{modality::image}) == "only image");
  BOOST_TEST(tamp::label(only_modality{modality::audio}) == "only audio");
  BOOST_TEST(tamp::label(only_modality{modality::video}) == "only video");
  BOOST_TEST(tamp::label(only_modality{modality{5}}) == "only modality 5");
  static_assert(tamp::policy<only_modality, tamp::role::weighting>);
  static_assert(tamp::stat::weighting<only_modality>);
}

BOOST_AUTO_TEST_CASE(modalities_of_other_tokens_are_refused) {
  const matrix<float> x(4, 1);
  const std::vector<modality> one{modality::image};
  support::check_error<tamp::shape_error>("only_modality: 1 modalities for 4 tokens", [&] {
    only_modality{}(tamp::execute::sequential{}, sample{x, tamp::detail::nothing, one, {}});
  });
}

BOOST_AUTO_TEST_SUITE_END()
