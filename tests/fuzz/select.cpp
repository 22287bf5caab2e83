// Masks against their definition: the lowest scores of each group go, of equal ones the first. For
// every kind of element, layout, score, pattern, set of instructions and executor; then apply.

#include <tamp/pattern/mixed_n_of_m.hpp>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/pattern/per_tensor.hpp>
#include <tamp/prune/apply.hpp>
#include <tamp/prune/compose.hpp>
#include <tamp/prune/select.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/ria.hpp>
#include <tamp/score/wanda.hpp>

#include <algorithm>

#include "executors.hpp"
#include "tensors.hpp"

namespace fuzz::select {

/// A user's score: of any sign, and no number for some weights.
struct users_score {
  using role = tamp::role::score;
  using needs = tamp::stat::column_norm;
  float offset = 0;

  template <class Real>
  Real operator()(Real weight, float norm) const noexcept {
    return std::sqrt(weight + offset) - norm;
  }
};

template <class Real>
struct scores {
  std::vector<Real> numbers;  // (rows, cols)
  bool refused = false;
  std::optional<double> unit{};  // what Real cannot resolve, if scores are not exact
};

template <class T>
using compute = tamp::compute_type<T>;

/// An elementwise score by its definition.
template <class T, class Score>
auto defined(const Score& score, const matrix<T>& weight, const std::vector<float>& norms) {
  scores<compute<T>> all;
  for (std::size_t i = 0; i < weight.rows; ++i)
    for (std::size_t j = 0; j < weight.cols; ++j) {
      if constexpr (std::is_same_v<Score, tamp::score::magnitude>)
        all.numbers.push_back(std::fabs(weight.load(i, j)));
      else if constexpr (std::is_same_v<Score, tamp::score::wanda>)
        all.numbers.push_back(std::fabs(weight.load(i, j)) * norms[j]);
      else
        all.numbers.push_back(score(weight.load(i, j), norms[j]));
      all.refused |= std::isnan(all.numbers.back());
    }
  return all;
}
/// Relative importance: a weight's share in its row and its column.
template <class T>
auto defined(const tamp::score::ria& score, const matrix<T>& weight,
             const std::vector<float>& norms) {
  scores<compute<T>> all;
  all.refused = !(score.alpha >= 0 && std::isfinite(score.alpha));
  std::vector<double> of_row(weight.rows), of_column(weight.cols);
  for (std::size_t i = 0; i < weight.rows; ++i)
    for (std::size_t j = 0; j < weight.cols; ++j) {
      const double size = std::fabs(static_cast<double>(weight.load(i, j)));
      of_row[i] += size;
      of_column[j] += size;
    }
  for (const auto* sums : {&of_row, &of_column})
    for (const double sum : *sums) all.refused |= !std::isfinite(static_cast<compute<T>>(sum));
  double largest = 0;
  for (std::size_t j = 0; j < weight.cols; ++j) {
    const double power = std::pow(static_cast<double>(norms[j]), score.alpha);
    all.refused |= !std::isfinite(static_cast<compute<T>>(power));
    largest = std::max(largest, power);
  }
  all.unit = 4 * static_cast<double>(std::numeric_limits<compute<T>>::denorm_min()) * largest;
  for (std::size_t i = 0; i < weight.rows; ++i)
    for (std::size_t j = 0; j < weight.cols; ++j) {
      const double size = std::fabs(static_cast<double>(weight.load(i, j)));
      const double share = size == 0 ? 0 : size / of_row[i] + size / of_column[j];
      all.numbers.push_back(static_cast<compute<T>>(share * std::pow(norms[j], score.alpha)));
    }
  return all;
}

/// The number of weights that leave a group of `size`.
template <class Pattern>
std::size_t dropped_of(std::size_t size, double sparsity) {
  if constexpr (requires { Pattern::group; }) {
    std::size_t kept = 0;
    if constexpr (requires { Pattern::kept; })
      kept = Pattern::kept;
    else
      kept =
          Pattern::group - static_cast<std::size_t>(static_cast<double>(Pattern::group) * sparsity);
    return size - (kept * size + Pattern::group - 1) / Pattern::group;
  } else {
    return static_cast<std::size_t>(static_cast<double>(size) * sparsity);
  }
}
/// The number of weights, in row-major order from `begin` on, that are decided together.
template <class Pattern>
std::size_t group_at(std::size_t begin, std::size_t rows, std::size_t cols) {
  if constexpr (std::is_same_v<Pattern, tamp::pattern::per_tensor>)
    return rows * cols;
  else if constexpr (std::is_same_v<Pattern, tamp::pattern::per_row>)
    return cols;
  else
    return std::min(Pattern::group, cols - begin % cols);
}

template <class Pattern, class Real>
void check_mask(const tamp::mask::bitmask& keep, const scores<Real>& expected, double sparsity) {
  for (std::size_t begin = 0; begin < keep.size();) {
    const std::size_t size = group_at<Pattern>(begin, keep.rows(), keep.cols());
    const std::size_t drop = dropped_of<Pattern>(size, sparsity);
    std::vector<std::size_t> order;
    for (std::size_t k = begin; k < begin + size; ++k) order.push_back(k);
    const auto score = [&](std::size_t k) { return expected.numbers[k]; };
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return score(a) < score(b) || (score(a) == score(b) && a < b);
    });
    std::size_t dropped = 0;
    for (std::size_t rank = 0; rank < size; ++rank) {
      const std::size_t k = order[rank];
      const bool is_kept = keep(k / keep.cols(), k % keep.cols());
      dropped += !is_kept;
      if (is_kept == (rank >= drop)) continue;
      check(expected.unit.has_value(), "the lowest scores go, and of equal ones the first");
      const auto limit = static_cast<double>(score(order[drop == 0 ? 0 : drop - 1]));
      const auto mine = static_cast<double>(score(k));
      check(mine == limit || std::fabs(mine - limit) <= 1e-5 * limit + *expected.unit,
            "the lowest scores go, to rounding");
    }
    check(dropped == drop, "counts are exact");
    begin += size;
  }
}

