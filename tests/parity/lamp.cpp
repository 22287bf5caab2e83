// LAMP's number of weights that each layer loses, exactly.

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <numeric>
#include <string>
#include <tamp/allocate/lamp.hpp>
#include <tamp/execute/sequential.hpp>
#include <vector>

#include "../support/units.hpp"
#include "weights.hpp"

BOOST_AUTO_TEST_SUITE(parity_lamp)

BOOST_AUTO_TEST_CASE(the_published_numbers) {
  using weight_view = tamp::matrix_view<const float>;
  parity::vectors all("lamp");
  for (std::size_t k = 0; k < all.inputs(); ++k) {
    const auto given = all[k];
    BOOST_TEST_CONTEXT("input " << k) {
      std::vector<support::layer<tamp::detail::no_statistics, weight_view>> layers;
      std::size_t size = 0;
      for (std::size_t l = 0; l < given.count("layers"); ++l) {
        const std::string name = "weight_" + std::to_string(l);
        layers.push_back({name, given.matrix(name)});
        size += given.matrix(name).size();
      }
      const auto units =
          support::units<tamp::detail::no_statistics, weight_view>::of_layers(layers);
      const auto drops = [&](double sparsity) {
        return tamp::allocate::lamp{sparsity}(tamp::execute::sequential{}, units).drops;
      };
      const auto published = given.indices("published_drops");
      const std::size_t dropped =
          std::accumulate(published.begin(), published.end(), std::size_t{0});
      // The same number in all is divided in the same way.
      BOOST_TEST(drops((double(dropped) + 0.5) / double(size)) == published,
                 boost::test_tools::per_element());
      const double sparsity = given.number("sparsity");
      const auto ours = drops(sparsity);
      const std::size_t total = std::accumulate(ours.begin(), ours.end(), std::size_t{0});
      BOOST_TEST(total == tamp::detail::drop_count(size, sparsity));
      if (total == dropped) {
        all.equal();
      } else {
        BOOST_TEST(dropped == total + 1);
        all.differs("keeps round(n (1 - s)) of all n weights");
      }
    }
  }
  all.summarise();
}

BOOST_AUTO_TEST_SUITE_END()
