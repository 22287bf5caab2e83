#pragma once

/// @file
/// A view of the attention probabilities of some queries in a host's memory.

#include <array>
#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include "../detail/checked.hpp"
#include "../dtype.hpp"
#include "../element.hpp"
#include "../error.hpp"
#include "../tensor/traits.hpp"
#include "detail/strided_numbers.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// The attention probabilities of `queries` consecutive tokens, the first of which is token
/// first_query: an array (heads, queries, tokens) that the host owns.
///
/// The numbers are of any type that tamp reads, and at any strides, known at compile time or at run
/// time. They are read as floats: a double is rounded. Floats in one piece are read in place, and
/// all others are converted row by row. A slice attn[0, :, -1:, :] of a tensor (batch, heads,
/// queries, tokens) in half precision is
///
///     {last, dtype::f16, {heads, 1, tokens}, {head_stride, query_stride, 1}, tokens - 1}
///
/// where `last` points to attn[0, 0, -1, 0].
class attention_view {
 public:
  attention_view() = default;
  /// Views a contiguous array of floats.
  /// @throws shape_error if there are not heads * queries * tokens numbers, if they lie at a null
  ///         pointer, or if the queries leave the sequence
  attention_view(std::span<const float> numbers, std::size_t heads, std::size_t queries,
                 std::size_t tokens, std::size_t first_query)
      : first_query_(first_query) {
    const bool wraps =
        heads != 0 && tokens != 0 &&
        (!detail::product_fits(heads, queries) || !detail::product_fits(heads * queries, tokens));
    if (wraps || numbers.size() != heads * queries * tokens)
      detail::raise<shape_error>("attention_view: ", numbers.size(), " numbers are not ", heads,
                                 " heads x ", queries, " queries x ", tokens, " tokens");
    check_queries(queries, tokens);
    detail::check_list("attention_view", "numbers", numbers);
    const auto row = numbers.empty() ? std::ptrdiff_t{0} : static_cast<std::ptrdiff_t>(tokens);
    numbers_ = {"attention_view",
                numbers.data(),
                detail::number_type_of<float>,
                {heads, queries, tokens},
                {static_cast<std::ptrdiff_t>(queries) * row, row, 1}};
  }
  /// Views the attention of all queries.
  attention_view(std::span<const float> numbers, std::size_t heads, std::size_t tokens)
      : attention_view(numbers, heads, tokens, tokens, 0) {}

  /// Views numbers (heads, queries, tokens). Strides count numbers, and may be zero or negative.
  /// @throws shape_error if memory cannot hold that many numbers, if they lie at a null pointer or
  ///         their strides lead out of memory, or if the queries leave the sequence
  /// @throws value_error if tamp does not read the type
  attention_view(const void* data, dtype type, const std::array<std::size_t, 3>& extents,
                 const std::array<std::ptrdiff_t, 3>& strides, std::size_t first_query)
      : attention_view(data, detail::number_type_for("attention_view", type), extents, strides,
                       first_query) {}
  /// Views numbers of a type of one's own.
  /// @throws shape_error as above
  template <element T>
  attention_view(const T* data, const std::array<std::size_t, 3>& extents,
                 const std::array<std::ptrdiff_t, 3>& strides, std::size_t first_query)
      : attention_view(data, detail::number_type_of<std::remove_const_t<T>>, extents, strides,
                       first_query) {}

  /// Views the attention of the last query alone: a tensor (heads, tokens).
  /// @throws as above, and value_error if the tensor is known only at run time, and has no strides
  ///         or lies on a device
  template <tensor_argument Tensor>
  static attention_view of_last_query(Tensor&& tensor) {
    static_assert(!owning_temporary<Tensor>,
                  "this tensor is a temporary, and its numbers are gone with it: give it a name");
    const auto n = detail::numbers_of("attention_view", tensor);
    const std::size_t tokens = n.extent(2), queries = tokens == 0 ? 0 : 1;
    return {n.data(),
            n.type(),
            {n.extent(1), queries, tokens},
            {n.stride(1), 0, n.stride(2)},
            tokens - queries};
  }

  bool empty() const noexcept { return numbers_.size() == 0; }
  std::size_t heads() const noexcept { return numbers_.extent(0); }
  std::size_t queries() const noexcept { return numbers_.extent(1); }
  std::size_t tokens() const noexcept { return numbers_.extent(2); }
  std::size_t first_query() const noexcept { return first_query_; }

  /// True if the queries of tokens [begin, end) are present.
  bool covers(std::size_t begin, std::size_t end) const noexcept {
    return !empty() && first_query() <= begin && end <= first_query() + queries();
  }
  /// True if each row is floats that lie in one piece.
  bool in_place() const noexcept { return numbers_.has_lines_in_place(); }

  /// Returns the attention of token `query` in one head, (tokens,), in place. `head` must be below
  /// heads(), and `query` must be present.
  /// @throws value_error if in_place() is false
  std::span<const float> row(std::size_t head, std::size_t query) const {
    expect_row(head, query);
    if (!in_place())
      detail::raise<value_error>(
          "attention_view: rows that are not floats in one piece (these are ", numbers_.type().name,
          ") are read by row(head, query, buffer)");
    return {numbers_.line(head, query - first_query_), tokens()};
  }
  /// Returns the attention of token `query` in one head, in place, or converted into `buffer`, which
  /// grows to a row. The row is valid until the buffer changes. The rest is as above.
  std::span<const float> row(std::size_t head, std::size_t query,
                             std::vector<float>& buffer) const {
    expect_row(head, query);
    if (in_place()) return {numbers_.line(head, query - first_query_), tokens()};
    if (buffer.size() < tokens()) buffer = detail::checked_array<float>("attention_view", tokens());
    numbers_.load(head, query - first_query_, 1, buffer.data(), tokens());
    return std::span<const float>(buffer).first(tokens());
  }

 private:
  attention_view(const void* data, const detail::number_type& type,
                 const std::array<std::size_t, 3>& extents,
                 const std::array<std::ptrdiff_t, 3>& strides, std::size_t first_query)
      : numbers_("attention_view", data, type, extents, strides), first_query_(first_query) {
    check_queries(extents[1], extents[2]);
    numbers_.check_memory("attention_view");
  }

  void check_queries(std::size_t queries, std::size_t tokens) const {
    if (first_query_ > tokens || queries > tokens - first_query_)
      detail::raise<shape_error>("attention_view: ", queries, " queries from token ", first_query_,
                                 " on leave a sequence of ", tokens, " tokens");
  }
  void expect_row([[maybe_unused]] std::size_t head, [[maybe_unused]] std::size_t query) const {
    TAMP_EXPECTS(head < heads() && query >= first_query_ && query - first_query_ < queries(),
                 "attention_view: the row of head ", head, ", query ", query, " of ", heads(),
                 " heads and ", queries(), " queries from ", first_query_, " on");
  }

  detail::strided_numbers numbers_;
  std::size_t first_query_ = 0;
};

}  // namespace tamp::inline TAMP_FLAGS::token
