// Refinements of any mask of any weights: counts stay, errors do not grow, and neither executors nor
// layouts change a bit. Nothing comes out but numbers, or a sentence.

#include <tamp/mask/bitmask.hpp>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/refine/dsnot.hpp>
#include <tamp/refine/layer_error.hpp>
#include <tamp/refine/repair.hpp>
#include <tamp/refine/swaps.hpp>
#include <tamp/stat/gram.hpp>
#include <tamp/stat/sequence_moments.hpp>

#include <algorithm>

#include "executors.hpp"
#include "tensors.hpp"

namespace fuzz::refinements {

using tamp::mask::bitmask;
namespace refine = tamp::refine;

/// A layer: its weight, what it sees, and a mask.
struct layer {
  matrix<float> weight, inputs;
  bitmask keep;

  static layer of(source& in) {
    const std::size_t rows = in.count(0, 5), cols = in.count(0, 14), tokens = in.count(0, 9);
    // Mostly numbers whose products do not overflow.
    const bool is_wild = in.once_in(8);
    const auto number = [&] {
      return is_wild ? in.number<float>() : static_cast<float>(in.bits<std::int16_t>()) / 1024;
    };
    layer made{matrix<float>::of(in, rows, cols, number),
               matrix<float>::of(in, tokens, cols, number), bitmask(rows, cols)};
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < cols; ++j)
        if (in.flag()) made.keep.set(i, j, false);
    return made;
  }
  auto rows() const { return keep.rows(); }
  auto cols() const { return keep.cols(); }
};

/// The number of weights that stay in each group of a row, or in the row if a group is 0.
std::vector<std::size_t> counts(const bitmask& keep, std::size_t group) {
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < keep.rows(); ++i)
    for (std::size_t begin = 0; begin < keep.cols();) {
      const std::size_t end = group == 0 ? keep.cols() : std::min(begin + group, keep.cols());
      all.push_back(0);
      for (; begin < end; ++begin) all.back() += keep(i, begin);
    }
  return all;
}

/// The rounding error that two sums of the layer's size may differ by.
double rounding(const layer& l) {
  double weights = 0, inputs = 0;
  for (std::size_t i = 0; i < l.rows(); ++i)
    for (std::size_t j = 0; j < l.cols(); ++j)
      weights += std::pow(static_cast<double>(l.weight.load(i, j)), 2);
  for (std::size_t t = 0; t < l.inputs.rows; ++t)
    for (std::size_t j = 0; j < l.cols(); ++j)
      inputs += std::pow(static_cast<double>(l.inputs.load(t, j)), 2);
  return 1e-12 * weights * inputs;
}

/// The error by its definition: the squares of the errors of all outputs of all tokens.
double error_of(const layer& l, const bitmask& keep) {
  double sum = 0;
  for (std::size_t i = 0; i < l.rows(); ++i)
    for (std::size_t t = 0; t < l.inputs.rows; ++t) {
      double output = 0;
      for (std::size_t j = 0; j < l.cols(); ++j)
        if (!keep(i, j))
          output +=
              static_cast<double>(l.weight.load(i, j)) * static_cast<double>(l.inputs.load(t, j));
      sum += output * output;
    }
  return sum;
}

template <class Pattern, std::size_t Group>
void swap(source& in) {
  const layer l = layer::of(in);
  tamp::stat::gram gram;
  if (refusal([&] { gram.add(l.inputs.view()); })) return;
  const refine::swaps policy{in.count(0, 20), in.once_in(8) ? in.number<double>() : 1e-12};
  std::optional<refine::refined_mask> first;
  std::optional<std::string> first_refusal;
  bool is_first = true;
  with_every_instructions(in, [&](const any_executor& exec) {
    std::optional<refine::refined_mask> found;
    const auto refused =
        refusal([&] { found.emplace(policy(exec, l.weight.view(), l.keep, gram, Pattern{})); });
    if (is_first) first = found;
    if (is_first) first_refusal = refused;
    check(first_refusal == refused, "no set of instructions changes what is refused");
    is_first = false;
    if (refused) return;
    check(counts(found->keep, Group) == counts(l.keep, Group), "counts stay");
    check(found->error.swaps <= policy.per_row * l.rows(), "no more swaps are made than allowed");
    check(tamp::is_finite(found->error.before) && tamp::is_finite(found->error.after),
          "errors are numbers");
    const double slack = rounding(l);
    check(found->error.after <= found->error.before + slack, "the error does not grow");
    check(std::fabs(found->error.before - error_of(l, l.keep)) <= slack &&
              std::fabs(found->error.after - error_of(l, found->keep)) <= slack,
          "errors are those of the outputs");
    if (found->error.swaps == 0) check(found->keep == l.keep, "a mask without swaps is the same");
    // Pairs that differ by rounding alone may be chosen otherwise with other instructions; with the
    // same, neither the ranges of rows nor the layout of a weight matter.
    const auto again = policy(any_executor{1}, l.weight.view(), l.keep, gram, Pattern{});
    check(again == *found, "no cut of the rows changes a bit");
  });
}

