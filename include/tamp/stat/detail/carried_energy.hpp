#pragma once

/// @file
/// The energies of what attention carries from token to token.

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "../../detail/checked.hpp"
#include "../../detail/ieee_arithmetic.hpp"
#include "../../detail/large_array.hpp"
#include "../../detail/number_range.hpp"
#include "../../detail/special_numbers.hpp"
#include "../../error.hpp"
#include "../../execute/executor.hpp"
#include "../../simd/attention_rows.hpp"
#include "../../simd/head_energies.hpp"
#include "../../simd/packed_rows.hpp"
#include "../../simd/similar_rows.hpp"
#include "../../tensor/detail/finite.hpp"
#include "../../tensor/rows.hpp"
#include "../token_gains.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The numbers that the shapes of a block's attention tell.
struct attention_shape {
  std::size_t tokens = 0, heads = 0, kv_heads = 0, head_dim = 0, hidden = 0;
};

/// @throws shape_error if the shapes contradict each other
template <class Attention, class Values, class Projection, class Residual>
attention_shape shape_of_attention(std::string_view who, const Attention& attention,
                                   const Values& values, const Projection& projection,
                                   const Residual& residual) {
  const auto rows = [](const auto& m) { return static_cast<std::size_t>(m.rows()); };
  const auto cols = [](const auto& m) { return static_cast<std::size_t>(m.cols()); };
  attention_shape s;
  s.tokens = cols(attention);
  s.hidden = rows(projection);
  if (s.tokens == 0 ? rows(attention) != 0 : rows(attention) % s.tokens != 0)
    raise<shape_error>(who, ": attention of ", rows(attention), " x ", s.tokens,
                       " is not heads * tokens by tokens");
  if (rows(values) != s.tokens)
    raise<shape_error>(who, ": attention is to ", s.tokens, " tokens, the values are of ",
                       rows(values));
  if (rows(residual) != s.tokens)
    raise<shape_error>(who, ": attention is to ", s.tokens, " tokens, the residual stream has ",
                       rows(residual));
  if (cols(residual) != s.hidden)
    raise<shape_error>(who, ": the output projection has ", s.hidden,
                       " rows, the residual stream has ", cols(residual), " features");
  if (s.tokens == 0) return s;
  s.heads = rows(attention) / s.tokens;
  if (s.heads == 0) raise<shape_error>(who, ": attention to ", s.tokens, " tokens has no heads");
  if (s.heads > 0xffffffffu)  // so that pairs of heads can be counted
    raise<shape_error>(who, ": ", s.heads, " heads are more than memory can hold");
  s.head_dim = cols(projection) / s.heads;
  if (s.head_dim == 0 || cols(projection) % s.heads != 0)
    raise<shape_error>(who, ": the output projection's ", cols(projection), " columns are not ",
                       s.heads, " heads of one length");
  s.kv_heads = cols(values) / s.head_dim;
  if (s.kv_heads == 0 || cols(values) % s.head_dim != 0)
    raise<shape_error>(who, ": values of ", cols(values), " features are not heads of ",
                       s.head_dim);
  if (s.heads % s.kv_heads != 0)
    raise<shape_error>(who, ": ", s.heads, " heads do not share ", s.kv_heads,
                       " heads of values alike");
  return s;
}

/// The algorithm of stat::contribution_gain.
///
/// For a tile of tokens and some features at a time, packed products make c_h = Wo_h v_kv(h), and
/// the products of all pairs of heads are added up over the features: heads^2 / 2 numbers a token.
/// Every gain is then a quadratic form of the attentions of all heads. The tiles of tokens are the
/// same in both steps.
template <executor E, class Attention, class Values, class Projection, class Residual>
class carried_energy {
 public:
  carried_energy(const E& exec, const Attention& attention, const Values& values,
                 const Projection& projection, const Residual& residual)
      : exec_(exec),
        attention_(attention),
        values_(values),
        projection_(projection),
        residual_(residual),
        shape_(shape_of_attention(who, attention, values, projection, residual)),
        tiles_((shape_.tokens + head_tokens - 1) / head_tokens),
        tile_size_(checked_product(who, head_pairs(shape_.heads), head_tokens)) {}

