// AlphaPruning's exponents and sparsities, to 1e-4: the published ones are computed in float, by
// differences of sums.

#include <tamp/allocate/alpha.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <string>
#include <tamp/execute/sequential.hpp>
#include <vector>

#include "../support/units.hpp"
#include "weights.hpp"

BOOST_AUTO_TEST_SUITE(parity_alpha)

BOOST_AUTO_TEST_CASE(the_published_exponents_and_sparsities) {
  using tamp::allocate::spectral_exponent;
  using weight_view = tamp::matrix_view<const float>;
  parity::vectors all("alpha");
  for (std::size_t k = 0; k < all.inputs(); ++k) {
    const auto given = all[k];
    BOOST_TEST_CONTEXT("input " << k) {
      support::units<tamp::detail::no_statistics, weight_view> units;
      std::vector<double> peak, mid;
      for (std::size_t b = 0; b < given.count("blocks"); ++b) {
        units.all.push_back({std::to_string(b), {}});
        for (std::size_t l = 0; l < given.count("layers"); ++l) {
          const std::string name = "weight_" + std::to_string(b) + "_" + std::to_string(l);
          const auto spectrum =
              tamp::detail::spectrum(tamp::execute::sequential{}, name, given.matrix(name));
          peak.push_back(
              tamp::detail::peak_exponent(spectrum.eigenvalues, spectrum.log10_factor).value());
          mid.push_back(tamp::detail::mid_exponent(spectrum.eigenvalues).value());
          units.all.back().layers.push_back({name, given.matrix(name)});
        }
      }
      parity::check_close(peak, given.values<double>("published_exponent_peak"), 1e-4);
      parity::check_close(mid, given.values<double>("published_exponent_mid"), 1e-4);
      for (const bool is_peak : {true, false}) {
        const tamp::allocate::alpha policy{
            .sparsity = given.number("sparsity"),
            .tau = given.number("tau"),
            .exponent = is_peak ? spectral_exponent::alpha_peak : spectral_exponent::alpha_mid};
        std::vector<double> of_layers;
        for (const double sparsity : policy(tamp::execute::sequential{}, units).sparsities)
          of_layers.insert(of_layers.end(), given.count("layers"), sparsity);
        parity::check_close(
            of_layers,
            given.values<double>(is_peak ? "published_sparsity_peak" : "published_sparsity_mid"),
            1e-4);
      }
      all.equal();
    }
  }
  all.summarise();
}

BOOST_AUTO_TEST_SUITE_END()
