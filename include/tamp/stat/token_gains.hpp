#pragma once

/// @file
/// The strength with which an error at one token shows at the others, for one block and one sample.

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
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../execute/standard.hpp"
#include "../simd/attention_rows.hpp"
#include "../simd/similar_rows.hpp"
#include "../tensor/detail/finite.hpp"
#include "../tensor/detail/source.hpp"
#include "../tensor/rows.hpp"

namespace tamp::inline TAMP_FLAGS::stat {

/// The gains of one block for one sample, (tokens, tokens): entry (i, j) is the energy at token i
/// behind the block that an error of energy 1 at token j in front of it makes there by way of other
/// tokens. The residual stream, which carries every error on at its own token, is not part of it.
///
/// stat::contribution_gain makes gains of attention. A host may hand in gains of its own, such as
/// those of a block without attention. stat::token_reach runs them backwards. Gains have no unit.
///
/// Each row is stored from its first to its last entry that is not 0: half a matrix for causal
/// attention, a band for a sliding window. Memory: 4 bytes for each entry stored, and 16 bytes for
/// each token.
class [[nodiscard]] token_gains {
 public:
  /// A row's entries from column `first` on. Those before and after are 0.
  struct row_part {
    std::size_t first = 0;
    std::span<const float> numbers;
  };

  /// No tokens.
  token_gains() = default;

  /// Copies a full matrix of gains, (tokens, tokens), of any tensor that tamp can read. Entries are
  /// rounded to float.
  /// @throws shape_error if it is not square
  /// @throws value_error if an entry is negative, not finite, or too large for a float
  template <executor E, tensor_argument Gains>
  token_gains(const E& exec, const Gains& gains) {
    const detail::ieee_arithmetic as_usual;
    detail::with_source(gains, [&](const auto& source) { copy(exec, source); });
  }
  template <tensor_argument Gains>
  explicit token_gains(const Gains& gains) : token_gains(execute::standard{}, gains) {}

  static constexpr std::string_view label() { return "token_gains"; }

  std::size_t tokens() const noexcept { return rows_.size(); }

  /// Row i. Requires i < tokens().
  row_part row(std::size_t i) const noexcept {
    TAMP_EXPECTS(i < tokens(), "token_gains: row ", i, " of ", tokens());
    return {rows_[i].first, {numbers_.data() + rows_[i].begin, size_of(i)}};
  }
  /// Entry (i, j). Requires i < tokens() and j < tokens().
  float operator()(std::size_t i, std::size_t j) const noexcept {
    TAMP_EXPECTS(j < tokens(), "token_gains: column ", j, " of ", tokens());
    const row_part part = row(i);
    return j < part.first || j - part.first >= part.numbers.size() ? 0.0f
                                                                   : part.numbers[j - part.first];
  }

  /// Multiplies each row by a factor: one for each token. A host whose attention's output passes
  /// through a norm before it is added to the residual stream scales by the square of what the norm
  /// multiplies token i by.
  /// @throws shape_error if there is not one factor for each token
  /// @throws value_error if a factor is negative or not finite, or an entry would be too large for
  ///         a float; nothing is scaled then
  token_gains& scale_rows(std::span<const double> factors) {
    const detail::ieee_arithmetic as_usual;
    if (factors.size() != tokens())
      detail::raise<shape_error>("token_gains: ", factors.size(), " factors for ", tokens(),
                                 " tokens");
    detail::check_list(label(), "factors", factors);
    for (std::size_t i = 0; i < tokens(); ++i)
      if (!detail::is_nonnegative(factors[i]))
        detail::raise<value_error>("token_gains: the factor of token ", i, " is ", factors[i]);
    token_gains scaled = *this;
    for (std::size_t i = 0; i < tokens(); ++i) {
      float* const row = scaled.numbers_.data() + rows_[i].begin;
      detail::with_similar_rows([&](auto loops) {
        loops.scale(numbers_.data() + rows_[i].begin, size_of(i), factors[i], row);
      });
      for (std::size_t k = 0; k < size_of(i); ++k)
        if (!is_finite(row[k])) refuse_size(i, rows_[i].first + k);
    }
    scaled.trim();
    std::swap(*this, scaled);
    return *this;
  }

  friend bool operator==(const token_gains&, const token_gains&) = default;