  stat::token_gains gains() {
    const ieee_arithmetic as_usual;
    if (shape_.tokens == 0) return {};
    checked_matrix(who, shape_.tokens, shape_.tokens, sizeof(float));
    products_ = zeros(checked_product(who, tiles_, tile_size_));
    sizes_ = checked_array<double>(who, tiles_ * head_tokens, infinity<double>);
    unusable_ = checked_array<unsigned char>(who, shape_.tokens);
    add_products();
    const large_array<float> energies = all_energies();
    return {exec_, matrix_view<const float>(energies.data(), shape_.tokens, shape_.tokens)};
  }

 private:
  static constexpr std::string_view who = "contribution_gain";
  static constexpr std::size_t rows_at_once = 192;  // of the output projection
  static constexpr std::size_t queries_at_once = 8;
  static constexpr std::size_t queries_of_strip = 32;

  using attention_value = row_value<Attention>;

  // Returns zeros that begin at a cache line, so that no vector lies across two of them.
  static large_array<double> zeros(std::size_t count) {
    large_array<double> numbers(count);
    std::fill_n(numbers.data(), count, 0.0);
    return numbers;
  }

  // Packs the values and finds the sizes of the tokens. A token that cannot be used is packed as
  // zeros. It is refused if a query attends to it.
  std::vector<packed_rows<double>> packed_values() {
    return pack_slices<double>(exec_, shape_.tokens, shape_.kv_heads, shape_.head_dim, [&] {
      return [&, read = row_reader<Values>(values_),
              read_residual = row_reader<Residual>(residual_)](std::size_t t, double* to) mutable {
        const auto row = read(t);
        const auto x = read_residual(t);
        const double size =
            with_similar_rows([&](auto loops) { return loops.dot(x.data(), x.data(), x.size()); });
        const bool is_usable = is_finite(size) && with_finite_checks([&](auto loops) {
                                 return loops.row_is_finite(row.data(), row.size());
                               });
        unusable_[t] = is_usable ? 0 : 1;
        if (!is_usable) {
          std::fill_n(to, row.size(), 0.0);
          return;
        }
        if (size > 0) sizes_[t] = size;
        with_similar_rows([&](auto loops) { loops.scale(row.data(), row.size(), 1.0, to); });
      };
    });
  }

  // Packs rows [first, first + count) of the output projection, for each head.
  std::vector<packed_rows<double>> packed_projection(std::size_t first, std::size_t count) {
    first_row broken;
    auto packed = pack_slices<double>(exec_, count, shape_.heads, shape_.head_dim, [&] {
      return [&, read = row_reader<Projection>(projection_)](std::size_t k, double* to) mutable {
        const auto row = read(first + k);
        const bool is_usable = with_finite_checks(
            [&](auto loops) { return loops.row_is_finite(row.data(), row.size()); });
        if (!is_usable) return broken.note(first + k);
        with_similar_rows([&](auto loops) { loops.scale(row.data(), row.size(), 1.0, to); });
      };
    });
    if (broken.any())
      if (const auto at = first_not_finite(projection_, broken.row(), broken.row() + 1))
        raise<value_error>(who, ": the output projection's row ", at.row, ", column ", at.column,
                           " is ", at.value);
    return packed;
  }

  // Adds up the products of all pairs of heads, for each token.
  void add_products() {
    const auto values = packed_values();
    for (std::size_t first = 0; first < shape_.hidden; first += rows_at_once) {
      const std::size_t count = (std::min)(rows_at_once, shape_.hidden - first);
      const auto heads = packed_projection(first, count);
      for_each_range(exec_, tiles_, [&](std::size_t begin, std::size_t end) {
        const large_array<double> room(shape_.heads * head_pitch());
        for (std::size_t tile = begin; tile < end; ++tile)
          for (std::size_t f = 0; f < count; f += features_at_once())
            add_products_of_tile(values, heads, tile, f, room);
      });
    }
    for (std::size_t tile = 0; tile < tiles_; ++tile) finish_products(tile);
  }

  // The part of all heads that one thread has at a time stays in the second-level cache.
  std::size_t features_at_once() const noexcept {
    constexpr std::size_t step = 24, most = std::size_t{1} << 15;
    const std::size_t fitting = most / (shape_.heads * head_tokens) / step * step;
    return std::clamp(fitting, step, rows_at_once);
  }
  // Heads a power of two apart would compete for the same few places of the cache.
  std::size_t head_pitch() const noexcept { return features_at_once() * head_tokens + 8; }

