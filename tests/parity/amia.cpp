// AMIA: the tokens taken, in order, exactly, and the norms of their features, to 1e-5.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <tamp/stat/amia_select.hpp>
#include <tamp/stat/column_norm.hpp>
#include <tamp/stat/select_tokens.hpp>
#include <tamp/stat/weighted.hpp>
#include <vector>

#include "weights.hpp"

BOOST_AUTO_TEST_SUITE(parity_amia)

namespace {

bool has_repeated_rows(tamp::matrix_view<const float> Y) {
  for (std::size_t s = 0; s < Y.rows(); ++s)
    for (std::size_t t = 0; t < s; ++t)
      if (std::equal(&Y(s, 0), &Y(s, 0) + Y.cols(), &Y(t, 0))) return true;
  return false;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_published_tokens) {
  parity::vectors all("amia");
  for (std::size_t k = 0; k < all.inputs(); ++k) {
    const auto given = all[k];
    BOOST_TEST_CONTEXT("input " << k) {
      const auto output = given.matrix("output");
      std::vector<tamp::modality> kinds;
      for (const std::uint8_t visual : given.values<std::uint8_t>("visual"))
        kinds.push_back(visual != 0 ? tamp::modality::image : tamp::modality::text);
      const auto taken = tamp::stat::select_tokens(output, kinds, given.values<float>("attention"),
                                                   tamp::stat::amia_select{});
      const auto published = given.indices("published_taken");
      if (taken != published) {
        BOOST_TEST(has_repeated_rows(output));
        all.differs("takes a repeated token for the token itself among its neighbours");
        continue;
      }
      // The published layer has its output as input, too.
      tamp::stat::weighted<tamp::stat::column_norm, tamp::stat::amia_select> norms;
      norms.add(tamp::layer_sample<decltype(output), decltype(output)>{
          output, output, kinds, given.values<float>("attention")});
      parity::check_close(norms.values(), given.values<float>("published_norm"), 1e-5);
      all.equal();
    }
  }
  all.summarise();
}

BOOST_AUTO_TEST_SUITE_END()
