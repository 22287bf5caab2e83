#include <tamp/model/layer_sample.hpp>

#include <boost/test/unit_test.hpp>
#include <tamp/model/modality.hpp>
#include <vector>

#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(model_layer_sample)

BOOST_AUTO_TEST_CASE(a_sample_refers_to_what_the_host_shows) {
  const support::matrix<float> x(3, 2, 1.0f), y(3, 4, 2.0f);
  const std::vector<tamp::modality> kinds(3, tamp::modality::image);
  const std::vector<float> attention{0.5f, 0.25f, 0.25f};
  const tamp::layer_sample sample{x, y, kinds, attention};
  BOOST_TEST(&sample.input == &x);
  BOOST_TEST(&sample.output == &y);
  BOOST_TEST(sample.kinds.data() == kinds.data());
  BOOST_TEST(sample.attention.data() == attention.data());
}

BOOST_AUTO_TEST_CASE(kinds_and_attention_may_be_left_out) {
  const support::matrix<float> x(3, 2, 1.0f), y(3, 4, 2.0f);
  const tamp::layer_sample<support::matrix<float>, support::matrix<float>> sample{x, y, {}, {}};
  BOOST_TEST(sample.kinds.empty());
  BOOST_TEST(sample.attention.empty());
}

BOOST_AUTO_TEST_SUITE_END()