  void add_products_of_tile(const std::vector<packed_rows<double>>& values,
                            const std::vector<packed_rows<double>>& heads, std::size_t tile,
                            std::size_t f, const large_array<double>& room) {
    std::fill_n(room.data(), shape_.heads * head_pitch(), 0.0);
    const std::size_t group = shape_.heads / shape_.kv_heads;
    for (std::size_t h = 0; h < shape_.heads; ++h)
      heads[h].add_products(values[h / group], f, tile * head_tokens, features_at_once(),
                            head_tokens, false, room.data() + h * head_pitch(), head_tokens);
    with_head_energies([&](auto loops) {
      loops.add_head_products(room.data(), head_pitch(),
                              (std::min)(features_at_once(), heads[0].rows() - f), shape_.heads,
                              products_.data() + tile * tile_size_);
    });
  }

  // Makes the quadratic form of the products. A token whose products are too large is unusable.
  void finish_products(std::size_t tile) {
    double* const products = products_.data() + tile * tile_size_;
    with_head_energies([&](auto loops) {
      for (std::size_t k = 0; k < head_tokens; ++k) {
        bool is_usable = true;
        for (std::size_t h = 0; h < shape_.heads; ++h)
          is_usable &=
              is_nonnegative(products[loops.pair_place(shape_.heads, h, h) * head_tokens + k]);
        if (is_usable) continue;
        unusable_[tile * head_tokens + k] = 1;
        for (std::size_t p = k; p < tile_size_; p += head_tokens) products[p] = 0;
      }
      loops.double_unequal_heads(shape_.heads, products);
    });
  }

  // The attention of a few queries, all heads of each, with room for whole tiles, which is zero.
  struct few_queries {
    std::size_t pitch = 0;
    std::vector<attention_value> numbers;
    std::size_t begin[queries_at_once] = {}, end[queries_at_once] = {};
  };

  // Computes the gains of all queries, row-major.
  large_array<float> all_energies() {
    large_array<float> energies(shape_.tokens * shape_.tokens);
    const std::size_t strips = (shape_.tokens + queries_of_strip - 1) / queries_of_strip;
    first_row broken, unusable, too_large;
    const bool any_unusable =
        std::any_of(unusable_.begin(), unusable_.end(), [](unsigned char is) { return is != 0; });
    // The later a causal query, the more it attends to: a strip goes with one from the other end.
    for_each_range(exec_, (strips + 1) / 2, [&](std::size_t first, std::size_t past) {
      std::vector<row_reader<Attention>> readers;
      for (std::size_t h = 0; h < shape_.heads; ++h) readers.emplace_back(attention_);
      few_queries few;
      few.pitch = tiles_ * head_tokens;
      few.numbers.resize(queries_at_once * shape_.heads * few.pitch);
      const large_array<double> room(shape_.heads * head_tokens);
      const auto work = [&](std::size_t strip) {
        const std::size_t end = (std::min)((strip + 1) * queries_of_strip, shape_.tokens);
        for (std::size_t i = strip * queries_of_strip; i < end; i += queries_at_once) {
          const std::size_t count = (std::min)(queries_at_once, end - i);
          read_queries(readers, i, count, few, broken);
          if (any_unusable) note_unusable(few, count, unusable);
          write_energies(i, count, few, room, energies.data(), too_large);
        }
      };
      for (std::size_t strip = first; strip < past; ++strip) {
        work(strip);
        if (strips - 1 - strip != strip) work(strips - 1 - strip);
      }
    });
    if (broken.any()) refuse_attention(broken.row());
    if (unusable.any()) refuse_token(unusable.row());
    if (too_large.any()) refuse_gain(energies.data(), too_large.row());
    return energies;
  }

