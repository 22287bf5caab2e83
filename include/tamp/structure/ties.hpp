#pragma once

/// @file
/// The graph of ties: which rows and columns of which weights are one unit, and leave together.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "../detail/checked.hpp"
#include "../error.hpp"

namespace tamp::inline TAMP_FLAGS::structure {

/// The dimension of a weight, (out_features, in_features), along which units lie side by side.
enum class axis : unsigned char { rows, cols };

/// The rows, or columns, of one weight that the units of a group own. Unit k owns `width` rows, or columns, from
/// `first` + k * `width` on.
///
/// A vector, such as a bias, is a weight of one row: its units own columns. A tensor of three
/// dimensions is a weight whose rows are those of all its matrices.
struct part {
  std::string weight;
  axis along = axis::rows;
  std::size_t width = 1;
  std::size_t first = 0;
  bool rest_stays = false;  ///< rows, or columns, that no unit owns are meant to stay

  friend bool operator==(const part&, const part&) = default;
};

/// Units of one kind that compete with each other: the heads of a layer, its neurons, its experts,
/// the layers of a model, the rows of a vocabulary.
struct group {
  std::string name;       ///< "model.layers.0.mlp"; unique
  std::string kind;       ///< "neurons", "heads", "experts", "layers" ...
  std::size_t units = 0;  ///< their number
  std::vector<part> parts{};
  /// Weights that leave as a whole with a unit: empty, or one list for each unit.
  std::vector<std::vector<std::string>> own{};
  std::size_t sections = 1;  ///< consecutive equal parts of the units that lose equally many
  std::size_t multiple = 1;  ///< the number of units that stay is a multiple, or all stay
  std::size_t fewest = 1;    ///< units that stay at least

  friend bool operator==(const group&, const group&) = default;
};

/// All groups of a model, in the order in which selections go through them. A value that the host
/// states once; transformer_ties.hpp makes the usual ones.
struct ties {
  std::vector<group> groups;

  /// Returns the group of that name.
  /// @throws value_error if there is none
  const group& at(std::string_view name) const {
    for (const group& g : groups)
      if (g.name == name) return g;
    tamp::detail::raise<value_error>("ties: there is no group '", name, "'");
  }
  friend bool operator==(const ties&, const ties&) = default;
};

/// The shape of a weight.
struct extents {
  std::size_t rows = 0, cols = 0;
  friend bool operator==(const extents&, const extents&) = default;
};

/// The shapes of a model's weights by their names.
using weight_shapes = std::map<std::string, extents, std::less<>>;

}  // namespace tamp::inline TAMP_FLAGS::structure

