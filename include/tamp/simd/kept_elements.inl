// Copies of the kept elements of `Bytes` bytes of a row, one after the other. pack_word, which
// differs between the sets of instructions, copies those of 64 and returns the place behind them.
// It may write up to a vector more.

template <std::size_t Bytes>
static std::byte* pack_one_by_one(mask::word word, const std::byte* elements,
                                  std::byte* out) noexcept {
  for (; word != 0; word &= word - 1, out += Bytes)
    std::memcpy(out, elements + static_cast<std::size_t>(std::countr_zero(word)) * Bytes, Bytes);
  return out;
}

template <std::size_t Bytes>
static void pack_row(const std::byte* elements, const mask::word* words, std::size_t count,
                     std::byte* out) noexcept {
  const std::size_t whole = count / mask::word_bits;
  for (std::size_t w = 0; w < whole; ++w)
    out = pack_word<Bytes>(words[w], elements + w * mask::word_bits * Bytes, out);
  if (count % mask::word_bits != 0)
    pack_one_by_one<Bytes>(words[whole], elements + whole * mask::word_bits * Bytes, out);
}
