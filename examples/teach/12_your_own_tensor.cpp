// Step 12: a tensor type of your own. One function joins it; nothing is copied.
#include <cstdint>
#include <iostream>
#include <tamp/tamp.hpp>
#include <vector>

// An engine's world, which knows nothing of tamp: 16-bit weights with padded rows.
namespace engine {

struct half {
  std::uint16_t bits;
};

struct weight {
  std::size_t outputs, inputs, padded;
  std::vector<half> storage;
};

}  // namespace engine

// Its numbers have the bits of a bfloat16 ...
template <>
struct tamp::element_traits<engine::half> : tamp::element_like<engine::half, tamp::bf16> {};

// ... and its weights are rows at a distance.
template <>
struct tamp::tensor_traits<engine::weight> {
  static auto view(auto& w) {
    return tamp::row_major(w.storage.data(), w.outputs, w.inputs, w.padded);
  }
};

int main() {
  engine::weight W{2, 3, 4, {}};
  for (const float value : {1.0f, -3.0f, 2.0f, 99.0f, 6.0f, 5.0f, -4.0f, 99.0f})
    W.storage.push_back({tamp::bf16(value).bits});

  const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{},
                                    tamp::allocate::uniform{0.67});
  const auto [size, kept] = tamp::prune(W, recipe);

  std::cout << "kept " << kept << " of " << size << "; the padding (99) is untouched:\n";
  for (std::size_t k = 0; k < W.storage.size(); ++k)
    std::cout << float(tamp::bf16::from_bits(W.storage[k].bits)) << (k % 4 == 3 ? '\n' : ' ');
}
