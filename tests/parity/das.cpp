// DAS: the number of weights that each layer keeps, exactly.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <tamp/allocate/das.hpp>
#include <vector>

#include "weights.hpp"

BOOST_AUTO_TEST_SUITE(parity_das)

BOOST_AUTO_TEST_CASE(the_published_numbers_but_for_a_sign) {
  parity::vectors all("das");
  for (std::size_t k = 0; k < all.inputs(); ++k) {
    const auto given = all[k];
    BOOST_TEST_CONTEXT("input " << k) {
      const auto sizes = given.indices("num_params");
      const tamp::allocate::das das{.sparsity = given.number("sparsity"),
                                    .max_sparsity = given.number("max_sparsity")};
      const auto answer = das.distribute(given.values<double>("importance"), sizes);
      const auto published = given.values<double>("published_sparsity");
      std::vector<long> keep, other;
      std::size_t size = 0;
      for (std::size_t u = 0; u < sizes.size(); ++u) {
        keep.push_back(long(sizes[u] - answer.drops[u]));
        other.push_back(std::lround((1 - published[u]) * double(sizes[u])));
        size += sizes[u];
      }
      const auto budget = long(double(size) * (1 - das.sparsity));
      BOOST_TEST(std::accumulate(keep.begin(), keep.end(), 0l) == budget);
      if (keep == other) {
        all.equal();
        continue;
      }
      // Rounding up gave too much. We take it back from the layer that keeps most; the published
      // code gives that layer as much again, as far as it has weights.
      const auto most = std::size_t(std::max_element(other.begin(), other.end()) - other.begin());
      const long apart = other[most] - keep[most];
      BOOST_TEST(apart > 0);
      BOOST_TEST((apart % 2 == 0 || other[most] == long(sizes[most])));
      BOOST_TEST((apart + 1) / 2 < long(sizes.size()));
      keep[most] = other[most];
      BOOST_TEST(keep == other, boost::test_tools::per_element());
      all.differs("adds what rounding up gave too much instead of taking it back");
    }
  }
  all.summarise();
}

BOOST_AUTO_TEST_SUITE_END()
