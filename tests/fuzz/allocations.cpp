// Allocations of any importances, weights and sizes: one sparsity a unit, whose mean is the target,
// or a refusal.

#include <tamp/allocate/alpha.hpp>
#include <tamp/allocate/block_influence.hpp>
#include <tamp/allocate/by_error.hpp>
#include <tamp/allocate/das.hpp>
#include <tamp/allocate/erk.hpp>
#include <tamp/allocate/fixed.hpp>
#include <tamp/allocate/global_threshold.hpp>
#include <tamp/allocate/in_groups.hpp>
#include <tamp/allocate/lamp.hpp>
#include <tamp/allocate/owl.hpp>
#include <tamp/allocate/uniform.hpp>
#include <tamp/score/magnitude.hpp>

#include "executors.hpp"
#include "tensors.hpp"

namespace fuzz::allocations {

namespace allocate = tamp::allocate;

/// The largest distance of the mean from the target, in weights: some allocations decide whole
/// weights.
void check_mean(const allocate::allocation& answer, const std::vector<std::size_t>& sizes,
                double target, double tolerance) {
  check(answer.sparsities.size() == sizes.size(), "each unit has a sparsity");
  double dropped = 0, all = 0;
  for (std::size_t u = 0; u < sizes.size(); ++u) {
    check(answer.sparsities[u] >= 0 && answer.sparsities[u] <= 1, "a sparsity lies in [0, 1]");
    dropped += answer.sparsities[u] * static_cast<double>(sizes[u]);
    all += static_cast<double>(sizes[u]);
  }
  check(std::fabs(dropped - target * all) <= tolerance + 1e-9 * all, "the target is met");
  if (answer.drops.empty()) return;
  check(answer.drops.size() == sizes.size(), "each unit has a number of weights to drop");
  std::size_t drops = 0;
  for (std::size_t u = 0; u < sizes.size(); ++u) {
    const double fraction = static_cast<double>(sizes[u]) * answer.sparsities[u];
    check(answer.drops[u] <= sizes[u], "no unit loses more than it has");
    check(answer.drops[u] == static_cast<std::size_t>(fraction),
          "its sparsity stands for the same");
    drops += answer.drops[u];
  }
  check(std::fabs(static_cast<double>(drops) - target * all) <= tolerance + 1e-15 * all,
        "and so is that of whole weights");
}

/// Of numbers that say how important units are.
template <class Policy>
void of_values(source& in) {
  const std::size_t units = in.count(0, 9);
  const bool broken = in.once_in(8), large = in.once_in(4);
  const auto values = in.list(in.once_in(16) ? units + 1 : units, [&] {
    return broken ? in.number<double>() : std::fabs(in.finite<double>());
  });
  const auto sizes = in.list(units, [&] {
    return large ? std::size_t{in.bits<std::uint32_t>()} << in.count(0, 8) : in.count(0, 40);
  });
  Policy policy;
  policy.sparsity = in.fraction();
  if constexpr (requires { policy.lambda; }) policy.lambda = in.fraction();
  if constexpr (requires { policy.tau; }) policy.tau = in.fraction();
  if constexpr (requires { policy.max_sparsity; })
    if (in.flag()) policy.max_sparsity = in.fraction();
  refusal([&] {
    const auto answer = policy.distribute(values, sizes);
    // The limit of all units is rounded down to whole weights in each.
    constexpr bool bounded = requires { policy.max_sparsity; };
    check_mean(answer, sizes, policy.sparsity, bounded ? 1 + static_cast<double>(units) : 1);
    if constexpr (bounded)
      for (std::size_t u = 0; u < units; ++u)
        check(sizes[u] == 0 || answer.sparsities[u] <= policy.highest_sparsity() + 1e-9,
              "no unit exceeds the largest sparsity");
  });
}

/// The view of a model that an allocation gets.
struct model_units {
  std::vector<matrix<float>> weights;
  std::vector<std::string> names;

