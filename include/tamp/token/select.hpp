#pragma once

/// @file
/// Selection of the visual tokens that stay.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../error.hpp"
#include "../execute/operation.hpp"
#include "../model/observable.hpp"
#include "../role.hpp"
#include "context.hpp"
#include "detail/checked_context.hpp"
#include "detail/frames.hpp"
#include "detail/questions.hpp"
#include "quota.hpp"
#include "selection.hpp"
#include "token_policy.hpp"
#include "tokens_read.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Selects the tokens of one sequence, given a context that is known to be valid.
template <class Policy>
token::selection select_tokens(const std::string& who, const Policy& policy,
                               const token::context& c, token::quota q) {
  std::vector<std::size_t> destination(c.tokens());
  std::iota(destination.begin(), destination.end(), std::size_t{0});
  std::vector<std::size_t> comes = destination;  // in the place of token t comes token comes[t]
  std::vector<bool> target(c.tokens());
  const auto stays = [&](std::size_t t) { return destination[t] == t; };
  questioned<Policy> questions(policy, c);

  // A later decision on some of the tokens replaces the earlier ones.
  const auto decide = [&](const std::vector<std::size_t>& candidates, std::size_t count) {
    const token::merging answer = ask(questions, candidates, count);
    std::size_t next = 0;
    for (std::size_t k = 0; k < candidates.size(); ++k) {
      const std::size_t t = candidates[k];
      destination[t] = answer.into[k];
      target[t] = false;
      if (stays(t)) comes[t] = answer.order.empty() ? t : answer.order[next++];
    }
    for (const std::size_t t : answer.targets) target[t] = true;
  };

  std::vector<std::size_t> open = c.visual();
  std::size_t left = (std::min)(q.keep, open.size());
  const std::string_view part = q.minimum_per_frame != 0 ? " frames" : " images";
  const std::size_t minimum = (std::max)(q.minimum_per_image, q.minimum_per_frame);
  check_quota(who, c, q);
  if (!q.per_frame.empty()) {
    std::size_t f = 0;
    for (const std::vector<std::size_t>& frame : by_frame(c)) decide(frame, q.per_frame[f++]);
  } else {
    decide(open, left);
  }
  if (minimum != 0) {
    std::vector<std::vector<std::size_t>> parts =
        q.minimum_per_frame != 0 ? by_frame(c) : by_image(c, open);
    std::size_t least = 0;
    for (const auto& tokens : parts) least += (std::min)(tokens.size(), minimum);
    if (least > left)
      raise<value_error>(who, ": ", parts.size(), part, " of at least ", minimum,
                         " tokens do not fit into ", q.keep);
    // Every round settles the parts that kept too few tokens, so that the loop ends.
    for (bool settled = true; settled;) {
      settled = false;
      std::erase_if(parts, [&](const std::vector<std::size_t>& tokens) {
        const std::size_t own = (std::min)(tokens.size(), minimum);
        if (static_cast<std::size_t>(std::count_if(tokens.begin(), tokens.end(), stays)) >= own)
          return false;
        decide(tokens, own);
        left -= own;
        return settled = true;
      });
      if (!settled) break;
      open.clear();
      for (const auto& tokens : parts) open.insert(open.end(), tokens.begin(), tokens.end());
      std::sort(open.begin(), open.end());
      decide(open, left);
    }
  }

  token::selection result;
  std::vector<std::size_t> place(c.tokens(), token::selection::nowhere);
  for (std::size_t t = 0; t < c.tokens(); ++t)
    if (stays(t)) {
      place[t] = result.kept.size();
      if (target[t]) result.targets.push_back(place[t]);
      result.kept.push_back(t);
    }
  if constexpr (token::merging_policy<Policy>) {
    result.into = std::move(destination);
    for (std::size_t& t : result.into)
      if (t != token::selection::nowhere) t = place[t];
    for (const std::size_t t : result.kept) result.order.push_back(place[comes[t]]);
    if (std::is_sorted(result.order.begin(), result.order.end())) result.order.clear();
  }
  return result;
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::token {

/// The type of token::select.
struct select_operation {
  /// Selects from one sequence, on the calling thread.
  template <class Policy>
  [[nodiscard]] selection operator()(const context& c, const Policy& policy, quota q) const {
    static_assert(token_policy<Policy>,
                  "token::select(context, policy, quota): a token policy has a role, `reads`, and "
                  "operator()(context, candidates, count) or merge(context, candidates, count) "
                  "(see token::dropping_policy and token::merging_policy)");
    const detail::ieee_arithmetic as_usual;
    const std::string who = label(policy);
    detail::check_list(who, "kinds", c.kinds);
    tokens_read examined = detail::tokens_read_by(policy, c);
    if (detail::examines_hidden<Policy> && q.per_frame.empty() && q.keep != 0 &&
        q.keep < c.visual().size())
      examined.hidden = token_set::none;
    detail::check_context(who, c, Policy::reads, examined);
    return detail::with_memory(who, [&] { return detail::select_tokens(who, policy, c, q); });
  }
  /// Selects from a batch of sequences, which may be of different lengths.
  template <executor E, class Policy>
  [[nodiscard]] std::vector<selection> operator()(const E& exec, std::span<const context> batch,
                                                  const Policy& policy, quota q) const {
    detail::check_list(label(policy), "contexts", batch);
    auto all = detail::checked_array<selection>(label(policy), batch.size());
    detail::for_each_range(exec, batch.size(), [&](std::size_t begin, std::size_t end) {
      for (std::size_t s = begin; s < end; ++s) all[s] = (*this)(batch[s], policy, q);
    });
    return all;
  }
  template <class Batch, class Policy>
    requires std::convertible_to<const Batch&, std::span<const context>>
  [[nodiscard]] std::vector<selection> operator()(const Batch& batch, const Policy& policy,
                                                  quota q) const {
    return (*this)(execute::standard{}, std::span<const context>(batch), policy, q);
  }
  template <class First, class Second>
  void operator()(const First&, const Second&, quota) const {
    static_assert(!token_policy<First>,
                  "token::select(context, policy, quota): the context comes before the policy");
    static_assert(token_policy<First> || sizeof(First) == 0,
                  "token::select(context, policy, quota): the first argument is no token::context "
                  "and no batch of them");
  }
  /// Selects from one sequence on a device.
  template <device Where, class Context, class Policy>
  [[nodiscard]] auto operator()(const Where& where, const Context& c, const Policy& policy,
                                quota q) const {
    return run_on(where, *this, c, policy, q);
  }
};

/// Selects the visual tokens of one sequence that stay, select(where, context, policy, quota):
/// exactly `quota.keep` of them, or all if there are no more. Text always stays.
///
///     const auto stay = token::select(context, token::attention_top_k{}, {.keep = 144});
///
/// All images compete with each other. If an image would keep fewer than `minimum_per_image`
/// tokens, the policy chooses that many from it alone, and the other images share the rest.
/// `minimum_per_frame` is the same for frames of a video. With `per_frame` each frame keeps a number
/// of its own, and is chosen from alone. The context may be a batch of contexts, whose sequences are
/// distributed over the executor's threads.
///
/// `kept` is ascending. `order` is that of the published method: the visual tokens of one decision
/// take, in the order of the policy, the places of those of them that stay. Text stays in its
/// place. token::in_published_order arranges the selection by it.
///
/// @throws value_error if the context does not show what the policy reads, a number that the policy
///         reads is not finite or an attention is negative, the minimum cannot be met, the quota
///         contradicts itself, or the policy violates its contract
/// @throws shape_error if parts of the context are of different lengths or lie at a null pointer,
///         or memory cannot hold the intermediate results of the policy
inline constexpr select_operation select{};

}  // namespace tamp::inline TAMP_FLAGS::token