 private:
  template <executor E, class Source>
  void copy(const E& exec, const Source& source) {
    const auto tokens = static_cast<std::size_t>(source.rows());
    if (static_cast<std::size_t>(source.cols()) != tokens)
      detail::raise<shape_error>("token_gains: a matrix of ", tokens, " x ", source.cols(),
                                 " is not tokens by tokens");
    auto rows = detail::checked_array<extent>(label(), tokens);
    detail::first_row broken;
    detail::for_each_range(exec, tokens, tokens, [&](std::size_t begin, std::size_t end) {
      float_rows<Source> read(source);
      for (std::size_t i = begin; i < end; ++i)
        if (const std::span<const float> row = read(i); row.empty())
          broken.note(i);
        else
          rows[i] = extent_of(row);
    });
    if (broken.any()) refuse(source, broken.row());
    set_extents(std::move(rows));
    detail::for_each_range(exec, tokens, tokens, [&](std::size_t begin, std::size_t end) {
      float_rows<Source> read(source);
      for (std::size_t i = begin; i < end; ++i)
        if (const extent part = rows_[i]; size_of(i) != 0)
          std::copy_n(read(i).data() + part.first, size_of(i), numbers_.data() + part.begin);
    });
  }

  // The first column of a row, and the place of its number. The next row begins where it ends.
  struct extent {
    std::size_t first = 0, begin = 0;
    friend bool operator==(const extent&, const extent&) = default;
  };

  // Reads rows, rounded to float. A row that is no row of gains is read as empty.
  template <class Source>
  class float_rows {
   public:
    explicit float_rows(const Source& source) : read_(source) {}
    std::span<const float> operator()(std::size_t i) {
      const auto row = read_(i);
      const bool is_usable = detail::with_attention_rows(
          [&](auto loops) { return loops.are_attention(row.data(), row.size()); });
      if (!is_usable) return {};
      if constexpr (std::is_same_v<detail::row_value<Source>, float>) {
        return row;
      } else {
        buffer_.resize(row.size());
        detail::with_similar_rows(
            [&](auto loops) { loops.scale(row.data(), row.size(), 1.0, buffer_.data()); });
        const bool fits = detail::with_attention_rows(
            [&](auto loops) { return loops.are_attention(buffer_.data(), buffer_.size()); });
        return fits ? std::span<const float>(buffer_) : std::span<const float>();
      }
    }

   private:
    detail::row_reader<Source> read_;
    std::vector<float> buffer_;
  };

  // Returns the part of a row from its first to its last number that is not 0; `begin` is its size.
  static extent extent_of(std::span<const float> row) noexcept {
    return detail::with_attention_rows([&](auto loops) -> extent {
      const std::size_t past = loops.past_last_nonzero(row.data(), row.size());
      if (past == 0) return {};
      const std::size_t first = loops.first_nonzero(row.data(), past);
      return {first, past - first};
    });
  }
  // Takes first columns and sizes, and makes room for the numbers.
  void set_extents(std::vector<extent> rows) {
    std::size_t end = 0;
    for (extent& row : rows) row.begin = std::exchange(end, end + row.begin);
    numbers_ = detail::checked_array<float>(label(), end);
    rows_ = std::move(rows);
  }
  std::size_t size_of(std::size_t i) const noexcept {
    return (i + 1 < rows_.size() ? rows_[i + 1].begin : numbers_.size()) - rows_[i].begin;
  }
  // Removes zeros from the ends of rows.
  void trim() {
    std::vector<extent> rows(tokens());
    std::vector<float> numbers;
    numbers.reserve(numbers_.size());
    for (std::size_t i = 0; i < tokens(); ++i) {
      const row_part old = row(i);
      const extent kept = extent_of(old.numbers);
      const auto part = old.numbers.subspan(kept.first, kept.begin);
      rows[i] = {part.empty() ? 0 : old.first + kept.first, numbers.size()};
      numbers.insert(numbers.end(), part.begin(), part.end());
    }
    rows_ = std::move(rows);
    numbers_ = std::move(numbers);
  }

  [[noreturn]] static void refuse_size(std::size_t i, std::size_t j) {
    detail::raise<value_error>("token_gains: the gain from token ", j, " to token ", i,
                               " is too large for a float");
  }
  template <class Source>
  [[noreturn]] static void refuse(const Source& source, std::size_t i) {
    detail::row_reader<Source> read(source);
    const auto row = read(i);
    for (std::size_t j = 0; j < row.size(); ++j)
      if (!detail::is_nonnegative(row[j]))
        detail::raise<value_error>("token_gains: the gain from token ", j, " to token ", i, " is ",
                                   row[j]);
    for (std::size_t j = 0; j < row.size(); ++j)
      if (!is_finite(static_cast<float>(row[j]))) refuse_size(i, j);
    detail::raise<value_error>("token_gains: row ", i, " changes while it is read");
  }

  std::vector<extent> rows_;
  std::vector<float> numbers_;
};

}  // namespace tamp::inline TAMP_FLAGS::stat
