#pragma once

/// @file
/// Weights without the units that left: which rows and columns stay, and the smaller tensors.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../element.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../execute/operation.hpp"
#include "../tensor/detail/apart.hpp"
#include "../tensor/detail/gather.hpp"
#include "../tensor/traits.hpp"
#include "lowest_units.hpp"
#include "ties.hpp"
#include "unit_plan.hpp"

namespace tamp::inline TAMP_FLAGS::structure {

/// The part of a weight that stays.
struct kept_part {
  bool leaves = false;                  ///< the whole weight leaves with its unit
  std::vector<std::size_t> rows, cols;  ///< that stay, ascending

  friend bool operator==(const kept_part&, const kept_part&) = default;
};

/// Returns what stays of a weight of (rows, cols).
/// @throws shape_error if a part of it lies outside
inline kept_part kept_of(const ties& all, const unit_plan& plan, std::string_view weight,
                         const extents& shape) {
  tamp::detail::check_shape("kept_of", shape.rows, shape.cols);
  auto row_stays = tamp::detail::checked_array<unsigned char>("kept_of", shape.rows, 1);
  auto col_stays = tamp::detail::checked_array<unsigned char>("kept_of", shape.cols, 1);
  kept_part result;
  for (const unit_choice& choice : plan.choices) {
    const group& g = all.at(choice.group);
    const auto unit_stays = [&](std::size_t k) {
      return std::binary_search(choice.kept.begin(), choice.kept.end(), k);
    };
    for (std::size_t k = 0; k < g.own.size(); ++k)
      if (!unit_stays(k) && std::find(g.own[k].begin(), g.own[k].end(), weight) != g.own[k].end())
        result.leaves = true;
    for (const part& p : g.parts) {
      if (p.weight != weight) continue;
      auto& stays = p.along == axis::rows ? row_stays : col_stays;
      if (p.width == 0 || p.first > stays.size() || g.units > (stays.size() - p.first) / p.width)
        tamp::detail::raise<shape_error>("kept_of: the units of ", g.name, " do not fit into the ",
                                         stays.size(), ' ', tamp::detail::name_of(p.along), " of ",
                                         weight);
      for (std::size_t k = 0; k < g.units; ++k)
        if (!unit_stays(k))
          std::fill_n(stays.begin() + static_cast<std::ptrdiff_t>(p.first + k * p.width), p.width,
                      static_cast<unsigned char>(0));
    }
  }
  const auto indices = [](const std::vector<unsigned char>& stays) {
    std::vector<std::size_t> kept;
    for (std::size_t k = 0; k < stays.size(); ++k)
      if (stays[k] != 0) kept.push_back(k);
    return kept;
  };
  result.rows = indices(row_stays);
  result.cols = indices(col_stays);
  return result;
}

/// A weight in memory of its own, row by row.
template <class T>
class dense {
 public:
  /// @throws shape_error if memory cannot hold it, or an extent was negative before it became a
  ///         std::size_t
  dense(std::size_t rows, std::size_t cols) : rows_(rows), cols_(cols) {
    tamp::detail::check_shape("dense", rows, cols);
    numbers_ = tamp::detail::checked_array<T>("dense", rows * cols);
  }
  std::size_t rows() const noexcept { return rows_; }
  std::size_t cols() const noexcept { return cols_; }
  matrix_view<T> view() noexcept { return {numbers_.data(), rows_, cols_}; }
  matrix_view<const T> view() const noexcept { return {numbers_.data(), rows_, cols_}; }

 private:
  std::size_t rows_, cols_;
  std::vector<T> numbers_;
};

}  // namespace tamp::inline TAMP_FLAGS::structure

namespace tamp::inline TAMP_FLAGS {
template <class T>
struct tensor_traits<structure::dense<T>> {
  static constexpr bool owns_elements = true;
  static matrix_view<const T> view(const structure::dense<T>& d) noexcept { return d.view(); }
  static matrix_view<T> view(structure::dense<T>& d) noexcept { return d.view(); }
};
}  // namespace tamp::inline TAMP_FLAGS