  // Reads the attention of queries [first, first + count), and the range of tokens to which each
  // attends.
  void read_queries(std::vector<row_reader<Attention>>& readers, std::size_t first,
                    std::size_t count, few_queries& few, first_row& broken) {
    with_attention_rows([&](auto loops) {
      for (std::size_t q = 0; q < count; ++q) {
        few.begin[q] = shape_.tokens;
        few.end[q] = 0;
      }
      for (std::size_t h = 0; h < shape_.heads; ++h)
        for (std::size_t q = 0; q < count; ++q) {
          const std::size_t at = h * shape_.tokens + first + q;
          const auto row = readers[h](at);
          if (!loops.are_attention(row.data(), row.size())) broken.note(at);
          std::copy(row.begin(), row.end(),
                    few.numbers.begin() +
                        static_cast<std::ptrdiff_t>((q * shape_.heads + h) * few.pitch));
          const std::size_t past = loops.past_last_nonzero(row.data(), row.size());
          if (past == 0) continue;
          few.end[q] = (std::max)(few.end[q], past);
          few.begin[q] = (std::min)(few.begin[q], loops.first_nonzero(row.data(), past));
        }
    });
  }

  // Notes the tokens that cannot be used, and that queries attend to.
  void note_unusable(const few_queries& few, std::size_t count, first_row& unusable) const {
    for (std::size_t q = 0; q < count; ++q)
      for (std::size_t j = few.begin[q]; j < few.end[q]; ++j)
        for (std::size_t h = 0; h < shape_.heads && unusable_[j] != 0; ++h)
          if (few.numbers[(q * shape_.heads + h) * few.pitch + j] != 0) unusable.note(j);
  }

  // Writes the gains of queries [first, first + count). The products of a tile of tokens stay in
  // the cache for all of them.
  void write_energies(std::size_t first, std::size_t count, const few_queries& few,
                      const large_array<double>& room, float* energies,
                      first_row& too_large) const {
    for (std::size_t left = 0; left < shape_.tokens; left += head_tokens) {
      const std::size_t width = (std::min)(head_tokens, shape_.tokens - left);
      for (std::size_t q = 0; q < count; ++q) {
        float* const out = energies + (first + q) * shape_.tokens + left;
        if (few.begin[q] >= left + width || few.end[q] <= left) {
          std::fill_n(out, width, 0.0f);
          continue;
        }
        float part[head_tokens];
        with_head_energies([&](auto loops) {
          loops.energies_by_size(few.numbers.data() + q * shape_.heads * few.pitch + left,
                                 few.pitch, shape_.heads,
                                 products_.data() + left / head_tokens * tile_size_,
                                 sizes_.data() + left, room.data(), part);
        });
        std::copy_n(part, width, out);
      }
    }
    for (std::size_t i = first; i < first + count; ++i)
      with_finite_checks([&](auto loops) {
        if (!loops.row_is_finite(energies + i * shape_.tokens, shape_.tokens)) too_large.note(i);
      });
  }

  [[noreturn]] void refuse_attention(std::size_t at) const {
    row_reader<Attention> read(attention_);
    const auto row = read(at);
    std::size_t j = 0;
    while (j + 1 < row.size() && is_nonnegative(row[j])) ++j;
    raise<value_error>(who, ": the attention of head ", at / shape_.tokens, ", query ",
                       at % shape_.tokens, " to token ", j, " is ", row[j]);
  }
  [[noreturn]] void refuse_token(std::size_t t) const {
    const auto look = [&](const auto& tensor, std::string_view what) {
      if (const auto at = first_not_finite(tensor, t, t + 1))
        raise<value_error>(who, ": ", what, " of token ", t, ", feature ", at.column, " is ",
                           at.value);
    };
    look(values_, "the value");
    look(residual_, "the residual stream");
    raise<value_error>(who, ": the squares of token ", t, " are too large to be summed");
  }
  [[noreturn]] void refuse_gain(const float* energies, std::size_t i) const {
    std::size_t j = 0;
    while (j + 1 < shape_.tokens && is_finite(energies[i * shape_.tokens + j])) ++j;
    raise<value_error>(who, ": the gain from token ", j, " to token ", i,
                       " is too large for a float");
  }

  const E& exec_;
  const Attention& attention_;
  const Values& values_;
  const Projection& projection_;
  const Residual& residual_;
  attention_shape shape_;
  std::size_t tiles_, tile_size_;
  large_array<double> products_;  // (tiles, pairs of heads, head_tokens)
  std::vector<double> sizes_;     // squares of the residual stream; infinite for a token of zeros
  std::vector<unsigned char> unusable_;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
