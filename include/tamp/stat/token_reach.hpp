#pragma once

/// @file
/// The part of an error made at each token that arrives where the model is read.

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../execute/detail/for_each_strip.hpp"
#include "../execute/executor.hpp"
#include "../execute/operation.hpp"
#include "../model/modality.hpp"
#include "../simd/similar_rows.hpp"
#include "detail/check_kinds.hpp"
#include "token_gains.hpp"

namespace tamp::inline TAMP_FLAGS::stat {

/// The type of the operation stat::token_reach.
struct token_reach_operation : tamp::detail::operation<token_reach_operation> {
  using tamp::detail::operation<token_reach_operation>::operator();

  template <executor E>
  [[nodiscard]] std::vector<std::vector<double>> operator()(
      const E& exec, std::span<const token_gains> gains_of_blocks,
      std::span<const double> read) const {
    const detail::ieee_arithmetic as_usual;
    check_read(read);
    detail::check_list("token_reach", "gains of blocks", gains_of_blocks);
    for (std::size_t l = 0; l < gains_of_blocks.size(); ++l)
      if (gains_of_blocks[l].tokens() != read.size())
        detail::raise<shape_error>("token_reach: the gains of block ", l, " are of ",
                                   gains_of_blocks[l].tokens(), " tokens, ", read.size(),
                                   " are read");
    return detail::with_memory("token_reach", [&] {
      std::vector<std::vector<double>> reach(gains_of_blocks.size());
      for (std::size_t l = reach.size(); l-- > 0;) {
        reach[l] =
            l + 1 < reach.size() ? reach[l + 1] : std::vector<double>(read.begin(), read.end());
        add_gains(exec, gains_of_blocks[l],
                  l + 1 < reach.size() ? std::span<const double>(reach[l + 1]) : read, reach[l]);
        for (std::size_t j = 0; j < read.size(); ++j)
          if (!is_finite(reach[l][j]))
            detail::raise<value_error>("token_reach: the reach of token ", j, " in block ", l,
                                       " is too large to be counted");
      }
      return reach;
    });
  }

 private:
  static void check_read(std::span<const double> read) {
    detail::check_list("token_reach", "weights of the tokens read", read);
    bool any = false;
    for (std::size_t j = 0; j < read.size(); ++j) {
      if (!detail::is_nonnegative(read[j]))
        detail::raise<value_error>("token_reach: the weight with which token ", j, " is read is ",
                                   read[j]);
      any |= read[j] > 0;
    }
    if (!any) detail::raise<value_error>("token_reach: none of ", read.size(), " tokens is read");
  }

  // Adds sum_i behind[i] gain(i, j) to each sum, in the order of i.
  template <executor E>
  static void add_gains(const E& exec, const token_gains& gains, std::span<const double> behind,
                        std::vector<double>& sums) {
    constexpr std::size_t strip = 512;  // columns, whose sums stay in the nearest cache
    detail::for_each_strip(
        exec, sums.size(), strip, sums.size(), [&](std::size_t first, std::size_t past) {
          detail::with_similar_rows([&](auto loops) {
            for (std::size_t i = 0; i < behind.size(); ++i) {
              const token_gains::row_part row = gains.row(i);
              const std::size_t begin = (std::max)(first, row.first);
              const std::size_t end = (std::min)(past, row.first + row.numbers.size());
              if (begin < end && behind[i] != 0)
                loops.add_scaled(row.numbers.data() + (begin - row.first), end - begin, behind[i],
                                 sums.data() + begin);
            }
          });
        });
  }
};

/// Computes the reach of each token in each block: how much of an error made at it arrives where
/// the model is read. token_reach(where, gains of blocks, read).
///
///     r_L = read,   r_l[j] = r_(l+1)[j] + sum_i r_(l+1)[i] gain_l(i, j)
///
///     const auto reach = stat::token_reach(gains, stat::positions_read(kinds, tokens));
///
/// `gains_of_blocks` has one entry for each block, in the order in which the model runs them.
/// `read` has one weight for each token: how much its output counts. The result has one list for
/// each block, r_l, which weighs the tokens in the statistics of all layers of block l. It has no
/// scale of its own: twice the `read` is twice the reach.
///
/// An error's energy stays in the residual stream, which carries it on at its own token, and adds
/// to other tokens by the gains. Energies are taken to add up; cross terms and the feed-forward
/// part are left out. This is a rule of tamp's own, and experimental. Without gains and with a
/// uniform `read` all tokens weigh alike. Arithmetic is in double, in a fixed order. The bits do
/// not depend on the executor or the instructions.
/// @throws shape_error if the gains of a block are of another number of tokens than are read
/// @throws value_error if a weight in `read` is negative or not finite, if all are 0, or if a reach
///         is too large for a double
inline constexpr token_reach_operation token_reach{};

/// Returns the weights with which the tokens of a sample are read, by default: uniform over the
/// text behind the last token that is not text; over all tokens if all are text; the last token
/// alone if no text is behind it. The weights sum up to 1. A sample without tokens has none.
///
/// `kinds` has one modality for each token, or is empty if all are text. On a language model,
/// reading the last token alone did harm: hand in weights of your own where a sample has several
/// answers, or ends in an image.
/// @throws shape_error if `kinds` is neither empty nor of one modality for each token
inline std::vector<double> positions_read(std::span<const modality> kinds, std::size_t tokens) {
  const detail::ieee_arithmetic as_usual;
  detail::check_kinds("positions_read", kinds, tokens);
  std::size_t first = kinds.size();
  while (first > 0 && kinds[first - 1] == modality::text) --first;
  if (tokens == 0) return {};
  if (first == tokens) first = tokens - 1;  // no text behind it
  auto read = detail::checked_array<double>("positions_read", tokens);
  std::fill(read.begin() + static_cast<std::ptrdiff_t>(first), read.end(),
            1.0 / static_cast<double>(tokens - first));
  return read;
}

}  // namespace tamp::inline TAMP_FLAGS::stat
