#pragma once

/// @file
/// The mean of a token's keys over heads, by which token policies compare tokens.

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "../../error.hpp"
#include "../rows_view.hpp"
#include "token_rows.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns the mean over the heads of each chosen row, (tokens, features / heads), row-major. With
/// one head it returns the rows themselves.
/// @throws shape_error if the features do not divide into `heads` heads of one length
inline std::vector<double> head_means(std::string_view who, const token::rows_view& keys,
                                      std::span<const std::size_t> tokens, std::size_t heads) {
  if (heads == 0 || keys.cols() % heads != 0)
    raise<shape_error>(who, ": keys of ", keys.cols(), " features are not ", heads, " heads");
  const std::size_t length = keys.cols() / heads;
  std::vector<double> means(tokens.size() * length);
  row_reader read(keys);
  for (std::size_t k = 0; k < tokens.size(); ++k) {
    const std::span<const float> row = read(tokens[k]);
    for (std::size_t j = 0; j < row.size(); ++j)
      means[k * length + j % length] += static_cast<double>(row[j]) / static_cast<double>(heads);
  }
  return means;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
