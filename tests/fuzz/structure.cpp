// Ties against a definition that marks every row and column; then sizes of units, choices, plans, what
// stays of each weight, and smaller tensors.

#include <tamp/structure/choose.hpp>
#include <tamp/structure/gather.hpp>
#include <tamp/structure/ties.hpp>
#include <tamp/structure/unit_plan.hpp>

#include <algorithm>
#include <numeric>
#include <set>

#include "executors.hpp"
#include "tensors.hpp"

namespace fuzz::structured {

using namespace tamp::structure;
using owned_part = tamp::structure::part;  // and not the part of a target

const std::string names[] = {"a", "b", "c", "d"};

weight_shapes shapes_of(source& in) {
  weight_shapes shapes;
  for (const std::string& name : names)
    if (!in.once_in(16)) shapes[name] = {in.count(0, 12), in.count(0, 12)};
  return shapes;
}

/// A group whose parts often fit, and often do not.
group group_of(source& in, std::size_t number) {
  group g;
  g.name = in.once_in(16) ? "g0" : "g" + std::to_string(number);
  g.units = in.once_in(16) ? in.size(4) : in.count(1, 6);
  for (std::size_t k = in.count(0, 3); k != 0; --k)
    g.parts.push_back({in.of(names), in.flag() ? axis::rows : axis::cols,
                       in.once_in(16) ? in.size(3) : in.count(1, 3), in.once_in(8) ? in.size(6) : 0,
                       in.flag()});
  if (in.once_in(3))
    for (std::size_t k = in.once_in(16) ? in.count(0, 5) : std::min<std::size_t>(g.units, 6);
         k != 0; --k)
      g.own.push_back(in.list(in.count(0, 2), [&] { return std::string(in.of(names)); }));
  if (in.once_in(3)) g.sections = in.count(0, 3);
  if (in.once_in(3)) g.multiple = in.count(0, 4);
  if (in.once_in(3)) g.fewest = in.count(0, 4);
  return g;
}

std::size_t extent(const extents& shape, axis along) {
  return along == axis::rows ? shape.rows : shape.cols;
}

/// The owners of the rows, or the columns, of one weight. 0: nobody.
using owners = std::map<std::pair<std::string, axis>, std::vector<int>>;

/// Marks the rows and columns of a group's parts. False if one lies outside or is marked already.
bool mark(const group& g, int number, const weight_shapes& shapes, owners& all) {
  for (const owned_part& p : g.parts) {
    const auto shape = shapes.find(p.weight);
    if (shape == shapes.end() || p.width == 0) return false;
    auto& marks = all[{p.weight, p.along}];
    marks.resize(extent(shape->second, p.along));
    for (std::size_t unit = 0; unit < g.units; ++unit)
      for (std::size_t k = 0; k < p.width; ++k) {
        // Places grow, so that the first outside ends this.
        const auto place = static_cast<unsigned __int128>(unit) * p.width + p.first + k;
        if (place >= marks.size() || marks[static_cast<std::size_t>(place)] != 0) return false;
        marks[static_cast<std::size_t>(place)] = number;
      }
  }
  return true;
}

bool is_group(const group& g) {
  return g.units != 0 && (!g.parts.empty() || !g.own.empty()) &&
         (g.own.empty() || g.own.size() == g.units) && g.sections != 0 &&
         g.units % g.sections == 0 && g.multiple != 0 && g.multiple <= g.units && g.fewest != 0 &&
         g.fewest <= g.units;
}

bool has_own_weights_once(const group& g, const weight_shapes& shapes) {
  std::set<std::string> own;
  for (const auto& of_unit : g.own)
    for (const std::string& weight : of_unit)
      if (!shapes.contains(weight) || !own.insert(weight).second) return false;
  return std::none_of(g.parts.begin(), g.parts.end(),
                      [&](const owned_part& p) { return own.contains(p.weight); });
}

bool covers_or_leaves(const group& g, const owners& mine) {
  for (const auto& [key, marks] : mine) {
    const bool rest_stays =
        std::any_of(g.parts.begin(), g.parts.end(), [&, &named = key](const owned_part& p) {
          return p.weight == named.first && p.along == named.second && p.rest_stays;
        });
    if (!rest_stays && std::count(marks.begin(), marks.end(), 0) != 0) return false;
  }
  return true;
}

bool is_valid(const ties& all, const weight_shapes& shapes) {
  owners of_all;
  std::set<std::string> known;
  int number = 0;
  for (const group& g : all.groups) {
    owners mine;
    if (!known.insert(g.name).second || !is_group(g) || !mark(g, 1, shapes, mine) ||
        !covers_or_leaves(g, mine) || !has_own_weights_once(g, shapes) ||
        !mark(g, ++number, shapes, of_all))
      return false;
  }
  return true;
}

/// The numbers in the rows and columns of each unit, and in its own weights.
void check_sizes(const group& g, const weight_shapes& shapes) {
  const auto sizes = unit_sizes(g, shapes);
  check(sizes.size() == g.units, "each unit has a size");
  for (std::size_t unit = 0; unit < g.units; ++unit) {
    std::size_t size = 0;
    for (const auto& [weight, shape] : shapes)
      for (std::size_t i = 0; i < shape.rows; ++i)
        for (std::size_t j = 0; j < shape.cols; ++j)
          size += std::any_of(
              g.parts.begin(), g.parts.end(), [&, &named = weight](const owned_part& p) {
                const std::size_t place = p.along == axis::rows ? i : j;
                return p.weight == named && place >= p.first && (place - p.first) / p.width == unit;
              });
    // A number in a row and in a column of a unit counts once.
    if (!g.own.empty())
      for (const std::string& weight : g.own[unit])
        size += shapes.at(weight).rows * shapes.at(weight).cols;
    check(sizes[unit] == size, "a unit's size is the number of its parameters");
  }
}

/// Properties of every choice, whatever number of units it keeps.
void check_choice(const group& g, const unit_choice& choice, const std::vector<double>& scores) {
  check(choice.group == g.name && choice.kind == g.kind && choice.units == g.units,
        "a choice is that of its group");
  const std::size_t count = choice.kept.size(), step = std::lcm(g.multiple, g.sections);
  check(count == g.units || count % step == 0, "a multiple of units stays, or all");
  check(count >= g.fewest, "enough units stay");
  const std::size_t width = g.units / g.sections;
  for (std::size_t s = 0; s < g.sections; ++s) {
    std::vector<std::size_t> order(width);
    std::iota(order.begin(), order.end(), s * width);
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return scores[a] != scores[b] ? scores[a] < scores[b] : a < b;
    });
    for (std::size_t rank = 0; rank < width; ++rank) {
      const bool stays = std::binary_search(choice.kept.begin(), choice.kept.end(), order[rank]);
      check(stays == (rank >= width - count / g.sections),
            "of each section the units of lowest score leave, of equal ones the first");
    }
  }
}