void dsnot(source& in) {
  const layer l = layer::of(in);
  auto scores = matrix<double>::of(in, l.rows(), l.cols(), [&] {
    return in.once_in(64) ? in.number<double>() : std::fabs(in.finite<double>());
  });
  tamp::stat::sequence_moments moments;
  for (std::size_t k = in.count(0, 2); k != 0; --k)
    if (refusal([&] { moments.add(l.inputs.view()); })) return;
  const refine::dsnot policy{in.count(0, 20), in.once_in(8) ? in.number<double>() : 0.1,
                             in.once_in(4) ? in.number<double>() : 1.0, in.flag()};
  std::optional<bitmask> first;
  bool is_first = true, was_refused = false;
  with_every_instructions(in, [&](const any_executor& exec) {
    std::optional<bitmask> found;
    const auto refused = refusal(
        [&] { found.emplace(policy(exec, l.weight.view(), l.keep, moments, scores.view())); });
    if (!is_first)
      check(was_refused == refused.has_value(), "no instructions change what is refused");
    was_refused = refused.has_value();
    if (!refused) {
      check(counts(*found, 0) == counts(l.keep, 0), "counts stay");
      for (std::size_t i = 0; i < l.rows(); ++i) {
        std::size_t restored = 0;
        for (std::size_t j = 0; j < l.cols(); ++j) restored += (*found)(i, j) && !l.keep(i, j);
        check(restored <= policy.cycles, "no more swaps are made than cycles");
      }
      if (is_first) first = found;
      check(*first == *found, "neither executors nor instructions change a bit");
    }
    is_first = false;
  });
}

void repair(source& in) {
  const layer l = layer::of(in);
  tamp::stat::gram gram;
  if (refusal([&] { gram.add(l.inputs.view()); })) return;
  const refine::repair policy{in.once_in(8) ? in.size(9) : in.count(1, 16),
                              in.once_in(8) ? in.number<double>() : 0.01, in.flag()};
  with_every_instructions(in, [&](const any_executor& exec) {
    refusal([&] {
      const auto repaired = policy(exec, l.weight.view(), l.keep, gram);
      check(counts(repaired.keep, 0).size() == counts(l.keep, 0).size(), "a mask has its shape");
      for (std::size_t i = 0; i < l.rows(); ++i)
        for (std::size_t j = 0; j < l.cols(); ++j) {
          const double number = repaired.weights()(i, j);
          check(tamp::is_finite(number), "repaired weights are numbers");
          if (!l.keep(i, j)) check(number == 0, "dropped weights are zero");
          if (!l.keep(i, j)) check(!repaired.keep(i, j), "and not kept");
          if (policy.keeps_zeros && l.weight.load(i, j) == 0) check(number == 0, "zeros stay zero");
        }
      check(tamp::is_finite(repaired.error.before) && tamp::is_finite(repaired.error.after) &&
                repaired.error.before >= 0 && repaired.error.after >= 0,
            "errors are numbers");
      const auto again = policy(any_executor{1}, l.weight.view(), l.keep, gram);
      for (std::size_t i = 0; i < l.rows(); ++i)
        for (std::size_t j = 0; j < l.cols(); ++j)
          check(again.weights()(i, j) == repaired.weights()(i, j),
                "no cut of the rows changes a bit");
    });
  });
}

constexpr void (*kinds[])(source&) = {swap<tamp::pattern::per_row, 0>,
                                      swap<tamp::pattern::n_of_m<2, 4>, 4>,
                                      swap<tamp::pattern::n_of_m<3, 5>, 5>, dsnot, repair};

const registered here("refinements", [](source& in) { in.of(kinds)(in); });

}  // namespace fuzz::refinements
