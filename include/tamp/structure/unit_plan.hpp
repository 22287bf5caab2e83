#pragma once

/// @file
/// A plan of structure: the units of each group that stay.

#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "../config.hpp"
#include "../error.hpp"
#include "ties.hpp"

namespace tamp::inline TAMP_FLAGS::structure {

/// The units of one group that stay.
struct unit_choice {
  std::string group, kind;
  std::size_t units = 0;          ///< before
  std::vector<std::size_t> kept;  ///< ascending

  std::size_t dropped() const noexcept { return units - kept.size(); }
  friend bool operator==(const unit_choice&, const unit_choice&) = default;
};

/// The units of each group that stay. A value: printable, comparable, editable, saveable
/// (tamp/io/unit_plan.hpp). Groups that it does not name stay whole.
struct [[nodiscard]] unit_plan {
  std::string recipe;  ///< what it was made by
  std::vector<unit_choice> choices;
  std::vector<std::string> notes;  ///< roundings, and what was not seen, in sentences

  /// Returns the choice of a group, or null.
  const unit_choice* find(std::string_view group) const noexcept {
    for (const unit_choice& c : choices)
      if (c.group == group) return &c;
    return nullptr;
  }
  friend bool operator==(const unit_plan&, const unit_plan&) = default;

  /// Prints one line for each group, "model.layers.0.mlp: 1024 of 1536 neurons". The notes follow.
  friend std::ostream& operator<<(std::ostream& out, const unit_plan& plan) {
    for (const unit_choice& c : plan.choices)
      out << c.group << ": " << c.kept.size() << " of " << c.units << ' ' << c.kind << '\n';
    for (const std::string& note : plan.notes) out << note << '\n';
    return out;
  }
};

/// Checks a plan against ties.
/// @throws value_error if it names a group that is not there, or one twice, or units that are not
///         there, in another order than ascending, or fewer than the group must keep
/// @throws shape_error if the group has another number of units, or its sections keep different
///         numbers
inline void validate(const unit_plan& plan, const ties& all) {
  for (std::size_t c = 0; c < plan.choices.size(); ++c) {
    const unit_choice& choice = plan.choices[c];
    const group& g = all.at(choice.group);
    tamp::detail::check_group(g);
    for (std::size_t earlier = 0; earlier < c; ++earlier)
      if (plan.choices[earlier].group == choice.group)
        tamp::detail::raise<value_error>("unit_plan: chooses twice for ", choice.group);
    if (choice.units != g.units)
      tamp::detail::raise<shape_error>("unit_plan: was made for ", choice.units, " units of ",
                                       g.name, ", which has ", g.units);
    for (std::size_t k = 0; k < choice.kept.size(); ++k)
      if (choice.kept[k] >= g.units || (k != 0 && choice.kept[k] <= choice.kept[k - 1]))
        tamp::detail::raise<value_error>("unit_plan: unit ", choice.kept[k], " of ", g.name,
                                         " cannot stay in place ", k,
                                         ": the units that stay ascend, and are below ", g.units);
    if (choice.kept.size() < g.fewest)
      tamp::detail::raise<value_error>("unit_plan: ", choice.kept.size(), " units of ", g.name,
                                       " would stay, and at least ", g.fewest, " must");
    const std::size_t width = g.units / g.sections;
    std::vector<std::size_t> in_section(g.sections);
    for (const std::size_t k : choice.kept) ++in_section[k / width];
    for (std::size_t s = 1; s < g.sections; ++s)
      if (in_section[s] != in_section[0])
        tamp::detail::raise<shape_error>("unit_plan: section ", s, " of ", g.name, " keeps ",
                                         in_section[s], " units, and section 0 keeps ",
                                         in_section[0], "; all must keep equally many");
  }
}

}  // namespace tamp::inline TAMP_FLAGS::structure