/// The number nearest to the one wanted, of two the higher, among those that a group can keep.
std::size_t nearest(const group& g, std::size_t wanted) {
  const std::size_t step = std::lcm(g.multiple, g.sections);
  std::size_t best = g.units;
  const auto distance = [&](std::size_t count) {
    return count > wanted ? count - wanted : wanted - count;
  };
  bool has_one = wanted == g.units;
  for (std::size_t count = g.units / step * step; count >= std::max(g.fewest, step);
       count -= step) {
    if (!has_one || distance(count) < distance(best)) best = count;
    has_one = true;
  }
  return best;
}

void check_kept(const ties& all, const unit_plan& plan, const weight_shapes& shapes, source& in) {
  for (const auto& [weight, shape] : shapes) {
    std::vector<bool> rows(shape.rows, true), cols(shape.cols, true);
    bool leaves = false;
    for (std::size_t k = 0; k < all.groups.size(); ++k) {
      const group& g = all.groups[k];
      const unit_choice* const choice = plan.find(g.name);
      for (std::size_t unit = 0; choice != nullptr && unit < g.units; ++unit) {
        if (std::binary_search(choice->kept.begin(), choice->kept.end(), unit)) continue;
        if (!g.own.empty())
          leaves = leaves || std::count(g.own[unit].begin(), g.own[unit].end(), weight) != 0;
        for (const owned_part& p : g.parts)
          for (std::size_t at = 0; p.weight == weight && at < p.width; ++at)
            (p.along == axis::rows ? rows : cols)[p.first + unit * p.width + at] = false;
      }
    }
    const kept_part kept = kept_of(all, plan, weight, shape);
    check(kept.leaves == leaves, "a weight leaves with the unit that owns it");
    const auto stays = [](const std::vector<bool>& of, const std::vector<std::size_t>& indices) {
      std::vector<bool> marks(of.size());
      for (const std::size_t k : indices) marks[k] = true;
      return marks == of && std::is_sorted(indices.begin(), indices.end());
    };
    check(stays(rows, kept.rows) && stays(cols, kept.cols), "what no unit that left owns stays");
    auto whole = matrix<float>::of(in, shape.rows, shape.cols, [&] { return in.finite<float>(); });
    const matrix<float> before = whole;
    const auto from = [&](std::size_t i, std::size_t j) {
      return before.memory[before.at(kept.rows[i], kept.cols[j])];
    };
    dense<float> smaller(kept.rows.size(), kept.cols.size());
    gather(any_executor::of(in), std::as_const(whole).view(), kept, smaller);
    for (std::size_t i = 0; i < smaller.rows(); ++i)
      for (std::size_t j = 0; j < smaller.cols(); ++j)
        check(same_bits(std::array{smaller.view()(i, j)}, std::array{from(i, j)}),
              "a smaller tensor has the bits of what stays");
    if (!whole.is_apart()) continue;
    const auto compacted = compact(whole.view(), kept);
    check(compacted.rows() == smaller.rows() && compacted.cols() == smaller.cols(),
          "a compacted tensor has the shape of what stays");
    for (std::size_t i = 0; i < smaller.rows(); ++i)
      for (std::size_t j = 0; j < smaller.cols(); ++j)
        check(same_bits(std::array{compacted(i, j)}, std::array{from(i, j)}),
              "and its bits, in place");
  }
}

