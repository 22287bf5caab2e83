#pragma once

/// @file
/// The attention that each token of an image encoder receives: column sums.

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "attention_view.hpp"
#include "detail/attention_rows.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Returns the attention that each token receives, as the column sums of an encoder's attention.
///
/// Use it for an encoder without a class token, in place of the class token's row, and above all
/// where the encoder attends to patches and the model reads tokens of several patches each.
///
///     received(t) = mean over heads of the sum, over all queries shown, of A(head, query, j),
///                   over the patches j = patches * t ... patches * (t + 1) - 1
///
/// The result has one number for each token. A host shows it as one row, attention{received, 1, 1,
/// tokens, 0}, to a policy that reads any queries, such as token::visionzip. With one patch for
/// each token that policy decides the same if it is shown all rows. Sums are in double.
/// @throws shape_error if the attention does not divide into tokens of `patches` patches
/// @throws value_error if an attention is negative or not finite, or a sum is too large for a float
/// Source: column sums as in vLLM (pull request 38888) and AngelSlim, VisionZip for Qwen2.5-VL.
inline std::vector<float> attention_received(const attention_view& attention,
                                             std::size_t patches = 1) {
  const detail::ieee_arithmetic as_usual;
  if (patches == 0 || attention.tokens() % patches != 0)
    detail::raise<shape_error>("attention_received: attention to ", attention.tokens(),
                               " patches is not to tokens of ", patches);
  if (attention.heads() == 0 && attention.tokens() != 0)
    detail::raise<shape_error>("attention_received: attention to ", attention.tokens(),
                               " patches has no heads");
  const std::size_t first = attention.first_query(), end = first + attention.queries();
  auto sums = detail::checked_array<double>("attention_received", attention.tokens());
  std::vector<float> buffer;
  for (std::size_t head = 0; head < attention.heads(); ++head)
    for (std::size_t query = first; query < end; ++query) {
      const std::span<const float> row = attention.row(head, query, buffer);
      for (std::size_t j = 0; j < row.size(); ++j)
        if (!detail::is_nonnegative(row[j]))
          detail::raise<value_error>("attention_received: the attention of head ", head, ", query ",
                                     query, " to patch ", j, " is ", row[j]);
      detail::add_row(row, sums);
    }
  auto received = detail::checked_array<float>("attention_received", sums.size() / patches);
  for (std::size_t t = 0; t < received.size(); ++t) {
    double sum = 0;
    for (std::size_t j = patches * t; j < patches * (t + 1); ++j) sum += sums[j];
    sum /= static_cast<double>(attention.heads());
    if (sum > static_cast<double>((std::numeric_limits<float>::max)()))
      detail::raise<value_error>("attention_received: token ", t, " receives ", sum,
                                 ", which is more than a float can hold");
    received[t] = static_cast<float>(sum);
  }
  return received;
}

}  // namespace tamp::inline TAMP_FLAGS::token
