#pragma once

/// @file
/// PixelPrune: the patches of an image that their neighbours do not predict.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../detail/square_root.hpp"
#include "../error.hpp"
#include "../simd/finite_checks.hpp"
#include "../simd/similar_rows.hpp"
#include "../tensor/detail/source.hpp"
#include "../tensor/rows.hpp"
#include "../tensor/traits.hpp"
#include "grid.hpp"
#include "selection.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// The distance of two patches, of the differences of their pixels.
enum class pixel_distance : std::uint8_t {
  largest,           ///< the largest absolute difference
  mean_absolute,     ///< the mean absolute difference
  root_mean_square,  ///< the root of the mean squared difference
};

struct pixel_prune_options {
  double tau = 0;  ///< at least 0: patches at no larger distance are alike
  pixel_distance distance = pixel_distance::largest;
};

}  // namespace tamp::inline TAMP_FLAGS::token

namespace tamp::inline TAMP_FLAGS::detail {

/// The rows of a tensor that are compared many times, as numbers ready for arithmetic. Contiguous
/// rows of float or double stay in place; others are converted once.
template <class Source>
class compared_rows {
 public:
  using value = row_value<Source>;

  compared_rows(std::string_view who, const Source& source)
      : row_(static_cast<std::size_t>(source.rows())),
        is_finite_(row_.size()),
        cols_(static_cast<std::size_t>(source.cols())) {
    bool in_place = false;
    if constexpr (is_view<Source>)
      in_place = source.contiguous_rows() &&
                 std::is_same_v<std::remove_const_t<typename Source::value_type>, value>;
    if (!in_place) copy_ = checked_array<value>(who, checked_product(who, row_.size(), cols_));
    row_reader<Source> read(source);
    for (std::size_t i = 0; i < row_.size(); ++i) {
      const std::span<const value> row = read(i);
      if (!in_place)
        for (std::size_t j = 0; j < cols_; ++j) copy_[i * cols_ + j] = row[j];
      is_finite_[i] = with_finite_checks(
          [&](auto loops) { return loops.row_is_finite(row.data(), row.size()); });
      row_[i] = in_place ? row.data() : copy_.data() + i * cols_;
    }
  }
  compared_rows(const compared_rows&) = delete;
  compared_rows& operator=(const compared_rows&) = delete;

  /// True if two rows are no farther apart than tau. A row with a number that is not finite is like
  /// none.
  bool are_alike(std::size_t a, std::size_t b, const token::pixel_prune_options& o) const {
    if (!is_finite_[a] || !is_finite_[b]) return false;
    return with_similar_rows([&](auto similar) {
      const auto pixels = static_cast<double>(cols_);
      if (o.distance == token::pixel_distance::largest)
        return similar.largest_difference(row_[a], row_[b], cols_) <= o.tau;
      if (o.distance == token::pixel_distance::mean_absolute)
        return similar.template sum_of_differences<false>(row_[a], row_[b], cols_) / pixels <=
               o.tau;
      return square_root(similar.template sum_of_differences<true>(row_[a], row_[b], cols_) /
                         pixels) <= o.tau;
    });
  }

 private:
  std::vector<const value*> row_;
  std::vector<char> is_finite_;
  std::size_t cols_;
  std::vector<value> copy_;
};

/// Finds the patch of which each takes the pixels, frame by frame: itself, if it is kept.
template <class Source>
std::vector<std::size_t> predicted_patches(const Source& patches, const token::grid& g,
                                           const token::pixel_prune_options& options) {
  const compared_rows<Source> rows("pixel_prune", patches);
  std::vector<std::size_t> of(g.tokens());
  const auto alike = [&](std::size_t a, std::size_t b) { return rows.are_alike(a, b, options); };
  for (std::size_t t = 0; t < of.size(); ++t) {
    const std::size_t row = t / g.width % g.height, col = t % g.width;
    of[t] = t;
    if (row == 0 && col == 0) continue;
    std::size_t guess = col != 0 ? of[t - 1] : of[t - g.width];
    if (row != 0 && col != 0) {
      const std::size_t left = of[t - 1], above = of[t - g.width], corner = of[t - g.width - 1];
      guess = alike(corner, left) && !alike(corner, above) ? above : left;
    }
    if (alike(t, guess)) of[t] = guess;
  }
  return of;
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::token {

/// Keeps the patches of images and videos that their neighbours do not predict: PixelPrune.
///
/// Use it before the image encoder, for pages, screens and drawings, which consist largely of
/// background. A dropped patch is neither encoded nor read by the language model. `patches` is a
/// tensor, (tokens of the grid, pixel values), one row for each patch, or for each group of patches
/// that the model merges into one token. Each frame is treated by itself.
///
///     left, above, corner: the patches at those sides, as they are reconstructed
///     guess = above  if corner is like left and not like above, else left
///             left in the first row, above in the first column
///     a patch that is like its guess is dropped, and reconstructed as it; others are kept
///
/// Two patches are alike if their distance is at most tau: the largest or the mean absolute
/// difference, or the root of the mean squared one, in double. The first patch of a frame is kept.
/// With tau = 0 nothing is dropped but exact repetitions, by value: -0 is 0, and a number that is
/// not finite is like nothing.
///
/// The selection has `kept`, the patches that stay, which token::gather_rows moves to the front of
/// patches, positions and features. It also has `into`: for each patch, the place in `kept` of the
/// patch that reconstructs it. With tau = 0, row into[t] of the kept patches is equal to patch t. A
/// host can therefore copy the features of kept patches to all places, if an encoder's positions
/// allow.
///
/// The published code calls the options pred_2d and anchored, and takes one frame. The cost is three
/// distances of each patch. Memory: two numbers for each patch, and all patches as floats or doubles
/// if they are not contiguous rows of such.
/// @throws shape_error if the grid is not that of the patches, or patches have no pixels
/// @throws value_error if tau is negative or not a number, or there is no such distance
/// Source: PixelPrune (OPPO-Mente-Lab/PixelPrune), after LOCO-I (Weinberger et al. 2000).
template <tensor_argument Tensor>
selection pixel_prune(Tensor&& patches, const grid& g, const pixel_prune_options& options = {}) {
  const detail::ieee_arithmetic as_usual;
  if (!detail::is_nonnegative(options.tau))
    detail::raise<value_error>("pixel_prune: tau is at least 0, and is ", options.tau);
  if (options.distance > pixel_distance::root_mean_square)
    detail::raise<value_error>("pixel_prune: there is no distance of number ",
                               static_cast<int>(options.distance));
  return detail::with_memory("pixel_prune", [&] {
    return detail::with_source(patches, [&](const auto& source) {
      const auto rows = static_cast<std::size_t>(source.rows());
      if (rows != g.tokens())
        detail::raise<shape_error>("pixel_prune: the grid is of ", g.frames, " x ", g.height, " x ",
                                   g.width, " patches, the tensor of ", rows);
      if (rows != 0 && source.cols() == 0)
        detail::raise<shape_error>("pixel_prune: ", rows, " patches have no pixels");
      const std::vector<std::size_t> of =
          detail::predicted_patches<std::remove_cvref_t<decltype(source)>>(source, g, options);
      selection made;
      made.into.resize(rows);
      for (std::size_t t = 0; t < rows; ++t) {
        made.into[t] = of[t] == t ? made.kept.size() : made.into[of[t]];
        if (of[t] == t) made.kept.push_back(t);
      }
      return made;
    });
  });
}

}  // namespace tamp::inline TAMP_FLAGS::token
