// Loops over rows of attention, which token policies check, add up and compare.

// Returns true if all numbers are finite and not negative.
static bool are_attention(const float* row, std::size_t count) noexcept {
  // The check reads the bits, about which -ffast-math assumes nothing. -0 is the only number with a
  // sign that is allowed: its bits less one have no sign.
  constexpr std::uint32_t sign = 0x80000000u;
  const std::size_t whole = count / lanes<float> * lanes<float>;
  vec<std::uint32_t> broken{};
  for (std::size_t j = 0; j < whole; j += lanes<float>) {
    const vec<std::uint32_t> v = load_bits(row + j);
    broken |= not_finite<float>(v) | (v & (v - 1));
  }
  bool is_broken = has_sign<std::uint32_t>(broken);
  for (std::size_t j = whole; j < count; ++j) {
    const auto v = std::bit_cast<std::uint32_t>(row[j]);
    is_broken |= !is_finite(row[j]) || (v & (v - 1) & sign) != 0;
  }
  return !is_broken;
}

// Adds a row to sums in double.
static void add_row(const float* row, std::size_t count, double* sums) noexcept {
  const std::size_t whole = count / lanes<double> * lanes<double>;
  for (std::size_t j = 0; j < whole; j += lanes<double>)
    store<double>(sums + j, load(sums + j) + as_doubles(row + j));
  for (std::size_t j = whole; j < count; ++j) sums[j] += static_cast<double>(row[j]);
}

// Replaces each number of `highest` by the maximum of itself and the row's.
static void take_maximum(const float* row, std::size_t count, float* highest) noexcept {
  const std::size_t whole = count / lanes<float> * lanes<float>;
  for (std::size_t j = 0; j < whole; j += lanes<float>) {
    const vec<float> mine = load(highest + j), other = load(row + j);
    store<float>(highest + j, mine < other ? other : mine);
  }
  for (std::size_t j = whole; j < count; ++j) highest[j] = (std::max)(highest[j], row[j]);
}
