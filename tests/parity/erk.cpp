// ERK's number of weights that each layer keeps: the published one is rounded to a whole number.

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <tamp/allocate/erk.hpp>
#include <vector>

#include "weights.hpp"

BOOST_AUTO_TEST_SUITE(parity_erk)

BOOST_AUTO_TEST_CASE(the_published_numbers) {
  parity::vectors all("erk");
  for (std::size_t k = 0; k < all.inputs(); ++k) {
    const auto given = all[k];
    BOOST_TEST_CONTEXT("input " << k) {
      const auto rows = given.indices("rows"), cols = given.indices("cols");
      const auto published = given.indices("published_kept");
      std::vector<double> sums;
      std::vector<std::size_t> sizes;
      for (std::size_t l = 0; l < rows.size(); ++l) {
        sums.push_back(double(rows[l] + cols[l]));
        sizes.push_back(rows[l] * cols[l]);
      }
      const auto answer = tamp::allocate::erk{given.number("sparsity")}.distribute(sums, sizes);
      for (std::size_t l = 0; l < rows.size(); ++l)
        BOOST_TEST(std::abs((1 - answer.sparsities[l]) * double(sizes[l]) - double(published[l])) <
                   0.5001);
      all.equal();
    }
  }
  all.summarise();
}

BOOST_AUTO_TEST_SUITE_END()
