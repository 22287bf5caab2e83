#pragma once

// Cases "owl", "alpha" and "das_allocation": from what was measured of blocks or layers to their sparsities.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tamp/allocate/alpha.hpp>
#include <tamp/allocate/das.hpp>
#include <tamp/allocate/owl.hpp>
#include <tamp/score/magnitude.hpp>
#include <utility>
#include <vector>

#include "tally.hpp"

namespace golden {

// The scores of a golden file as units of layers: scores are not negative, so that score::magnitude
// gives them back.
struct score_units {
  explicit score_units(const safetensors_file& golden, std::string names = "in.score.")
      : file(golden), prefix(std::move(names)) {}

  std::string layer(std::size_t unit, std::size_t k) const {
    return prefix + std::to_string(unit) + "." + std::to_string(k);
  }
  std::size_t size() const {
    std::size_t count = 0;
    while (file.contains(layer(count, 0))) ++count;
    return count;
  }
  std::string name(std::size_t unit) const { return "block " + std::to_string(unit); }
  std::size_t num_params(std::size_t unit) const {
    std::size_t count = 0;
    visit(unit, [&](auto&&, const auto& weight, auto&&) { count += weight.size(); });
    return count;
  }
  template <class Use>
  void visit(std::size_t unit, Use&& use) const {
    for (std::size_t k = 0; file.contains(layer(unit, k)); ++k)
      if (const std::string name = layer(unit, k); file.at(name).type == tamp::io::dtype::f64)
        use(name, file.matrix<double>(name), tamp::detail::no_statistics{});
      else
        use(name, file.matrix<float>(name), tamp::detail::no_statistics{});
  }

  const safetensors_file& file;
  std::string prefix;
};

// Both sides compute in double. The reference has a singular value decomposition where the library
// has the eigenvalues of a product, which doubles the number of digits that are lost.
inline void check_alpha(const std::string& path, const safetensors_file& file, tally& results) {
  using tamp::allocate::spectral_exponent;
  const std::map<std::string, spectral_exponent> kinds{
      {"alpha_peak", spectral_exponent::alpha_peak},
      {"alpha_mid", spectral_exponent::alpha_mid},
      {"hill", spectral_exponent::hill}};
  const score_units units(file, "in.weight.");
  for (const auto& tensor : file.tensors()) {
    const std::string& name = tensor.name;
    const auto key = split(name, 4);
    if (key[0] != "out") continue;
    if (key[1] == "alpha") {
      const tamp::allocate::alpha alpha{.sparsity = std::stod(key[3]),
                                        .tau = std::stod(file.metadata().at("tau")),
                                        .exponent = kinds.at(key[2])};
      results.verdict(path + " " + name,
                      compare(alpha(tamp::execute::sequential{}, units).sparsities,
                              file.values<double>(name), 1e-12));
      continue;
    }
    const auto spectrum = tamp::detail::spectrum(tamp::execute::sequential{}, name,
                                                 file.matrix<float>("in.weight." + key[3]));
    const auto exponent =
        key[2] == "alpha_peak"
            ? tamp::detail::peak_exponent(spectrum.eigenvalues, spectrum.log10_factor)
        : key[2] == "alpha_mid" ? tamp::detail::mid_exponent(spectrum.eigenvalues)
                                : tamp::detail::hill_exponent(spectrum.eigenvalues);
    results.verdict(path + " " + name,
                    compare(std::vector{exponent.value_or(-1)}, file.values<double>(name), 1e-12));
  }
}

inline void check_owl(const std::string& path, const safetensors_file& file, tally& results) {
  const score_units units(file);
  tamp::allocate::owl<tamp::score::magnitude> owl{.M = std::stod(file.metadata().at("M")),
                                                  .lambda = std::stod(file.metadata().at("lam"))};
  const auto ratios = file.values<double>("out.outlier_ratio");
  std::vector<std::size_t> num_params;
  for (std::size_t u = 0; u < units.size(); ++u) num_params.push_back(units.num_params(u));
  for (const auto& tensor : file.tensors()) {
    const std::string& name = tensor.name;
    const auto key = split(name, 3);
    if (key[0] != "out" || key[1] != "owl") continue;
    owl.sparsity = std::stod(key[2]);
    const auto expected = file.values<double>(name);
    results.verdict(path + " " + name,
                    compare(owl(tamp::execute::sequential{}, units).sparsities, expected, 1e-12));
    results.verdict(path + " " + name + " from the ratios",
                    compare(owl.distribute(ratios, num_params).sparsities, expected, 1e-12));
  }
}

inline void check_das_allocation(const std::string& path, const safetensors_file& file,
                                 tally& results) {
  const auto sizes = file.values<std::int64_t>("in.num_params");
  const std::vector<std::size_t> num_params(sizes.begin(), sizes.end());
  const auto importance = file.values<double>("in.importance");
  for (const auto& tensor : file.tensors()) {
    const std::string& name = tensor.name;
    if (!name.starts_with("out.das.")) continue;
    // out.das.SPARSITY.MAX_SPARSITY, each with a dot of its own
    const auto key = split(name, 6);
    const tamp::allocate::das das{.sparsity = std::stod(key[2] + "." + key[3]),
                                  .max_sparsity = std::stod(key[4] + "." + key[5])};
    results.verdict(path + " " + name, compare(das.distribute(importance, num_params).sparsities,
                                               file.values<double>(name), 1e-12));
  }
}

}  // namespace golden
