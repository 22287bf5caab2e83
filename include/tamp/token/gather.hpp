#pragma once

/// @file
/// Gathering of the tokens that a selection keeps: hidden states, key-value caches, positions.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../element.hpp"
#include "../error.hpp"
#include "../tensor/detail/apart.hpp"
#include "../tensor/detail/source.hpp"
#include "../tensor/traits.hpp"
#include "selection.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Refuses kept tokens that are not among the rows, or are there twice. Returns true if they ascend.
inline bool check_kept(std::string_view who, std::span<const std::size_t> kept, std::size_t rows) {
  check_list(who, "kept tokens", kept);
  bool ascending = true;
  for (std::size_t k = 0; k < kept.size(); ++k) {
    if (kept[k] >= rows)
      raise<shape_error>(who, ": kept token ", k, " is ", kept[k], ", outside of ", rows, " rows");
    ascending = ascending && (k == 0 || kept[k - 1] < kept[k]);
  }
  if (ascending) return true;
  auto seen = checked_array<unsigned char>(who, rows);
  for (std::size_t k = 0; k < kept.size(); ++k) {
    if (seen[kept[k]] != 0)
      raise<shape_error>(who, ": kept token ", k, " is ", kept[k], ", as one before it, of ", rows,
                         " rows");
    seen[kept[k]] = 1;
  }
  return false;
}

/// Refuses a selection that merges into places that do not exist, and sizes of other tokens or none.
inline void check_merged(std::string_view who, const token::selection& s,
                         std::span<const float> sizes) {
  const std::size_t tokens = s.into.size();
  check_list(who, "sizes", sizes);
  if (!sizes.empty() && sizes.size() != tokens)
    raise<shape_error>(who, ": the selection covers ", tokens, " tokens, the sizes ", sizes.size());
  for (std::size_t t = 0; t < sizes.size(); ++t)
    if (!is_positive(sizes[t]))
      raise<value_error>(who, ": the size of token ", t, " is ", sizes[t]);
  check_kept(who, s.kept, tokens);
  for (std::size_t t = 0; t < tokens; ++t)
    if (s.into[t] != token::selection::nowhere && s.into[t] >= s.kept.size())
      raise<shape_error>(who, ": token ", t, " is merged into place ", s.into[t], " of ",
                         s.kept.size());
  for (std::size_t k = 0; k < s.kept.size(); ++k)
    if (s.into[s.kept[k]] != k)
      raise<shape_error>(who, ": kept token ", s.kept[k], " is not merged into its own place");
}

/// A tensor whose rows can be moved: its elements lie in memory. Whether those of an any_tensor do
/// is known only at run time.
template <class T>
concept movable_rows = viewable<T> || any_tensor<T>;

/// Calls use(view) with the view of a tensor whose rows are moved.
/// @throws value_error if it is known only at run time, and is read-only or has no elements in
///         memory
template <movable_rows Tensor, class Use>
void with_movable_rows([[maybe_unused]] std::string_view who, Tensor&& tensor, Use&& use) {
  if constexpr (viewable<Tensor>)
    use(cpu_view(tensor));
  else
    with_target(tensor, [&](auto& m) {
      if constexpr (viewable<decltype(m)>)
        use(m);
      else
        raise<value_error>(who, ": this tensor has no elements in memory that could be moved");
    });
}

/// Replaces row k by finish(k, sum, own), feature by feature: `sum` is the sum of all rows that are
/// now part of kept[k], each times weight(token), and `own` that of kept[k] itself. Rows of weight
/// zero are not read into sums. The selection merges and has been checked by check_merged.
template <class T, class Weight, class Finish>
void combine_rows_of(std::string_view who, const matrix_view<T>& m, const token::selection& s,
                     Weight& weight, Finish& finish) {
  using traits = element_traits<std::remove_const_t<T>>;
  using value = compute_type<T>;
  if (s.into.size() != m.rows())
    raise<shape_error>(who, ": the selection covers ", s.into.size(), " tokens, the tensor ",
                       m.rows());
  if (m.empty()) return;
  check_apart(who, m, "the tensor");
  auto sums = checked_array<double>(who, s.kept.size() * m.cols());
  for (std::size_t t = 0; t < m.rows(); ++t) {
    if (s.into[t] == token::selection::nowhere) continue;
    const double times = weight(t);
    if (times == 0) continue;
    double* sum = sums.data() + s.into[t] * m.cols();
    for (std::size_t j = 0; j < m.cols(); ++j)
      sum[j] += times * static_cast<double>(traits::load(m(t, j)));
  }
  for (std::size_t k = 0; k < s.kept.size(); ++k)
    for (std::size_t j = 0; j < m.cols(); ++j) {
      double& sum = sums[k * m.cols() + j];
      sum = finish(k, sum, static_cast<double>(traits::load(m(s.kept[k], j))));
    }
  for (std::size_t k = 0; k < s.kept.size(); ++k)
    for (std::size_t j = 0; j < m.cols(); ++j)
      m(k, j) = traits::store(static_cast<value>(sums[k * m.cols() + j]));
}

