// The library that needs no GPU, in a .cu file, whose compiler reads it in its own way.
#include "support.hpp"

#include <tamp/cuda/cuda.cuh>
#include <tamp/tamp.hpp>
#include <vector>

BOOST_AUTO_TEST_SUITE(cuda_whole_library)

BOOST_AUTO_TEST_CASE(prunes_packs_and_multiplies_on_the_processor) {
  std::vector<float> weight(4 * 70);
  for (std::size_t k = 0; k < weight.size(); ++k) weight[k] = static_cast<float>(k % 13) - 6;
  const auto w = tamp::view(weight, 4, 70);
  const auto keep =
      tamp::select(w, tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{}));
  tamp::apply(w, keep);
  const std::vector<float> x(70, 1.0f);
  std::vector<float> y(4);
  tamp::sparse::multiply(tamp::sparse::pack(w, keep), x, y);
  for (std::size_t i = 0; i < 4; ++i) {
    float sum = 0;
    for (std::size_t j = 0; j < 70; ++j) sum += w(i, j);
    BOOST_TEST(y[i] == sum);
  }
}

BOOST_AUTO_TEST_SUITE_END()
