#pragma once

/// @file
/// The list of the tokens that stay, from a key for each token.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../token_context.cuh"
#include "list_highest.cuh"
#include "upload.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

/// One thread: notes the value of the attention that cannot be used.
template <class T>
__global__ void note_attention_value(cuda::attention_view<T> a, list_status* status) {
  if (status->place == nowhere) return;
  const auto place = static_cast<std::size_t>(status->place);
  const std::size_t row = place / a.tokens();
  status->value = static_cast<double>(number_of(a.data()[a.offset(
      row / a.queries(), a.first_query() + row % a.queries(), place % a.tokens())]));
}

/// Notes the value of the attention that an earlier kernel on the stream could not use.
template <class T>
void note_attention(const cuda::on_stream& on, const cuda::attention_view<T>& attention,
                    list_status* status) {
  launch(&note_attention_value<T>, 1, 1, 0, on, attention, status);
}

/// Drops the `drop` visual tokens of the lowest keys. `put_keys(visuals, keys, status)` must put
/// kernels onto the stream that compute a key for each token, `always` for text. It is not called
/// without visual tokens.
template <class T, class PutKeys>
cuda::index_list select_by_key(const cuda::on_stream& on, std::string_view who,
                               const cuda::token_context<T>& c, const device_sequence& sequence,
                               std::size_t drop, PutKeys&& put_keys) {
  const std::size_t tokens = sequence.tokens;
  cuda::index_list list(on, tokens - drop, refuse_attention(who, c.attention));
  const cuda::buffer scratch(on, list_scratch_bytes(tokens));
  auto* const keys = scratch.as<wide>();
  if (sequence.visual != 0) {
    const cuda::buffer visuals(on, tokens);
    upload<std::uint8_t>(on, sequence.visuals, visuals.as<std::uint8_t>());
    put_keys(visuals.as<std::uint8_t>(), keys, list.status());
  } else {
    static_assert(always == ~wide{0});
    on.fill(keys, 0xff, tokens * sizeof(wide));
  }
  list_the_highest(on, scratch, tokens, drop, list);
  return list;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
