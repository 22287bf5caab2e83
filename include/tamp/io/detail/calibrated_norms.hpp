#pragma once

/// @file
/// The column norms of a calibration file, by the names of its layers. Needs nlohmann-json.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "../../stat/column_norm.hpp"
#include "../../stat/gram.hpp"
#include "../layer_statistics.hpp"
#include "../named_norms.hpp"
#include "../safetensors_file.hpp"

namespace tamp::inline TAMP_FLAGS::io::detail {

inline bool is_calibration(const safetensors_file& file) {
  return file.metadata().contains("tamp_calibration");
}

/// Returns the sums of squares of columns over tokens as norms per token.
inline std::vector<float> norms_per_token(const std::vector<double>& squares,
                                          std::uint64_t tokens) {
  std::vector<float> norms;
  const auto count = static_cast<double>((std::max)(tokens, std::uint64_t{1}));
  for (const double sum : squares) norms.push_back(static_cast<float>(std::sqrt(sum / count)));
  return norms;
}

/// Reads the norms of each layer from a statistic; squares(statistic) returns its sums of squares.
template <class Statistic, class Squares>
named_norms norms_from(const std::filesystem::path& path, const Squares& squares) {
  layer_statistics<Statistic> layers(path);
  named_norms all(path.string());
  std::vector<weight_norms> kept;
  for (std::size_t k = 0; k < layers.layers(); ++k) {
    kept.emplace_back();
    if (layers.input_of(k) == k) {
      const Statistic seen = layers.of(k);
      kept[k] = {seen.features(), norms_per_token(squares(seen), seen.tokens()), {seen.tokens()}};
    }
    const weight_norms& of_input = kept[layers.input_of(k)];
    if (of_input.columns != 0) all.add(layers.name(k), of_input);
  }
  return all;
}

/// Reads the column norms of any complete calibration that has them, whatever else it has. One
/// without them that has Gram matrices has the norms on their diagonals.
inline named_norms calibrated_norms(const std::filesystem::path& path) {
  const safetensors_file file(path);
  const auto list = file.metadata().find("statistics");
  const auto has = [&](std::string_view label) {
    return list != file.metadata().end() && find_statistic(list->second, label).has_value();
  };
  if (!has(stat::column_norm::label()) && has(stat::gram::label()))
    return norms_from<stat::gram>(path, [](const stat::gram& seen) { return seen.diagonal(); });
  return norms_from<stat::column_norm>(path, [](const stat::column_norm& seen) {
    const auto squares = seen.sum_of_squares();
    return std::vector<double>(squares.begin(), squares.end());
  });
}

}  // namespace tamp::inline TAMP_FLAGS::io::detail
