#include "config.hpp"

namespace llama {

void check(const config& c) {
  const auto positive = [](const char* what, Index value) {
    if (value <= 0) fail("the configuration says ", what, " = ", value, ", which must be positive");
  };
  positive("hidden", c.hidden);
  positive("layers", c.layers);
  positive("head_dim", c.head_dim);
  positive("vocabulary", c.vocabulary);
  positive("positions", c.positions);
  if (!c.sizes.empty() && Index(c.sizes.size()) != c.layers)
    fail("the configuration has ", c.layers, " layers, and sizes of ", c.sizes.size());
  // Blocks without sizes of their own are all alike, however many the configuration claims.
  for (Index b = 0; b < (c.sizes.empty() ? 1 : c.layers); ++b) {
    const block_size size = c.size_of(b);
    positive("heads", size.heads);
    positive("kv_heads", size.kv_heads);
    positive("ffn", size.ffn);
    if (size.heads % size.kv_heads != 0)
      fail(size.heads, " query heads cannot share ", size.kv_heads, " key and value heads evenly");
  }
  if (c.head_dim % 2 != 0) fail("RoPE turns pairs, but a head is ", c.head_dim, " wide");
  if (c.rope_divisors.size() != 0 && c.rope_divisors.size() != c.head_dim / 2)
    fail(c.rope_divisors.size(), " divisors of RoPE's frequencies for a head that is ", c.head_dim,
         " wide");
  if (c.window) {
    positive("the tokens of the sliding window", c.window->tokens);
    positive("the period of the layers without a sliding window", c.window->period);
  }
  if (!c.vision) return;
  positive("patch_size", c.vision->patch_size);
  if (!c.vision->is_of_one_size()) {
    positive("max_patches_a_side", c.vision->most_patches_a_side);
    positive("max_frames", c.vision->most_frames);
    return;
  }
  positive("image_size", c.vision->image_size);
  if (c.vision->image_size % c.vision->patch_size != 0)
    fail("pictures of ", c.vision->image_size, " pixels do not divide into patches of ",
         c.vision->patch_size);
}

}  // namespace llama
