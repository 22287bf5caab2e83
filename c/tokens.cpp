// Selection of tokens.

#include <algorithm>
#include <span>
#include <tamp/token/attention_top_k.hpp>
#include <tamp/token/select.hpp>
#include <vector>

#include "guarded.hpp"

tamp_status tamp_attention_top_k(const tamp_matrix* attention, const uint8_t* kinds, size_t tokens,
                                 size_t keep, size_t* kept, size_t* count) {
  return tamp_c::guarded([&] {
    using tamp_c::checked;
    constexpr auto function = "tamp_attention_top_k";
    const auto view = tamp_c::view_of(function, "the matrix of attention", attention);
    auto& number = checked(function, "the place of the count", count);
    if (view.cols() != tokens)
      tamp::detail::raise<tamp::shape_error>(function, ": the attention is to ", view.cols(),
                                             " tokens, of ", tokens);
    if (tokens != 0) {
      checked(function, "the list of kinds", kinds);
      checked(function, "the place of the tokens that stay", kept);
    }
    std::vector<tamp::modality> of_tokens(tokens);
    std::transform(kinds, kinds + tokens, of_tokens.begin(),
                   [](uint8_t kind) { return static_cast<tamp::modality>(kind); });
    const auto selection = tamp::token::select(
        tamp::token::context{.kinds = of_tokens,
                             .attention = tamp::token::attention_view::of_last_query(view)},
        tamp::token::attention_top_k{}, {.keep = keep});
    std::copy(selection.kept.begin(), selection.kept.end(), kept);
    number = selection.kept.size();
  });
}
