#pragma once

// Case "flap": mean and variance of the input channels.

#include <cstddef>
#include <string>
#include <tamp/stat/column_variance.hpp>

#include "tally.hpp"

namespace golden {

inline void check_flap(const std::string& path, const safetensors_file& file, tally& results) {
  const auto seen = [&](const std::string& layer) {
    tamp::stat::column_variance statistics;
    for (std::size_t k = 0; file.contains("in.input." + layer + '.' + std::to_string(k)); ++k) {
      const std::string name = "in.input." + layer + '.' + std::to_string(k);
      const auto& shape = file.at(name).shape;
      statistics.add(tamp::view(file.values<float>(name), shape.at(0), shape.at(1)));
    }
    return statistics;
  };
  const std::string mean = "out.mean.", variance = "out.variance.";
  for (const auto& tensor : file.tensors()) {
    if (!tensor.name.starts_with("out.")) continue;
    const std::string check = path + ' ' + tensor.name;
    // Both sides compute in double.
    if (tensor.name.starts_with(mean))
      results.verdict(check, compare(seen(tensor.name.substr(mean.size())).means(),
                                     file.values<double>(tensor.name), 1e-12));
    else if (tensor.name.starts_with(variance))
      results.verdict(check, compare(seen(tensor.name.substr(variance.size())).variances(),
                                     file.values<double>(tensor.name), 1e-12));
    else if (tensor.name.starts_with("out.published."))
      results.add(check, outcome::skipped, "FLAP's statistics as its code computes them");
    else
      results.add(check, outcome::skipped, "FLAP's scores and choice are not in the library");
  }
}

}  // namespace golden
