// See flags.inl and portable.inl. With AVX-512, comparisons give masks, and masks select lanes.

// One bit for each lane.
template <class T>
using lane_mask = std::conditional_t<
    sizeof(T) == 8, std::uint8_t,
    std::conditional_t<sizeof(T) == 4, std::uint16_t,
                       std::conditional_t<sizeof(T) == 2, std::uint32_t, std::uint64_t>>>;
template <class T>
static constexpr lane_mask<T> all_lanes = static_cast<lane_mask<T>>(~lane_mask<T>{0});

// Compares the lanes of a mask. Those of others are not chosen.
template <int Comparison, class T>
static lane_mask<T> compare(vec<T> a, vec<T> b, lane_mask<T> among) noexcept {
  constexpr int current_rounding = 4;
  if constexpr (sizeof(T) == 8)
    return __builtin_ia32_cmppd512_mask(a, b, Comparison, among, current_rounding);
  else
    return __builtin_ia32_cmpps512_mask(a, b, Comparison, among, current_rounding);
}

// Returns a where a lane is chosen, and b elsewhere. GCC and clang name the instruction differently.
template <class Mask, class Vector>
static Vector select(Mask chosen, Vector a, Vector b) noexcept {
  using lane =
      std::conditional_t<sizeof(Mask) == 1, long long,
                         std::conditional_t<sizeof(Mask) == 2, int,
                                            std::conditional_t<sizeof(Mask) == 4, short, char>>>;
  const auto yes = (vec<lane>)a, no = (vec<lane>)b;
#if defined(__clang__)
  if constexpr (sizeof(lane) == 8)
    return (Vector)__builtin_ia32_selectq_512(chosen, yes, no);
  else if constexpr (sizeof(lane) == 4)
    return (Vector)__builtin_ia32_selectd_512(chosen, yes, no);
  else if constexpr (sizeof(lane) == 2)
    return (Vector)__builtin_ia32_selectw_512(chosen, yes, no);
  else
    return (Vector)__builtin_ia32_selectb_512(chosen, yes, no);
#else
  if constexpr (sizeof(lane) == 8)
    return (Vector)__builtin_ia32_movdqa64_512_mask(yes, no, chosen);
  else if constexpr (sizeof(lane) == 4)
    return (Vector)__builtin_ia32_movdqa32_512_mask(yes, no, chosen);
  else if constexpr (sizeof(lane) == 2)
    return (Vector)__builtin_ia32_movdquhi512_mask(yes, no, chosen);
  else
    return (Vector)__builtin_ia32_movdquqi512_mask(yes, no, chosen);
#endif
}

template <class T>
static std::uint32_t bits_below(vec<T> a, vec<T> b) noexcept {
  return mask_below<T>(a, b);
}
template <class T, class Counts>
static void count_below(vec<T> a, vec<T> b, Counts& counts) noexcept {
  count_lanes(mask_below<T>(a, b), counts);
}
// A bracket takes what is not below its lower end, NaN included, of which what is at most its upper
// end stays, which NaN is not.
template <class T, class Counts>
static std::uint32_t bits_within(vec<T> v, vec<T> from, vec<T> to, Counts& below) noexcept {
  constexpr int at_most = 18, not_below = 21;  // as the instruction numbers comparisons
  const auto stays = compare<not_below, T>(v, from, all_lanes<T>);
  count_lanes(static_cast<lane_mask<T>>(~stays), below);
  return compare<at_most, T>(v, to, stays);
}

template <class T>
static lane_mask<T> mask_below(vec<T> a, vec<T> b) noexcept {
  constexpr int less = 17;
  return compare<less, T>(a, b, all_lanes<T>);
}
// Adds one to the lanes of a mask, which is one instruction. A comparison as a vector would be made
// of the mask first.
template <class Mask, class Counts>
static void count_lanes(Mask chosen, Counts& counts) noexcept {
  using lane = std::conditional_t<sizeof(Mask) == 1, long long, int>;
  counts = (Counts)select(chosen, (vec<lane>)counts + lane{1}, (vec<lane>)counts);
}

template <class Bits>
static void replace_word(mask::word keep, std::byte* elements, Bits zero) noexcept {
  const vec<Bits> instead = all(zero);
  TAMP_SIMD_UNROLL
  for (std::size_t k = 0; k < mask::word_bits; k += lanes<Bits>) {
    vec<Bits> v;
    std::memcpy(&v, elements + k * sizeof(Bits), sizeof v);
    v = select(static_cast<lane_mask<Bits>>(keep >> k), v, instead);
    std::memcpy(elements + k * sizeof(Bits), &v, sizeof v);
  }
}

// Stores the lanes whose bit is set, one after the other. A whole vector is written. The lanes are
// compressed in a register, since compressing into memory is slow on some processors, and over the
// vector itself, since zeros for the other lanes take longer.
template <class T>
static void compress(T* to, vec<T> v, std::uint32_t bits) noexcept {
  if constexpr (sizeof(T) == 8)
    store<T>(to, (vec<T>)__builtin_ia32_compressdf512_mask((vec<double>)v, (vec<double>)v,
                                                           static_cast<std::uint8_t>(bits)));
  else
    store<T>(to, (vec<T>)__builtin_ia32_compresssf512_mask((vec<float>)v, (vec<float>)v,
                                                           static_cast<std::uint16_t>(bits)));
}

static vec<float> swap_neighbours(vec<float> v) noexcept {
  return __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
}
static vec<float> first_pairs(vec<float> v) noexcept {
  return __builtin_shufflevector(v, v, 0, 1, 0, 1, 4, 5, 4, 5, 8, 9, 8, 9, 12, 13, 12, 13);
}
static vec<float> second_pairs(vec<float> v) noexcept {
  return __builtin_shufflevector(v, v, 2, 3, 3, 2, 6, 7, 7, 6, 10, 11, 11, 10, 14, 15, 15, 14);
}
