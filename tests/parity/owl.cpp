// OWL's sparsities, to 1e-12, and the masks that Wanda makes of them, exactly.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <string>
#include <tamp/allocate/owl.hpp>
#include <tamp/execute/sequential.hpp>
#include <tamp/prune/select.hpp>
#include <tamp/score/wanda.hpp>
#include <tamp/stat/column_norm.hpp>
#include <vector>

#include "../support/units.hpp"
#include "weights.hpp"

BOOST_AUTO_TEST_SUITE(parity_owl)

BOOST_AUTO_TEST_CASE(the_published_sparsities_and_masks) {
  using tamp::stat::column_norm;
  using weight_view = tamp::matrix_view<const float>;
  parity::vectors all("owl");
  for (std::size_t k = 0; k < all.inputs(); ++k) {
    const auto given = all[k];
    BOOST_TEST_CONTEXT("input " << k) {
      const auto norms = parity::observed<column_norm>(given);
      support::units<column_norm, weight_view> units;
      std::vector<std::size_t> sizes;
      for (std::size_t u = 0; u < given.count("blocks"); ++u) {
        const std::string block = std::to_string(u);
        units.all.push_back({block,
                             {{"a", given.matrix("weight_" + block + "_0"), norms},
                              {"b", given.matrix("weight_" + block + "_1"), norms}}});
        sizes.push_back(units.num_params(u));
      }
      const double target = given.number("sparsity");
      const tamp::allocate::owl<> owl{
          .sparsity = target, .M = given.number("M"), .lambda = given.number("lambda")};
      const auto ours = owl(tamp::execute::sequential{}, units).sparsities;
      const auto density = given.values<double>("published_density");
      BOOST_TEST(support::mean_sparsity(ours, sizes) == target,
                 boost::test_tools::tolerance(1e-12));

      // Ours are the published ones, shifted and clipped so that the mean over weights is on target.
      double shift = 0;
      bool clipped = false;
      for (std::size_t u = 0; u < ours.size(); ++u) {
        if (ours[u] > 0 && ours[u] < 1) shift = ours[u] - (1 - density[u]);
        clipped |= density[u] > 1 || density[u] < 0;
      }
      for (std::size_t u = 0; u < ours.size(); ++u)
        BOOST_TEST(std::abs(ours[u] - std::clamp(1 - density[u] + shift, 0.0, 1.0)) < 1e-12);
      const bool same_sizes = std::ranges::count(sizes, sizes[0]) == std::ssize(sizes);

      // Wanda prunes to the published sparsities; the published code puts 0.01 for those below 0.
      for (std::size_t u = 0; u < ours.size(); ++u)
        for (const std::string& layer : {std::to_string(u) + "_0", std::to_string(u) + "_1"}) {
          const double sparsity = 1 - density[u] <= 0 ? 0.01 : 1 - density[u];
          const auto recipe = tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{},
                                            tamp::allocate::uniform{sparsity});
          BOOST_TEST(
              (parity::flags_of(tamp::select(given.matrix("weight_" + layer), norms, recipe)) ==
               parity::published_keep(given, "published_keep_" + layer)));
        }

      if (std::abs(shift) < 1e-12 && !clipped) {
        all.equal();
      } else {
        BOOST_TEST((clipped || !same_sizes));
        all.differs(clipped ? "does not clip sparsities below 0, and makes 0.01 of them"
                            : "takes the mean over blocks, whatever their sizes");
      }
    }
  }
  all.summarise();
}

BOOST_AUTO_TEST_SUITE_END()
