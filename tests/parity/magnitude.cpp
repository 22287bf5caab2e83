// Magnitude's choice in the whole weight and its n:m masks, exactly.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <tamp/detail/drop_count.hpp>
#include <tamp/prune/select.hpp>
#include <tamp/score/magnitude.hpp>
#include <vector>

#include "weights.hpp"

BOOST_AUTO_TEST_SUITE(parity_magnitude)

BOOST_AUTO_TEST_CASE(the_published_masks_but_for_a_weight_too_many) {
  parity::vectors all("magnitude");
  for (std::size_t k = 0; k < all.inputs(); ++k) {
    const auto given = all[k];
    BOOST_TEST_CONTEXT("input " << k) {
      const auto weight = given.matrix("weight");
      std::vector<float> sizes;
      for (const float w : given.values<float>("weight")) sizes.push_back(std::fabs(w));
      const parity::kept published = parity::published_keep(given);
      if (given.has("sparsity")) {
        const double sparsity = given.number("sparsity");
        const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_tensor{},
                                          tamp::allocate::uniform{sparsity});
        const parity::kept ours = parity::flags_of(tamp::select(weight, recipe));
        const std::size_t drop = tamp::detail::drop_count(sizes.size(), sparsity);
        BOOST_TEST(std::size_t(std::count(ours.begin(), ours.end(), false)) == drop);
        BOOST_TEST((parity::kept_above_threshold<float>(sizes, drop) == published));
        // We keep all that the published code keeps: the next smallest weight and its equals go.
        for (std::size_t w = 0; w < ours.size(); ++w) BOOST_TEST((ours[w] || !published[w]));
        all.differs(parity::off_by_one);
        continue;
      }
      parity::with_n_of_m(given, tamp::score::magnitude{}, [&](const auto& recipe) {
        const parity::kept ours = parity::flags_of(tamp::select(weight, recipe));
        if (ours == published) return all.equal();
        BOOST_TEST((parity::drop_more_of_last_group<float>(ours, sizes, weight.cols(),
                                                           given.count("keep_n"),
                                                           given.count("of_m")) == published));
        all.differs(parity::last_group);
      });
    }
  }
  all.summarise();
}

BOOST_AUTO_TEST_SUITE_END()
