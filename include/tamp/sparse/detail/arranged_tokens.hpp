#pragma once

/// @file
/// Activations, arranged for the loops of simd/sparse_rows.hpp.

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "../../detail/checked.hpp"
#include "../../detail/large_array.hpp"
#include "../../detail/mask_word.hpp"
#include "../../execute/executor.hpp"
#include "../../tensor/detail/erased_rows.hpp"

namespace tamp::inline TAMP_FLAGS::sparse {

/// The activations of all tokens as floats, for weights of type Value and a set of instructions.
///
/// Tokens are cut into groups. Those of a group of `vectors` vectors lie side by side, one column
/// after the other; places without a token are zero. The last tokens, if they are at most half a
/// vector, lie one after the other, each in the order of arrange_row. So do all tokens if they are
/// no more than `most_few`.
template <class Loops, class Value>
class arranged_tokens {
 public:
  using rows = tamp::detail::erased_rows<float>;
  static constexpr std::size_t lanes = Loops::template lanes<float>;

  struct group {
    std::size_t first, vectors;  // the group's first token
    const float* columns;
  };

  arranged_tokens(const tamp::detail::any_executor& exec, std::string_view who, const rows& x,
                  std::size_t most_few)
      : tokens_(x.rows()), cols_(x.cols()) {
    using namespace tamp::detail;
    const std::size_t rest = tokens_ % lanes;
    few_ = tokens_ <= most_few ? tokens_ : rest <= lanes / 2 ? rest : 0;
    many_ = tokens_ - few_;
    const std::size_t vectors = many_ / lanes + (many_ % lanes != 0);
    // The pad of a cache line keeps tokens from a distance of a power of two, at which they would
    // compete for the same places in the first-level cache.
    pitch_ = (cols_ / mask::word_bits + 1) * mask::word_bits + 64 / sizeof(float);
    const std::size_t side_by_side =
        checked_product(who, checked_product(who, vectors, lanes), cols_);
    numbers_ =
        large_array<float>(checked_sum(who, side_by_side, checked_product(who, few_, pitch_)));
    few_numbers_ = numbers_.data() + side_by_side;

    // Groups of about the same number of vectors: one vector alone is slow.
    const std::size_t groups = (vectors + Loops::most_vectors - 1) / Loops::most_vectors;
    for (std::size_t g = 0, vector = 0; g < groups; ++g) {
      const std::size_t end = vectors * (g + 1) / groups;
      float* const columns = numbers_.data() + vector * lanes * cols_;
      groups_.push_back({vector * lanes, end - vector, columns});
      arrange(exec, x, groups_.back(), columns);
      vector = end;
    }
    arrange_few(x);
  }

  std::span<const group> groups() const noexcept { return groups_; }
  std::size_t tokens() const noexcept { return tokens_; }
  /// The number of tokens in groups, which come before the others.
  std::size_t many() const noexcept { return many_; }
  std::size_t few() const noexcept { return few_; }
  const float* token(std::size_t t) const noexcept { return few_numbers_ + (t - many_) * pitch_; }
  std::size_t pitch() const noexcept { return pitch_; }

 private:
  void arrange(const tamp::detail::any_executor& exec, const rows& x, const group& g, float* to) {
    const std::size_t width = g.vectors * lanes;
    tamp::detail::for_each_range(exec, g.vectors, lanes * cols_, [&](auto begin, auto end) {
      tamp::detail::row_reader<rows> read(x);
      for (std::size_t t = begin * lanes; t < end * lanes; ++t) {
        if (g.first + t >= many_) {
          for (std::size_t j = 0; j < cols_; ++j) to[j * width + t] = 0;
          continue;
        }
        const auto row = read(g.first + t);
        for (std::size_t j = 0; j < cols_; ++j) to[j * width + t] = row[j];
      }
    });
  }

  void arrange_few(const rows& x) {
    if (few_ == 0) return;
    tamp::detail::row_reader<rows> read(x);
    for (std::size_t t = 0; t < few_; ++t)
      Loops::template arrange_row<Value>(read(many_ + t).data(), cols_, few_numbers_ + t * pitch_);
  }

  std::size_t tokens_, cols_, few_ = 0, many_ = 0, pitch_ = 0;
  tamp::detail::large_array<float> numbers_;
  float* few_numbers_ = nullptr;
  std::vector<group> groups_;
};

}  // namespace tamp::inline TAMP_FLAGS::sparse
