#pragma once

/// @file
/// Products of sparse weights with activations.

#include <algorithm>
#include <array>
#include <cstddef>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/large_array.hpp"
#include "../element.hpp"
#include "../error.hpp"
#include "../execute/operation.hpp"
#include "../simd/sparse_rows.hpp"
#include "../tensor/detail/apart.hpp"
#include "../tensor/detail/erased_rows.hpp"
#include "../tensor/detail/source.hpp"
#include "../tensor/traits.hpp"
#include "detail/arranged_tokens.hpp"
#include "detail/row_source.hpp"
#include "matrix.hpp"

namespace tamp::inline TAMP_FLAGS::sparse {

/// The type of sparse::multiply.
struct multiply_operation : tamp::detail::operation<multiply_operation> {
  using tamp::detail::operation<multiply_operation>::operator();

  template <executor E, class Weight, class X, class Y>
  void operator()(const E& exec, const Weight& weight, const X& x, Y&& y) const {
    constexpr bool is_weight = sparse_weight<Weight> || tensor_argument<Weight>;
    static_assert(is_weight,
                  "multiply(where, S, X, Y): the weight comes first, a sparse::matrix, a "
                  "sparse::view or a dense tensor; then the activations, then the result");
    constexpr bool is_dense = !sparse_weight<X>;
    static_assert(is_dense,
                  "a sparse weight stands where the activations belong: the order is "
                  "multiply(where, S, X, Y), the weight first");
    if constexpr (is_weight && is_dense && check_result<Y>()) {
      const tamp::detail::any_executor on(exec);
      tamp::detail::with_memory("multiply", [&] {
        with_activations(x, [&](const activations& from) {
          with_result(y, [&](const auto& to) { multiply_into(on, weight, from, to); });
        });
      });
    }
  }

 private:
  template <class Y>
  static consteval bool check_result() {
    constexpr bool is_in_memory = viewable<Y> || any_tensor<Y> || std::ranges::contiguous_range<Y>;
    static_assert(is_in_memory,
                  "multiply: the result has elements in memory: it is a strided tensor, (tokens, "
                  "rows), or for one token any contiguous range of numbers");
    if constexpr (any_tensor<Y>) {
      return true;
    } else if constexpr (is_in_memory) {
      using element = std::remove_pointer_t<decltype(tensor_of(std::declval<Y&>()).data())>;
      static_assert(!std::is_const_v<element>,
                    "multiply: the result is const and cannot be written");
      return !std::is_const_v<element>;
    }
    return false;
  }

  // A range of numbers is the activations of one token.
  template <class T>
  static decltype(auto) tensor_of(T&& numbers) {
    if constexpr (tensor_argument<T>) {
      return tamp::detail::source(numbers);
    } else {
      static_assert(std::ranges::contiguous_range<T>,
                    "activations and results are tensors, (tokens, features), or for one token any "
                    "contiguous range of numbers");
      return tamp::detail::source(std::span(numbers));
    }
  }

  // Activations are arranged as floats and results are sums of floats, so that the loops need not be
  // compiled for every type of either.
  using activations = tamp::detail::erased_rows<float>;
  template <class X, class Use>
  static void with_activations(const X& x, const Use& use) {
    if constexpr (any_tensor<X>) {
      tamp::detail::with_rows_of<float>(x, use);
    } else {
      const auto& form = tensor_of(x);
      use(activations(tamp::detail::erased_tensor(form)));
    }
  }
  template <class Y>
  static consteval bool can_hold_results() {
    if constexpr (viewable<Y>) return sizeof(typename tamp::detail::view_of<Y>::value_type) > 1;
    return false;
  }
  template <class Y, class Use>
  static void with_result(Y& y, const Use& use) {
    if constexpr (any_tensor<Y>)
      tamp::detail::with_target(y, [&](auto& to) {
        if constexpr (can_hold_results<decltype(to)>())
          use(to);
        else
          tamp::detail::raise<value_error>(
              "multiply: results of 8 bits, or without elements in memory, are not written");
      });
    else
      use(tensor_of(y));
  }

  template <class Weight, class T>
  static void multiply_into(const tamp::detail::any_executor& exec, const Weight& weight,
                            const activations& x, matrix_view<T> y) {
    const auto [rows, cols] = shape_of(weight);
    check_shapes(rows, cols, x, y);
    if (y.empty()) return;
    if constexpr (std::is_same_v<T, float>) {
      multiply(exec, weight, x, y);
    } else {
      tamp::detail::large_array<float> memory(
          tamp::detail::checked_product("multiply", y.rows(), y.cols()));
      const matrix_view<float> sums(memory.data(), y.rows(), y.cols());
      multiply(exec, weight, x, sums);
      tamp::detail::for_each_range(
          exec, y.rows(), y.cols(), [&](std::size_t begin, std::size_t end) {
            for (std::size_t t = begin; t < end; ++t)
              for (std::size_t i = 0; i < y.cols(); ++i)
                y(t, i) = element_traits<T>::store(static_cast<compute_type<T>>(sums(t, i)));
          });
    }
  }