/// A plan with something wrong is refused, and no other.
void check_plan(const ties& all, unit_plan plan, source& in) {
  for (std::size_t edits = in.count(0, 2); edits != 0 && !plan.choices.empty(); --edits) {
    unit_choice& c = plan.choices[in.count(0, plan.choices.size() - 1)];
    switch (in.count(0, 4)) {
      case 0:
        c.units = in.size(6);
        break;
      case 1:
        c.kept = in.list(in.count(0, 6), [&] { return in.count(0, 6); });
        break;
      case 2:
        c.group = "g" + std::to_string(in.count(0, 3));
        break;
      case 3:
        if (!c.kept.empty()) c.kept.erase(c.kept.begin());
        break;
      default:
        plan.choices.push_back(c);
    }
  }
  bool is_good = true;
  std::set<std::string> seen;
  for (const unit_choice& c : plan.choices) {
    const auto found = std::find_if(all.groups.begin(), all.groups.end(),
                                    [&](const group& g) { return g.name == c.group; });
    is_good = is_good && found != all.groups.end() && seen.insert(c.group).second;
    if (!is_good) break;
    const group& g = *found;
    is_good =
        c.units == g.units && c.kept.size() >= g.fewest &&
        std::adjacent_find(c.kept.begin(), c.kept.end(), std::greater_equal<>()) == c.kept.end() &&
        (c.kept.empty() || c.kept.back() < g.units);
    std::vector<std::size_t> of_section(g.sections);
    for (std::size_t k = 0; is_good && k < c.kept.size(); ++k)
      ++of_section[c.kept[k] / (g.units / g.sections)];
    is_good = is_good && std::count(of_section.begin(), of_section.end(), of_section[0]) ==
                             static_cast<std::ptrdiff_t>(g.sections);
    if (!is_good) break;
  }
  check(refusal([&] { validate(plan, all); }).has_value() != is_good,
        "exactly plans that do not fit their ties are refused");
}

void run(source& in) {
  const weight_shapes shapes = shapes_of(in);
  ties all;
  for (std::size_t k = in.count(1, 3); k != 0; --k) all.groups.push_back(group_of(in, k));
  const bool valid = is_valid(all, shapes);
  check(refusal([&] { validate(all, shapes); }).has_value() != valid,
        "exactly ties that do not fit the weights are refused");
  if (!valid) {
    // Sizes need a group's own numbers alone, and are refused or counted.
    for (const group& g : all.groups)
      if (g.units < 1000) refusal([&] { static_cast<void>(unit_sizes(g, shapes)); });
    return;
  }
  std::vector<std::vector<double>> scores;
  std::vector<double> sparsities;
  for (const group& g : all.groups) {
    scores.push_back(in.list(
        g.units, [&] { return in.once_in(64) ? in.number<double>() : in.finite<double>(); }));
    sparsities.push_back(in.fraction());
  }
  bool usable = true;
  for (std::size_t k = 0; k < scores.size(); ++k) {
    usable = usable && sparsities[k] >= 0 && sparsities[k] <= 1;
    for (const double score : scores[k]) usable = usable && tamp::is_finite(score);
  }
  unit_plan plan;
  const auto refused = refusal([&] { plan = choose_each(all, scores, sparsities); });
  check(refused.has_value() != usable,
        "exactly scores and sparsities that cannot be used are refused");
  if (refused) return;
  for (std::size_t k = 0; k < all.groups.size(); ++k) {
    const group& g = all.groups[k];
    check_choice(g, plan.choices[k], scores[k]);
    const auto leave = static_cast<std::size_t>(static_cast<double>(g.units) * sparsities[k]);
    check(plan.choices[k].kept.size() == nearest(g, g.units - leave),
          "the number that stays is the nearest that the group can keep");
    check_sizes(g, shapes);
  }
  validate(plan, all);
  check_kept(all, plan, shapes, in);
  check_plan(all, plan, in);
  unit_plan of_all;
  if (refusal([&] { of_all = choose_globally(all, shapes, scores, sparsities[0]); })) return;
  for (std::size_t k = 0; k < all.groups.size(); ++k)
    check_choice(all.groups[k], of_all.choices[k], scores[k]);
  validate(of_all, all);
}

const registered here("structure", run);

}  // namespace fuzz::structured