namespace tamp::inline TAMP_FLAGS::detail {

inline std::string_view name_of(structure::axis along) noexcept {
  return along == structure::axis::rows ? "rows" : "columns";
}

inline std::size_t extent_of(const structure::extents& shape, structure::axis along) noexcept {
  return along == structure::axis::rows ? shape.rows : shape.cols;
}

inline const structure::extents& shape_of(const structure::weight_shapes& shapes,
                                          const std::string& weight, const std::string& group) {
  const auto found = shapes.find(weight);
  if (found == shapes.end())
    raise<value_error>("ties: ", group, " names the weight '", weight,
                       "', which the model does not have");
  return found->second;
}

/// Refuses numbers of a group that contradict each other.
inline void check_group(const structure::group& g) {
  if (g.units == 0) raise<value_error>("ties: ", g.name, " has no units");
  if (g.parts.empty() && g.own.empty())
    raise<value_error>("ties: the units of ", g.name, " own nothing");
  if (!g.own.empty() && g.own.size() != g.units)
    raise<shape_error>("ties: ", g.name, " has ", g.units, " units, and lists of weights for ",
                       g.own.size());
  if (g.sections == 0 || g.units % g.sections != 0)
    raise<shape_error>("ties: the ", g.units, " units of ", g.name, " do not divide into ",
                       g.sections, " sections");
  if (g.multiple == 0 || g.multiple > g.units)
    raise<value_error>("ties: ", g.name, " cannot keep a multiple of ", g.multiple, " of its ",
                       g.units, " units");
  if (g.fewest == 0 || g.fewest > g.units)
    raise<value_error>("ties: ", g.name, " has ", g.units,
                       " units, of which between 1 and all stay, ", "not at least ", g.fewest);
}

/// The rows, or columns, of one weight that units of one group own.
struct owned_range {
  std::size_t begin, end;
};

/// Checks the parts of a group against shapes.
inline void check_parts(const structure::group& g, const structure::weight_shapes& shapes) {
  struct axis_of_weight {
    std::vector<owned_range> owned;
    bool rest_stays = false;
  };
  std::map<std::pair<std::string, structure::axis>, axis_of_weight> all;
  for (const structure::part& p : g.parts) {
    const std::size_t extent = extent_of(shape_of(shapes, p.weight, g.name), p.along);
    if (p.width == 0)
      raise<shape_error>("ties: the units of ", g.name, " own 0 ", name_of(p.along), " of ",
                         p.weight);
    const bool fits = p.first <= extent && g.units <= (extent - p.first) / p.width;
    if (!fits)
      raise<shape_error>("ties: ", g.units, " units of ", g.name, " with ", p.width, ' ',
                         name_of(p.along), " each from ", p.first, " on do not fit into the ",
                         extent, ' ', name_of(p.along), " of ", p.weight);
    axis_of_weight& a = all[{p.weight, p.along}];
    a.owned.push_back({p.first, p.first + g.units * p.width});
    a.rest_stays = a.rest_stays || p.rest_stays;
  }
  for (auto& [key, a] : all) {
    const auto& [weight, along] = key;
    std::sort(a.owned.begin(), a.owned.end(),
              [](const owned_range& x, const owned_range& y) { return x.begin < y.begin; });
    std::size_t covered = 0, end = 0;
    for (const owned_range& r : a.owned) {
      if (r.begin < end)
        raise<shape_error>("ties: two units of ", g.name, " own ", name_of(along), ' ', r.begin,
                           " of ", weight);
      end = r.end;
      covered += r.end - r.begin;
    }
    const std::size_t extent = extent_of(shapes.find(weight)->second, along);
    if (covered != extent && !a.rest_stays)
      raise<shape_error>("ties: the units of ", g.name, " own ", covered, " of the ", extent, ' ',
                         name_of(along), " of ", weight,
                         "; say `rest_stays` of the part if the others are meant to stay");
  }
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::structure {

/// Checks ties against the shapes of the weights.
/// @throws value_error if a weight is not there, a group has no units or owns nothing, two groups
///         have one name, or a weight is wholly owned by two units of a group
/// @throws shape_error if widths and numbers of units do not fit the shapes, two units of a group or
///         two groups own the same rows or columns, or some have no owner
inline void validate(const ties& all, const weight_shapes& shapes) {
  std::map<std::string, std::size_t> names;
  struct claim {
    std::size_t begin, end;
    const std::string* group;
  };
  std::map<std::pair<std::string, axis>, std::vector<claim>> claims;
  for (const group& g : all.groups) {
    if (!names.emplace(g.name, 0).second)
      tamp::detail::raise<value_error>("ties: two groups have the name '", g.name, "'");
    tamp::detail::check_group(g);
    tamp::detail::check_parts(g, shapes);
    std::map<std::string, std::size_t> owner;
    for (std::size_t k = 0; k < g.own.size(); ++k)
      for (const std::string& weight : g.own[k]) {
        tamp::detail::shape_of(shapes, weight, g.name);
        if (!owner.emplace(weight, k).second)
          tamp::detail::raise<value_error>("ties: units ", owner[weight], " and ", k, " of ",
                                           g.name, " both own ", weight);
      }
    for (const part& p : g.parts) {
      if (owner.contains(p.weight))
        tamp::detail::raise<value_error>("ties: ", p.weight, " leaves as a whole with a unit of ",
                                         g.name, ", and others own parts of it");
      const claim mine{p.first, p.first + g.units * p.width, &g.name};
      for (const claim& other : claims[{p.weight, p.along}])
        if (other.group != &g.name && mine.begin < other.end && other.begin < mine.end)
          tamp::detail::raise<shape_error>("ties: ", *other.group, " and ", g.name, " both own ",
                                           tamp::detail::name_of(p.along), ' ',
                                           (std::max)(mine.begin, other.begin), " of ", p.weight);
      claims[{p.weight, p.along}].push_back(mine);
    }
  }
}

/// Returns the number of parameters that each unit of a group owns. What lies in rows and in columns
/// of one unit counts once.
/// @throws as validate does, for a weight that is not there, or sizes that cannot be counted
inline std::vector<std::size_t> unit_sizes(const group& g, const weight_shapes& shapes) {
  struct owned {
    std::size_t rows = 0, cols = 0;
  };
  std::map<std::string, owned> of_weight;
  for (const part& p : g.parts) {
    owned& of = of_weight[p.weight];
    std::size_t& lines = p.along == axis::rows ? of.rows : of.cols;
    lines = tamp::detail::checked_sum("ties", lines, p.width);
  }
  std::size_t size = 0;
  for (const auto& [weight, o] : of_weight) {
    const extents& shape = tamp::detail::shape_of(shapes, weight, g.name);
    tamp::detail::check_shape("ties", shape.rows, shape.cols);
    const std::size_t rows = (std::min)(o.rows, shape.rows), cols = (std::min)(o.cols, shape.cols);
    size = tamp::detail::checked_sum("ties", size, rows * shape.cols + (shape.rows - rows) * cols);
  }
  auto sizes = tamp::detail::checked_array<std::size_t>("ties", g.units, size);
  for (std::size_t k = 0; k < (std::min)(g.own.size(), sizes.size()); ++k)
    for (const std::string& weight : g.own[k]) {
      const extents& shape = tamp::detail::shape_of(shapes, weight, g.name);
      tamp::detail::check_shape("ties", shape.rows, shape.cols);
      sizes[k] = tamp::detail::checked_sum("ties", sizes[k], shape.rows * shape.cols);
    }
  return sizes;
}

}  // namespace tamp::inline TAMP_FLAGS::structure
