#pragma once

/// @file
/// Questions to a token policy, and its answers, checked.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../../error.hpp"
#include "../../role.hpp"
#include "../context.hpp"
#include "../selection.hpp"
#include "../token_policy.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

struct nothing_prepared {};
template <class Policy>
struct prepared_by {
  using type = nothing_prepared;
};
template <token::preparing_policy Policy>
struct prepared_by<Policy> {
  using type = std::optional<decltype(std::declval<const Policy&>().prepare(
      std::declval<const token::context&>()))>;
};
template <class Policy>
using prepared = typename prepared_by<Policy>::type;

/// The knowledge of a policy about a context: what a preparing policy prepared at the first question.
template <class Policy>
class questioned {
 public:
  questioned(const Policy& policy, const token::context& c) : policy_(&policy), context_(&c) {}

  const Policy& policy() const noexcept { return *policy_; }
  const token::context& context() const noexcept { return *context_; }
  std::vector<std::size_t> operator()(std::span<const std::size_t> candidates, std::size_t count) {
    if constexpr (token::preparing_policy<Policy>) {
      if (!prepared_) prepared_.emplace(policy_->prepare(*context_));
      return (*prepared_)(candidates, count);
    } else {
      return (*policy_)(*context_, candidates, count);
    }
  }

 private:
  const Policy* policy_;
  const token::context* context_;
  prepared<Policy> prepared_;
};

/// Refuses a list of candidates that names one twice, or one that does not stay. `what` names the
/// list. `place` returns the place of a candidate, or refuses it.
template <class Place>
void check_staying(const std::string& who, std::string_view what,
                   std::span<const std::size_t> named, std::span<const std::size_t> into,
                   Place&& place) {
  std::vector<bool> seen(into.size());
  for (const std::size_t token : named) {
    const std::size_t k = place(token);
    if (into[k] != token)
      raise<value_error>(who, ": token ", token, " is among the ", what, ", but does not stay");
    if (seen[k]) raise<value_error>(who, ": token ", token, " is twice among the ", what);
    seen[k] = true;
  }
}

/// Calls the policy, and returns its answer, checked. That of a dropping policy has no order.
template <class Policy>
token::merging ask(questioned<Policy>& questions, std::span<const std::size_t> candidates,
                   std::size_t count) {
  const Policy& policy = questions.policy();
  token::merging answer{{candidates.begin(), candidates.end()}};
  if (count >= candidates.size()) return answer;
  std::fill(answer.into.begin(), answer.into.end(), token::selection::nowhere);
  if (count == 0) return answer;
  const auto place = [&](std::size_t token) {
    const auto found = std::lower_bound(candidates.begin(), candidates.end(), token);
    if (found == candidates.end() || *found != token)
      raise<value_error>(label(policy), ": token ", token, " was none of the candidates");
    return static_cast<std::size_t>(found - candidates.begin());
  };
  std::size_t stay = 0;
  if constexpr (token::merging_policy<Policy>) {
    answer = policy.merge(questions.context(), candidates, count);
    const std::vector<std::size_t>& into = answer.into;
    if (into.size() != candidates.size())
      raise<shape_error>(label(policy), ": ", candidates.size(), " candidates, but ", into.size(),
                         " answers");
    for (std::size_t k = 0; k < into.size(); ++k) {
      stay += into[k] == candidates[k];
      if (into[k] != token::selection::nowhere && into[place(into[k])] != into[k])
        raise<value_error>(label(policy), ": token ", candidates[k], " is merged into ", into[k],
                           ", which does not stay");
    }
  } else {
    for (const std::size_t token : questions(candidates, count)) {
      std::size_t& mine = answer.into[place(token)];
      stay += mine == token::selection::nowhere;
      mine = token;
    }
  }
  if (stay != count)
    raise<value_error>(label(policy), ": ", stay, " tokens stay instead of ", count);
  check_staying(label(policy), "tokens in order", answer.order, answer.into, place);
  check_staying(label(policy), "targets", answer.targets, answer.into, place);
  if (!answer.order.empty() && answer.order.size() != count)
    raise<value_error>(label(policy), ": ", answer.order.size(), " tokens are in order, but ",
                       count, " stay");
  return answer;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
