#pragma once

/// @file
/// The cosines of some of a matrix's rows with all rows of a choice.

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "../rows_view.hpp"
#include "cosines_of_all.hpp"
#include "row_products.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The cosines of chosen rows with all chosen rows, of which `asked` rows will be asked for. Few are
/// made one by one, from the rows; for many it is faster to make those of all pairs at once. The two
/// differ by rounding. Cosines of rows of length zero and of copies are as in row_products.
/// Memory: that of row_products, or of cosines_of_all.
class cosine_rows {
 public:
  cosine_rows(std::string_view who, const token::rows_view& rows,
              std::span<const std::size_t> chosen, std::size_t asked)
      : chosen_(chosen) {
    if (asked >= chosen.size() / few)
      all_.emplace(who, rows, chosen);
    else
      pairs_.emplace(rows, chosen);
  }

  /// True if chosen row i is of length zero.
  bool is_zero(std::size_t i) const {
    return all_ ? (*all_)[i][i] == 0 : pairs_->is_zero(chosen_[i]);
  }
  /// Returns the cosines of chosen row i and all chosen rows. They are valid until the next call.
  std::span<const double> operator()(std::size_t i) {
    if (all_) return (*all_)[i];
    row_.resize(chosen_.size());
    for (std::size_t t = 0; t < row_.size(); ++t) row_[t] = pairs_->cosine(chosen_[i], chosen_[t]);
    return row_;
  }

 private:
  static constexpr std::size_t few = 16;  // a row of pairs takes as long as so many parts of all

  std::span<const std::size_t> chosen_;
  std::optional<cosines_of_all> all_;
  std::optional<row_products<float>> pairs_;
  std::vector<double> row_;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