  template <class Weight>
  static std::pair<std::size_t, std::size_t> shape_of(const Weight& weight) {
    const auto shape = [](const auto& w) {
      return std::pair(static_cast<std::size_t>(w.rows()), static_cast<std::size_t>(w.cols()));
    };
    if constexpr (sparse_weight<Weight>)
      return shape(sparse::view_of(weight));
    else
      return tamp::detail::with_source(weight, shape);
  }

  template <class Weight>
  static void multiply(const tamp::detail::any_executor& exec, const Weight& weight,
                       const activations& x, matrix_view<float> y) {
    if constexpr (sparse_weight<Weight>)
      multiply_kept(exec, sparse::view_of(weight), x, y);
    else
      tamp::detail::with_source(weight, [&](const auto& w) { multiply_dense(exec, w, x, y); });
  }

  template <class Source>
  static void multiply_dense(const tamp::detail::any_executor& exec, const Source& w,
                             const activations& x, matrix_view<float> y) {
    if constexpr (tamp::detail::is_view<Source>) {
      using element = typename Source::value_type;
      if constexpr (storable<element> && !tamp::detail::is_scaled<element>)
        if (w.contiguous_rows()) return multiply_stored<element>(exec, w, x, y);
    }
    multiply_read(exec, tamp::detail::erased_rows<float>(tamp::detail::erased_tensor(w)), x, y);
  }

  // The rows of a weight in each of its forms.
  template <class T>
  static void multiply_kept(const tamp::detail::any_executor& exec, const view<T>& s,
                            const activations& x, matrix_view<float> y) {
    run<T>(exec, s.rows(), s.cols(), x, y, [&] { return kept_rows<T>(s); });
  }
  template <class T>
  static void multiply_stored(const tamp::detail::any_executor& exec, matrix_view<const T> w,
                              const activations& x, matrix_view<float> y) {
    run<T>(exec, w.rows(), w.cols(), x, y, [&] { return stored_rows<T>(w); });
  }
  static void multiply_read(const tamp::detail::any_executor& exec,
                            const tamp::detail::erased_rows<float>& w, const activations& x,
                            matrix_view<float> y) {
    run<float>(exec, w.rows(), w.cols(), x, y, [&] { return read_rows(w); });
  }

  template <class Value, class Rows>
  static void run(const tamp::detail::any_executor& exec, std::size_t rows, std::size_t cols,
                  const activations& x, matrix_view<float> y, const Rows& rows_of) {
    tamp::detail::with_sparse_rows([&](auto loops) {
      constexpr std::size_t most_few = decltype(rows_of())::template most_few<decltype(loops)>;
      const arranged_tokens<decltype(loops), Value> tokens(exec, "multiply", x, most_few);
      tamp::detail::for_each_range(
          exec, rows, work(cols, tokens.tokens()), [&](std::size_t begin, std::size_t end) {
            auto source = rows_of();
            if (tokens.few() != 0) multiply_few(loops, source, begin, end, cols, tokens, y);
            for (const auto& group : tokens.groups())
              with_count<1, decltype(loops)::most_vectors>(group.vectors, [&](auto vectors) {
                multiply_group<vectors()>(loops, source, begin, end, cols, group, tokens.many(), y);
              });
          });
    });
  }

  static std::size_t work(std::size_t cols, std::size_t tokens) noexcept {
    return tamp::detail::product_fits(cols, tokens) ? cols * tokens : tamp::detail::most_elements;
  }

  // Each row is multiplied with a few tokens at a time, or two rows with one token.
  template <class Loops, class Source, class Tokens>
  static void multiply_few(Loops loops, Source& source, std::size_t begin, std::size_t end,
                           std::size_t cols, const Tokens& tokens, matrix_view<float> y) {
    for (std::size_t i = begin; i < end; ++i) {
      if constexpr (Source::template has_pairs<Loops>)
        if (tokens.few() == 1 && i + 1 < end && source.is_pair(loops, i)) {
          const std::array pair{source(i), source(i + 1)};
          multiply_rows<1>(loops, pair, i, cols, tokens, tokens.many(), y);
          ++i;
          continue;
        }
      const std::array row{source(i)};
      for (std::size_t t = tokens.many(); t < tokens.tokens();) {
        const std::size_t left = (std::min)(tokens.tokens() - t, Loops::most_tokens);
        const std::size_t count = left == 3 ? 2 : left;
        with_token_count<Loops::most_tokens>(count, [&](auto at_once) {
          multiply_rows<at_once()>(loops, row, i, cols, tokens, t, y);
        });
        t += count;
      }
    }
  }

