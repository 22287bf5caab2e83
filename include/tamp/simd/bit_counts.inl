// Counts of bits. The standard function becomes one instruction where the region has it.

static std::size_t count_bits(const mask::word* words, std::size_t count) noexcept {
  std::size_t bits = 0;
  for (std::size_t k = 0; k < count; ++k) bits += static_cast<std::size_t>(std::popcount(words[k]));
  return bits;
}