template <class T>
void check_applied(const tamp::mask::bitmask& keep, const matrix<T>& before,
                   const matrix<T>& after) {
  matrix<T> expected = before;
  for (std::size_t i = 0; i < before.rows; ++i)
    for (std::size_t j = 0; j < before.cols; ++j)
      if (!keep(i, j)) expected.memory[expected.at(i, j)] = tamp::element_traits<T>::store(0);
  check(same_bits(after.memory, expected.memory), "dropped weights alone are written");
}

/// A score with parameters, of which some cannot be used.
template <class Score>
Score score_of(source& in) {
  if constexpr (std::is_same_v<Score, tamp::score::ria>)
    return {in.once_in(16) ? in.number<double>() : static_cast<double>(in.count(0, 4)) / 2};
  else if constexpr (std::is_same_v<Score, users_score>)
    return {in.flag() ? 16.0f : 0.0f};
  else
    return {};
}

template <class T, class Score, class Pattern, bool AsRows = false>
void compare(source& in) {
  const auto score = score_of<Score>(in);
  const bool broken = in.once_in(16);
  const std::size_t rows = in.count(0, in.once_in(8) ? 300 : 12), cols = in.count(0, 140);
  const auto number = [&] {
    return broken && in.once_in(64) ? in.number<compute<T>>() : in.finite<compute<T>>();
  };
  const auto ties = [&] { return static_cast<compute<T>>(in.count(0, 4)) / 2; };
  matrix<T> weight =
      in.once_in(4) ? matrix<T>::of(in, rows, cols, ties) : matrix<T>::of(in, rows, cols, number);
  std::vector<float> norms = in.list(cols, [&] { return std::fabs(in.finite<float>()); });
  if (broken && in.flag()) norms.push_back(1);
  if (broken && in.flag() && !norms.empty())
    norms[in.count(0, norms.size() - 1)] = in.number<float>();
  const double sparsity = in.fraction();

  const auto recipe = [&] {
    if constexpr (requires { Pattern::sparsity; })
      return tamp::compose(score, Pattern{});
    else
      return tamp::compose(score, Pattern{}, tamp::allocate::uniform{sparsity});
  }();
  constexpr bool fixed = decltype(recipe)::sparsity_is_fixed;
  bool refused = !fixed && !(sparsity >= 0 && sparsity <= 1);
  constexpr bool needs = requires { typename Score::needs; };
  if (needs) {
    refused |= norms.size() != cols;
    for (const float norm : norms) refused |= !std::isfinite(norm);
  }
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; ++j) refused |= !std::isfinite(weight.load(i, j));
  scores<compute<T>> expected;
  // A score is not asked about a weight without elements.
  if (!refused && rows * cols != 0) expected = defined(score, weight, norms);
  refused |= expected.refused;

  with_every_instructions(in, [&](const any_executor& exec) {
    tamp::mask::bitmask keep;
    const auto answer = refusal([&] {
      const auto host = [&] {
        if constexpr (AsRows)
          return row_host{weight};
        else
          return std::as_const(weight).view();
      }();
      if constexpr (needs)
        keep = tamp::select(exec, host, norms, recipe);
      else
        keep = tamp::select(exec, host, recipe);
    });
    check(answer.has_value() == refused, "exactly what cannot be used is refused");
    if (refused) return;
    check(keep.rows() == rows && keep.cols() == cols, "a mask has the shape of its weight");
    check_mask<Pattern>(keep, expected, sparsity);
    matrix<T> applied = weight;
    const auto unwritten = refusal([&] {
      if constexpr (AsRows) {
        row_host host{weight};
        tamp::apply(exec, host, keep);
        applied = host.numbers;
      } else {
        tamp::apply(exec, applied.view(), keep);
      }
    });
    if constexpr (!AsRows)
      check(unwritten.has_value() != weight.is_apart(), "exactly shared memory is refused");
    if (!unwritten && weight.is_apart()) check_applied(keep, weight, applied);
    if (unwritten) check(same_bits(applied.memory, weight.memory), "nothing was written");
  });
}

using namespace tamp::pattern;
using tamp::score::magnitude, tamp::score::wanda, tamp::score::ria, tamp::f16, tamp::bf16;

constexpr void (*comparisons[])(source&) = {compare<float, magnitude, per_row>,
                                            compare<float, magnitude, per_tensor>,
                                            compare<float, magnitude, n_of_m<2, 4>>,
                                            compare<float, wanda, per_row>,
                                            compare<float, wanda, n_of_m<5, 7>>,
                                            compare<float, wanda, mixed_n_of_m<4>>,
                                            compare<bf16, magnitude, mixed_n_of_m<7>>,
                                            compare<float, ria, per_row>,
                                            compare<float, users_score, per_row>,
                                            compare<float, users_score, per_tensor>,
                                            compare<double, wanda, per_row>,
                                            compare<double, magnitude, per_tensor>,
                                            compare<double, users_score, n_of_m<1, 32>>,
                                            compare<f16, wanda, per_row>,
                                            compare<f16, magnitude, per_tensor>,
                                            compare<f16, ria, n_of_m<2, 4>>,
                                            compare<bf16, magnitude, per_row>,
                                            compare<bf16, users_score, n_of_m<31, 32>>,
                                            compare<float, wanda, per_row, true>,
                                            compare<float, magnitude, per_tensor, true>};

const registered here("select", [](source& in) { in.of(comparisons)(in); });

}  // namespace fuzz::select