  // Rows from row i on are multiplied with tokens from token t on.
  template <std::size_t Count, class Loops, class Row, std::size_t Rows, class Tokens>
  static void multiply_rows(Loops loops, const std::array<Row, Rows>& rows, std::size_t i,
                            std::size_t cols, const Tokens& tokens, std::size_t t,
                            matrix_view<float> y) {
    float sums[Count][Rows];
    loops.template multiply_rows<Count>(rows, cols, tokens.token(t), tokens.pitch(), sums[0], Rows);
    for (std::size_t k = 0; k < Count; ++k)
      for (std::size_t r = 0; r < Rows; ++r) y(t + k, i + r) = sums[k][r];
  }

  // Some rows take turns, block of columns by block of columns, so that the activations of a block
  // stay in the first-level cache.
  template <std::size_t Vectors, class Loops, class Source, class Group>
  static void multiply_group(Loops loops, Source& source, std::size_t begin, std::size_t end,
                             std::size_t cols, const Group& group, std::size_t tokens,
                             matrix_view<float> y) {
    constexpr std::size_t width = Vectors * Loops::template lanes<float>;
    constexpr std::size_t rows = 32, block = 128;
    alignas(64) float sums[rows * width];
    for (std::size_t top = begin; top < end; top += rows) {
      const std::size_t height = (std::min)(rows, end - top);
      std::size_t next[rows] = {};
      std::fill_n(sums, height * width, 0.0f);
      for (std::size_t j = 0; j < cols; j += block)
        for (std::size_t r = 0; r < height; ++r)
          source.template add<Vectors>(loops, top + r, j, (std::min)(j + block, cols), next[r],
                                       group.columns, sums + r * width);
      for (std::size_t t = 0; t < width && group.first + t < tokens; ++t)
        for (std::size_t r = 0; r < height; ++r) y(group.first + t, top + r) = sums[r * width + t];
    }
  }

  // Calls use with a number as a constant.
  template <std::size_t From, std::size_t To, class Use>
  static void with_count(std::size_t count, const Use& use) {
    if constexpr (From < To)
      if (count != From) return with_count<From + 1, To>(count, use);
    use(std::integral_constant<std::size_t, From>{});
  }
  template <std::size_t Most, class Use>
  static void with_token_count(std::size_t count, const Use& use) {
    if (count == 1) return use(std::integral_constant<std::size_t, 1>{});
    if constexpr (Most > 2)
      if (count != 2) return use(std::integral_constant<std::size_t, 4>{});
    use(std::integral_constant<std::size_t, 2>{});
  }

  template <class T>
  static void check_shapes(std::size_t rows, std::size_t cols, const activations& x,
                           matrix_view<T> y) {
    const std::size_t tokens = x.rows(), features = x.cols();
    if (features != cols)
      tamp::detail::raise<shape_error>("multiply: the activations have ", features,
                                       " features, the weight ", cols, " columns");
    if (y.rows() != tokens || y.cols() != rows)
      tamp::detail::raise<shape_error>("multiply: ", tokens, " tokens and a weight of ", rows,
                                       " x ", cols, " make a result of ", tokens, " x ", rows,
                                       ", not ", y.rows(), " x ", y.cols());
    tamp::detail::check_apart("multiply", y, "the result");
  }
};

/// Multiplies activations by a weight: multiply(where, S, X, Y).
///
///     Y = X S^T        Y[t, i] = sum_j S[i, j] X[t, j]
///
/// S is (rows, cols), a sparse::matrix or a sparse::view. X is (tokens, cols) and Y (tokens, rows),
/// any tensors of the CPU; for one token, y = S x, any contiguous ranges of numbers. Sums are made
/// in float; for a Y of another type they take memory of their own. Y is written and must not overlap
/// X or S. A dense weight may stand in the place of S,
/// for layers that stay dense and for comparison.
///
/// One token to a few is as fast as S is read from memory. More than 16 take as many
/// multiplications as there are kept weights. The bits depend on the set of instructions, on the
/// type of S and on the number of tokens, and not on the executor. A dropped weight gives nothing
/// or, if its activation or its scale is infinite or NaN, perhaps NaN, as a zero in a dense weight
/// does.
/// @throws shape_error if the shapes do not fit, elements of Y share their memory, or memory cannot
///         hold a copy of X or the sums; nothing is written then
inline constexpr multiply_operation multiply{};

}  // namespace tamp::inline TAMP_FLAGS::sparse
