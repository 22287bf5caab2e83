#pragma once

/// @file
/// The gains of a block's attention, by the energy of what it carries from token to token.

#include "../detail/checked.hpp"
#include "../execute/executor.hpp"
#include "../execute/operation.hpp"
#include "../tensor/detail/erased_rows.hpp"
#include "../tensor/traits.hpp"
#include "detail/carried_energy.hpp"
#include "token_gains.hpp"

namespace tamp::inline TAMP_FLAGS::stat {

/// The type of the operation stat::contribution_gain.
struct contribution_gain_operation : tamp::detail::operation<contribution_gain_operation> {
  using tamp::detail::operation<contribution_gain_operation>::operator();

  template <executor E, class Attention, class Values, class Projection, class Residual>
  [[nodiscard]] token_gains operator()(const E& exec, const Attention& attention,
                                       const Values& values, const Projection& output_projection,
                                       const Residual& residual) const {
    static_assert(tensor_argument<Attention> && tensor_argument<Values> &&
                      tensor_argument<Projection> && tensor_argument<Residual>,
                  "contribution_gain(attention, values, output_projection, residual): one of these "
                  "is no tensor that tamp can read");
    return detail::with_memory("contribution_gain", [&] {
      return detail::with_sources(
          [&](const auto& a, const auto& v, const auto& w, const auto& x) {
            return detail::carried_energy(exec, a, v, w, x).gains();
          },
          attention, values, output_projection, residual);
    });
  }
};

/// Computes how strongly an error at token j shows at token i behind one block, as the energy of
/// what attention carries from j to i: contribution_gain(where, attention, values,
/// output_projection, residual).
///
///     gain(i, j) = |sum_h A_h(i, j) Wo_h v_(j, kv(h))|^2 / |x_j|^2,   0 where x_j = 0
///
///     attention           (heads * tokens, tokens)        A_h(i, j), head after head
///     values              (tokens, kv_heads * head_dim)   v_(j, k)
///     output_projection   (hidden, heads * head_dim)      Wo_h, head beside head
///     residual            (tokens, hidden)                x_j, in front of the block and its norm
///
/// Head h reads the values of kv(h) = h / (heads / kv_heads) (grouped queries). The shapes tell the
/// numbers of heads. Attention may be of any pattern, and need not sum up to 1.
///
/// Why: an error that is a fraction of x_j changes what attention carries from token j by about the
/// same fraction, and so adds gain(i, j) times its energy at token i. Energies are taken to add up
/// along the residual stream and through attention. Cross terms, changes of the attention itself
/// and the feed-forward part are left out. This is a rule of tamp's own, and experimental. Gains of
/// attention without its values harm: a token that is attended to for want of others takes all.
///
/// A token that no query attends to, such as padding, is not read: its values and residual may be
/// NaN. Arithmetic is in double, and gains are rounded to float. The bits do not depend on the
/// executor. For tensors of float and shorter types they do not depend on the instructions either.
///
/// Cost: tokens * hidden * heads * (head_dim + heads / 2) + tokens^2 * heads^2 / 4 multiply-adds,
/// the last for causal attention. Memory: tokens * heads^2 / 2 and tokens * kv_heads * head_dim
/// doubles, 192 rows of the projection in double, and tokens^2 floats; for each thread, the
/// attention of 8 queries, and 48 tokens by at least 24 features of all heads (about 256 KB).
/// @throws shape_error if the shapes contradict each other, or memory cannot hold the numbers
/// @throws value_error if an attention is negative, if a number that is read is not finite, or if
///         one is so large that its square, or the gain as a float, is not
inline constexpr contribution_gain_operation contribution_gain{};

}  // namespace tamp::inline TAMP_FLAGS::stat
