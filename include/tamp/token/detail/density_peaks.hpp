#pragma once

/// @file
/// Clusters of rows around peaks of their density.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include "../../detail/checked.hpp"
#include "../rows_view.hpp"
#include "token_rows.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Clusters of rows, as DPC-kNN finds them.
struct row_clusters {
  std::vector<std::size_t> centres;  ///< (clusters,), rows, those of the highest score first
  std::vector<std::size_t> cluster;  ///< (rows,), the place in `centres` of each row's centre
};

/// Divides the chosen rows into `count` clusters, at least one and at most as many as rows.
///
///     d(i, j)    = |row_i - row_j| / sqrt(features)
///     density(i) = exp(-mean of d(i, j)^2 over the `count` nearest rows j, i itself among them)
///     distance(i) = d to the nearest denser row; of the densest, the largest d of all
///     centres:     the `count` rows of the largest density * distance; each row belongs to the
///                  nearest centre, and a centre to itself
///
/// Ties: of rows of equal density the first is the denser one, of equal scores the first is a
/// centre, and of equally near centres that of the higher score is taken. Rows are numbered by their
/// places in `chosen`. The cost is n^2 d / 2 for n rows. Memory: n^2 numbers, and n d floats for rows
/// that are not read in place.
/// Source: Du et al. 2016, density peaks clustering with k nearest neighbours.
inline row_clusters density_peaks(const token::rows_view& rows, std::span<const std::size_t> chosen,
                                  std::size_t count) {
  const std::size_t n = chosen.size(), features = rows.cols();
  auto distances = checked_array<double>("density_peaks", checked_product("density_peaks", n, n));
  const held_rows<float> held(rows, chosen);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const float *const one = held[chosen[i]], *const other = held[chosen[j]];
      double squared = 0;
      for (std::size_t k = 0; k < features; ++k) {
        const double difference = static_cast<double>(one[k]) - static_cast<double>(other[k]);
        squared += difference * difference;
      }
      const double mean = features == 0 ? 0 : squared / static_cast<double>(features);
      distances[i * n + j] = distances[j * n + i] = std::sqrt(mean);
    }

  // Minus the logarithm of the density, which does not underflow.
  std::vector<double> spread(n), nearest;
  for (std::size_t i = 0; i < n; ++i) {
    nearest.assign(distances.data() + i * n, distances.data() + (i + 1) * n);
    std::partial_sort(nearest.begin(), nearest.begin() + static_cast<std::ptrdiff_t>(count),
                      nearest.end());
    for (std::size_t k = 0; k < count; ++k)
      spread[i] += nearest[k] * nearest[k] / static_cast<double>(count);
  }
  const double largest = *std::max_element(distances.begin(), distances.end());
  std::vector<double> score(n);
  for (std::size_t i = 0; i < n; ++i) {
    double distance = largest;
    for (std::size_t j = 0; j < n; ++j)
      if (spread[j] < spread[i] || (spread[j] == spread[i] && j < i))
        distance = (std::min)(distance, distances[i * n + j]);
    score[i] = std::log(distance) - spread[i];
  }

  row_clusters made{std::vector<std::size_t>(n), std::vector<std::size_t>(n)};
  std::iota(made.centres.begin(), made.centres.end(), std::size_t{0});
  std::sort(made.centres.begin(), made.centres.end(), [&](std::size_t i, std::size_t j) {
    return score[i] > score[j] || (score[i] == score[j] && i < j);
  });
  made.centres.resize(count);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < count; ++k)
      if (distances[i * n + made.centres[k]] < distances[i * n + made.centres[made.cluster[i]]])
        made.cluster[i] = k;
  for (std::size_t k = 0; k < count; ++k) made.cluster[made.centres[k]] = k;
  return made;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