  std::size_t size() const { return weights.size(); }
  std::string_view name(std::size_t unit) const { return names[unit]; }
  std::size_t num_params(std::size_t unit) const { return weights[unit].rows * weights[unit].cols; }
  void visit(std::size_t unit, auto&& use) const {
    use(name(unit), weights[unit].view(), tamp::detail::no_statistics{});
  }
};

template <class Policy>
void of_weights(source& in) {
  model_units units;
  const bool broken = in.once_in(16);
  const auto number = [&] { return broken ? in.number<float>() : in.finite<float>(); };
  for (std::size_t u = in.count(0, 4); u != 0; --u) {
    const std::size_t rows = in.count(0, 8), cols = in.count(0, 20);
    units.weights.push_back(matrix<float>::of(in, rows, cols, number));
    units.names.push_back(std::string(1, static_cast<char>('a' + u)) + ".mlp");
  }
  Policy policy;
  std::vector<std::size_t> sizes;
  for (std::size_t u = 0; u < units.size(); ++u) sizes.push_back(units.num_params(u));
  if constexpr (requires { policy.rules; }) {
    if (in.flag())
      policy.rules = in.list(in.count(0, 3), [&] {
        return allocate::fixed_rule{in.flag() ? "*" : in.text(4), in.fraction()};
      });
    else
      policy.sparsities = in.list(in.count(0, 4), [&] { return in.fraction(); });
  } else {
    policy.sparsity = in.fraction();
  }
  if constexpr (requires { policy.M; }) policy.M = in.once_in(8) ? in.number<double>() : 2;
  std::optional<allocate::allocation> first;
  with_every_instructions(in, [&](const any_executor& exec) {
    refusal([&] {
      const allocate::allocation answer = policy(exec, units);
      check(answer.sparsities.size() == units.size(), "each unit has a sparsity");
      if constexpr (requires { policy.sparsity; }) check_mean(answer, sizes, policy.sparsity, 1);
      if (first)
        check(same_bits(first->sparsities, answer.sparsities), "all executors give the same");
      first = answer;
    });
  });
}

/// Of the costs of units at some sparsities.
void of_costs(source& in) {
  const std::size_t units = in.count(0, 6);
  const bool broken = in.once_in(8);
  allocate::by_error<> policy;
  policy.sparsity = in.fraction();
  policy.reach = in.fraction();
  policy.levels = in.count(0, 6);
  const auto sizes = in.list(units, [&] {
    return in.once_in(4) ? std::size_t{in.bits<std::uint32_t>()} : in.count(0, 40);
  });
  const auto costs = in.list(in.once_in(16) ? units + 1 : units, [&] {
    return in.list(policy.levels,
                   [&] { return broken ? in.number<double>() : std::fabs(in.finite<double>()); });
  });
  refusal([&] { check_mean(policy.distribute(costs, sizes), sizes, policy.sparsity, 1); });
}

/// Of sparsities that become multiples of 1 / 8.
void of_groups(source& in) {
  const std::size_t units = in.count(0, 9);
  const auto sparsities =
      in.list(in.once_in(16) ? units + 1 : units, [&] { return in.fraction(); });
  const auto sizes = in.list(units, [&] {
    return in.once_in(4) ? std::size_t{in.bits<std::uint32_t>()} : in.count(0, 40);
  });
  refusal([&] {
    const auto answer = allocate::in_groups<8, allocate::uniform>{}.round(sparsities, sizes);
    double asked = 0, given = 0, all = 0, largest = 0;
    for (std::size_t u = 0; u < units; ++u) {
      const double eighths = answer.sparsities[u] * 8;
      check(eighths == std::floor(eighths), "whole eighths are dropped");
      asked += sparsities[u] * static_cast<double>(sizes[u]);
      given += answer.sparsities[u] * static_cast<double>(sizes[u]);
      all += static_cast<double>(sizes[u]);
      largest = std::max(largest, static_cast<double>(sizes[u]));
    }
    check(given <= asked + 1e-9 * all, "no more is dropped than was decided on");
    check(asked - given <= largest / 8 + 1e-9 * all, "and hardly less");
  });
}

/// A number that is no fraction is refused only when the recipe is used.
void uniformly(source& in) {
  const double sparsity = in.fraction();
  const auto sizes = in.list(in.count(0, 9), [&] { return in.count(0, 99); });
  const std::vector<double> answer = allocate::uniform{sparsity}(sizes);
  if (sparsity >= 0 && sparsity <= 1) check_mean({answer, {}}, sizes, sparsity, 0);
}

constexpr void (*kinds[])(source&) = {of_values<allocate::owl<>>,
                                      of_values<allocate::das>,
                                      of_values<allocate::erk>,
                                      of_values<allocate::block_influence>,
                                      of_values<allocate::alpha>,
                                      of_costs,
                                      of_groups,
                                      of_weights<allocate::lamp>,
                                      of_weights<allocate::global_threshold<>>,
                                      of_weights<allocate::erk>,
                                      of_weights<allocate::fixed>,
                                      of_weights<allocate::owl<tamp::score::magnitude>>,
                                      uniformly};

const registered here("allocations", [](source& in) { in.of(kinds)(in); });

}  // namespace fuzz::allocations