namespace tamp::inline TAMP_FLAGS::detail {

inline void check_kept_part(std::string_view who, const structure::kept_part& kept,
                            std::size_t rows, std::size_t cols) {
  const auto look = [&](const std::vector<std::size_t>& indices, std::size_t extent,
                        std::string_view what) {
    for (std::size_t k = 0; k < indices.size(); ++k)
      if (indices[k] >= extent || (k != 0 && indices[k] <= indices[k - 1]))
        raise<shape_error>(who, ": ", what, ' ', indices[k], " cannot stay in place ", k,
                           ": what stays ascends, and is below ", extent);
  };
  look(kept.rows, rows, "row");
  look(kept.cols, cols, "column");
}

/// Copies rows and columns of the source form of a weight, which have been checked, into a tensor of
/// the host.
template <executor E, class Source, class To>
void gather_into(std::string_view who, const E& exec, const Source& from,
                 const std::vector<std::size_t>& rows, const std::vector<std::size_t>& cols,
                 To&& out) {
  with_target(out, [&](auto& to) {
    if constexpr (viewable<decltype(to)>) {
      if (to.rows() != rows.size() || to.cols() != cols.size())
        raise<shape_error>(who, ": the tensor for ", rows.size(), " x ", cols.size(),
                           " weights is ", to.rows(), " x ", to.cols());
      // Many groups leave one of the two axes as it is.
      const auto lines = [](const std::vector<std::size_t>& places, std::size_t extent) {
        return places.size() == extent && std::is_sorted(places.begin(), places.end())
                   ? chosen_lines(extent)
                   : chosen_lines(places);
      };
      gather_lines(who, exec, from, lines(rows, static_cast<std::size_t>(from.rows())),
                   lines(cols, static_cast<std::size_t>(from.cols())), to);
    } else {
      raise<value_error>(who, ": the tensor to write has no elements in memory");
    }
  });
}

struct gather_function : operation<gather_function> {
  using operation::operator();

  template <executor E, tensor_argument From, tensor_argument To>
    requires(viewable<To> || any_tensor<To>)
  void operator()(const E& exec, const From& weight, const structure::kept_part& kept,
                  To&& out) const {
    const ieee_arithmetic as_usual;
    with_source(weight, [&](const auto& from) {
      check_kept_part("gather", kept, static_cast<std::size_t>(from.rows()),
                      static_cast<std::size_t>(from.cols()));
      gather_into("gather", exec, from, kept.rows, kept.cols, out);
    });
  }
};

struct compact_function {
  template <viewable W>
  auto operator()(W&& weight, const structure::kept_part& kept) const {
    const auto m = cpu_view(weight);
    check_kept_part("compact", kept, m.rows(), m.cols());
    check_apart("compact", m, "the weight");
    for (std::size_t i = 0; i < kept.rows.size(); ++i)
      for (std::size_t j = 0; j < kept.cols.size(); ++j) m(i, j) = m(kept.rows[i], kept.cols[j]);
    return std::remove_const_t<decltype(m)>(m.data(), kept.rows.size(), kept.cols.size(),
                                            m.row_stride(), m.col_stride());
  }
};

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::structure {

/// Copies what stays of a weight into a tensor of the host: gather([exec,] W, kept, out).
///
/// `out` is (kept.rows.size(), kept.cols.size()), strided. Numbers of W's own type keep their bits;
/// others are converted. W may be any tensor, such as rows of a quantised one.
/// @throws shape_error if `kept` does not fit W, `out` has another shape, or elements of `out` share
///         memory
inline constexpr tamp::detail::gather_function gather{};

/// Returns what stays of a weight as a tensor of numbers of type T.
/// @throws shape_error if `kept` does not fit the weight, or memory cannot hold it
template <class T = float, tensor_argument W>
dense<T> gathered(const W& weight, const kept_part& kept) {
  dense<T> out(kept.rows.size(), kept.cols.size());
  gather(weight, kept, out);
  return out;
}

/// Moves what stays of a weight to its beginning, in place, and returns the view of that: same
/// memory, same strides, fewer rows and columns. A row-major weight keeps its leading dimension. The
/// memory behind is left as it is.
/// @throws shape_error if `kept` does not fit the weight, or its elements share memory
inline constexpr tamp::detail::compact_function compact{};

}  // namespace tamp::inline TAMP_FLAGS::structure