/// The same, of a tensor.
template <movable_rows Tensor, class Weight, class Finish>
void combine_rows(std::string_view who, Tensor&& tensor, const token::selection& s, Weight&& weight,
                  Finish&& finish) {
  with_movable_rows(who, tensor,
                    [&](const auto& m) { combine_rows_of(who, m, s, weight, finish); });
}

/// Moves row kept[k] to row k, for all k.
template <class T>
void gather_rows_of(const matrix_view<T>& m, std::span<const std::size_t> kept) {
  const bool ascending = check_kept("gather_rows", kept, m.rows());
  check_apart("gather_rows", m, "the tensor");
  if (ascending) {
    for (std::size_t k = 0; k < kept.size(); ++k)
      if (kept[k] != k)
        for (std::size_t j = 0; j < m.cols(); ++j) m(k, j) = m(kept[k], j);
    return;
  }
  using value = std::remove_const_t<T>;
  std::vector<value> rows = checked_array<value>("gather_rows", kept.size() * m.cols());
  for (std::size_t k = 0; k < kept.size(); ++k)
    for (std::size_t j = 0; j < m.cols(); ++j) rows[k * m.cols() + j] = m(kept[k], j);
  for (std::size_t k = 0; k < kept.size(); ++k)
    for (std::size_t j = 0; j < m.cols(); ++j) m(k, j) = rows[k * m.cols() + j];
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::token {

/// Moves row kept[k] to row k, for all k. The first kept.size() rows then hold the tokens that stay,
/// and the host must truncate the tensor to them.
///
/// Use it for hidden states, (tokens, features), and for the keys and values of a cache, head by
/// head or with all heads of a token in a row. Ascending tokens are moved in place. Tokens in
/// another order (token::in_published_order) are copied first: kept.size() rows of memory.
/// @throws shape_error if `kept` exceeds the rows or names one twice, or elements of the tensor share
///         memory; nothing is moved then
/// @throws value_error if the tensor is known only at run time, and is read-only or has no elements
///         in memory
template <detail::movable_rows Tensor>
void gather_rows(Tensor&& tensor, std::span<const std::size_t> kept) {
  detail::with_movable_rows("gather_rows", tensor,
                            [&](const auto& m) { detail::gather_rows_of(m, kept); });
}

/// Moves and truncates a list with one element for each token: positions, kinds, sizes, images.
/// @throws shape_error as gather_rows does
template <class T>
void gather_elements(std::vector<T>& of_tokens, std::span<const std::size_t> kept) {
  if (detail::check_kept("gather_elements", kept, of_tokens.size())) {
    for (std::size_t k = 0; k < kept.size(); ++k)
      if (kept[k] != k) of_tokens[k] = std::move(of_tokens[kept[k]]);
    of_tokens.resize(kept.size());
    return;
  }
  std::vector<T> moved;
  detail::with_memory("gather_elements", [&] { moved.reserve(kept.size()); });
  for (const std::size_t t : kept) moved.push_back(std::move(of_tokens[t]));
  of_tokens = std::move(moved);
}

/// Returns the number of tokens that each kept one represents after merging. `sizes` are the
/// numbers before it; empty means one each. Dropped tokens are not counted.
/// @throws shape_error if the sizes are not those of the selection's tokens, or if it merges into a
///         token that is not kept
/// @throws value_error if it merges and a size is not positive and finite
inline std::vector<float> merged_sizes(const selection& s, std::span<const float> sizes = {}) {
  const detail::ieee_arithmetic as_usual;
  std::vector<float> merged(s.kept.size());
  if (!s.merges()) {
    detail::check_list("merged_sizes", "sizes", sizes);
    if (!sizes.empty()) detail::check_kept("merged_sizes", s.kept, sizes.size());
    for (std::size_t k = 0; k < merged.size(); ++k)
      merged[k] = sizes.empty() ? 1 : sizes[s.kept[k]];
    return merged;
  }
  detail::check_merged("merged_sizes", s, sizes);
  for (std::size_t t = 0; t < s.into.size(); ++t)
    if (s.into[t] != selection::nowhere) merged[s.into[t]] += sizes.empty() ? 1 : sizes[t];
  return merged;
}

/// Merges the rows of a selection, in place: row k becomes the mean of all tokens that are now part
/// of kept[k], weighted by size. Positions are those of the kept tokens (gather_elements). For a
/// selection without merging it is gather_rows.
///
/// This is the rule of token::tome. The merge_rows of a policy is that of its published method.
/// @throws shape_error if selection, sizes and tensor differ in length, the selection merges into a
///         token that is not kept, or elements of the tensor share memory; nothing is moved then
/// @throws value_error if the selection merges and a size is not positive and finite
template <detail::movable_rows Tensor>
void merge_rows(Tensor&& tensor, const selection& s, std::span<const float> sizes) {
  const detail::ieee_arithmetic as_usual;
  if (!s.merges()) return token::gather_rows(tensor, s.kept);
  detail::check_merged("merge_rows", s, sizes);
  const std::vector<float> merged = merged_sizes(s, sizes);
  detail::combine_rows(
      "merge_rows", tensor, s,
      [&](std::size_t t) { return sizes.empty() ? 1.0 : static_cast<double>(sizes[t]); },
      [&](std::size_t k, double sum, double) { return sum / static_cast<double>(merged[k]); });
}

}  // namespace tamp::inline TAMP_FLAGS::token
