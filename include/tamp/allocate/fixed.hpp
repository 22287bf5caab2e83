#pragma once

/// @file
/// Sparsities that the user specifies.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "../detail/drop_count.hpp"
#include "../detail/glob.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../role.hpp"
#include "allocation.hpp"
#include "detail/on_target.hpp"

namespace tamp::inline TAMP_FLAGS::allocate {

/// A sparsity for all layers whose name matches a pattern, in which * stands for any text and ? for
/// any character.
struct fixed_rule {
  std::string pattern;
  double sparsity = 0.5;
  friend bool operator==(const fixed_rule&, const fixed_rule&) = default;
};

/// Gives every unit the sparsity that the user specifies.
///
/// Use it to repeat a published allocation, or to keep one kind of layer denser than another. Give
/// either a number for each unit in the order of the model, or rules. The first rule that matches a
/// layer's name applies:
///
///     fixed{.sparsities = {0.4, 0.5, 0.6}}
///     fixed{.rules = {{"*.mlp.*", 0.6}, {"*", 0.4}}}
///
/// There is no target: the mean follows from the numbers. For a unit of several layers, the rules
/// must agree on all of them.
struct fixed {
  using role = tamp::role::allocate;
  static constexpr granularity unit = granularity::layer;

  std::vector<double> sparsities = {};
  std::vector<fixed_rule> rules = {};

  /// "fixed 0.4 0.5 0.6" or "fixed *.mlp.* 0.6, * 0.4".
  std::string label() const {
    std::string text = "fixed";
    for (const double s : sparsities) text += detail::sentence(' ', s);
    for (std::size_t k = 0; k < rules.size(); ++k)
      text += detail::sentence(k == 0 ? " " : ", ", rules[k].pattern, ' ', rules[k].sparsity);
    return text;
  }

  /// Looks up the sparsity of each unit.
  /// @throws shape_error if the list has another length than there are units
  /// @throws value_error if a number is not in [0, 1], if no rule or different ones match the
  ///         layers of a unit, or if there are both a list and rules
  template <executor E, class Units>
  allocation operator()(const E&, const Units& units) const {
    const detail::ieee_arithmetic as_usual;
    if (!sparsities.empty() && !rules.empty())
      detail::raise<value_error>("fixed: there are ", sparsities.size(), " sparsities and ",
                                 rules.size(), " rules; only one of the two can count");
    if (rules.empty()) {
      if (sparsities.size() != units.size())
        detail::raise<shape_error>("fixed: there are ", sparsities.size(), " sparsities for ",
                                   units.size(), " units");
      for (std::size_t u = 0; u < sparsities.size(); ++u)
        check_number(sparsities[u], units.name(u));
      return {sparsities, {}};
    }
    for (const fixed_rule& rule : rules) check_number(rule.sparsity, rule.pattern);
    allocation answer;
    for (std::size_t u = 0; u < units.size(); ++u) answer.sparsities.push_back(by_rules(units, u));
    return answer;
  }

  friend bool operator==(const fixed&, const fixed&) = default;

 private:
  static void check_number(const double& sparsity, std::string_view whose) {
    if (!detail::is_fraction(sparsity))
      detail::raise<value_error>("fixed: the sparsity of ", whose, " is ", sparsity,
                                 ", and not in [0, 1]");
  }

  template <class Units>
  double by_rules(const Units& units, std::size_t unit) const {
    const fixed_rule* first = nullptr;
    std::string first_layer;
    units.visit(unit, [&](std::string_view layer, const auto&, const auto&) {
      const fixed_rule& rule = rule_for(layer);
      if (first == nullptr) {
        first = &rule;
        first_layer = std::string(layer);
      } else if (rule.sparsity != first->sparsity) {
        detail::raise<value_error>("fixed: of ", units.name(unit), ", ", first_layer, " gets ",
                                   first->sparsity, " and ", layer, " gets ", rule.sparsity,
                                   "; a unit has one sparsity");
      }
    });
    return first == nullptr ? 0.0 : first->sparsity;
  }

  const fixed_rule& rule_for(std::string_view layer) const {
    for (const fixed_rule& rule : rules)
      if (detail::glob_match(rule.pattern, layer)) return rule;
    detail::raise<value_error>("fixed: none of ", rules.size(), " rules fits ", layer);
  }
};

}  // namespace tamp::inline TAMP_FLAGS::allocate
