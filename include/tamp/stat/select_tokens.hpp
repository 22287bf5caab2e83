#pragma once

/// @file
/// The operation that selects tokens of one sample.

#include <cstddef>
#include <span>
#include <vector>

#include "../execute/operation.hpp"
#include "../model/modality.hpp"
#include "../tensor/traits.hpp"

namespace tamp::inline TAMP_FLAGS::stat {

/// The type of the operation stat::select_tokens.
struct select_tokens_operation : tamp::detail::operation<select_tokens_operation> {
  using tamp::detail::operation<select_tokens_operation>::operator();

  template <executor E, class Y, class Selector>
  [[nodiscard]] std::vector<std::size_t> operator()(const E& exec, const Y& output,
                                                    std::span<const modality> kinds,
                                                    std::span<const float> attention,
                                                    const Selector& selector) const {
    static_assert(tensor_argument<Y>,
                  "select_tokens(output, kinds, attention, selector): the output, (tokens, "
                  "out_features), is no tensor that tamp can read");
    return selector(exec, output, kinds, attention);
  }
  template <class Y, class Selector>
    requires(!place<Y>)
  [[nodiscard]] std::vector<std::size_t> operator()(const Y& output,
                                                    std::span<const modality> kinds,
                                                    std::span<const float> attention,
                                                    const Selector& selector) const {
    return (*this)(execute::standard{}, output, kinds, attention, selector);
  }
  /// Runs on a device. `products` is the device's library for matrix products.
  template <device Where, class Products, class Y, class Attention, class Selector>
  [[nodiscard]] auto operator()(const Where& where, const Products& products, const Y& output,
                                std::span<const modality> kinds, const Attention& attention,
                                const Selector& selector) const {
    return run_on(where, *this, products, output, kinds, attention, selector);
  }
};

/// Selects tokens of one sample: select_tokens(where, output, kinds, attention, selector).
///
///     const auto taken = stat::select_tokens(Y, kinds, attention, stat::amia_select{});
///
/// Y is (tokens, out_features). `kinds` has one modality per token, or is empty if all are text.
/// `attention` is that of the last query to each token. The result is the selector's list of
/// places.
/// @throws the errors of the selector
inline constexpr select_tokens_operation select_tokens{};

}  // namespace tamp::inline TAMP_FLAGS::stat
