#pragma once

// The view of a model that an allocation gets, written out by hand.

#include <cstddef>
#include <string>
#include <string_view>
#include <tamp/prune/select.hpp>
#include <tamp/tensor/rows.hpp>
#include <vector>

#include "tensors.hpp"

namespace support {

template <class Statistic = tamp::detail::no_statistics, class Weight = matrix<float>>
struct layer {
  std::string name;
  Weight weight;
  Statistic seen = {};
};

template <class Statistic = tamp::detail::no_statistics, class Weight = matrix<float>>
struct unit_of_layers {
  std::string name;
  std::vector<layer<Statistic, Weight>> layers;
};

template <class Statistic = tamp::detail::no_statistics, class Weight = matrix<float>>
struct units {
  std::vector<unit_of_layers<Statistic, Weight>> all;

  std::size_t size() const { return all.size(); }
  std::string_view name(std::size_t unit) const { return all[unit].name; }
  std::size_t num_params(std::size_t unit) const {
    std::size_t count = 0;
    for (const auto& one : all[unit].layers)
      count +=
          static_cast<std::size_t>(one.weight.rows()) * static_cast<std::size_t>(one.weight.cols());
    return count;
  }
  void visit(std::size_t unit, auto&& use) const {
    for (const auto& one : all[unit].layers)
      use(std::string_view(one.name), tamp::detail::source(one.weight), one.seen);
  }

  /// One unit for each layer, of the same name.
  static units of_layers(std::vector<layer<Statistic, Weight>> layers) {
    units some;
    for (auto& one : layers) some.all.push_back({one.name, {one}});
    return some;
  }
};

/// The mean sparsity over all weights.
inline double mean_sparsity(const std::vector<double>& sparsities,
                            const std::vector<std::size_t>& num_params) {
  double dropped = 0, size = 0;
  for (std::size_t u = 0; u < sparsities.size(); ++u) {
    dropped += sparsities[u] * static_cast<double>(num_params[u]);
    size += static_cast<double>(num_params[u]);
  }
  return dropped / size;
}

}  // namespace support
