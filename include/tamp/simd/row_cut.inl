// The threshold below which a row loses its weights: exact selection at about the speed of reading.
//
// The thresholds of a weight's rows are much the same multiple of their rows' mean scores. The rows
// so far therefore give a bracket for the threshold. One pass counts the scores below the bracket
// and gathers those within it, a few percent of the row. Selection continues among those by
// interpolation, since they are evenly spread. If the bracket misses the threshold, the counts show
// it, and selection begins anew with the whole row. The forecast decides the speed, never the
// result.

// Writes the numbers within [from, to] to `within` and counts those below. If `from` is NaN, none
// is below it. `within` needs room for one vector more than those numbers. Returns how many were
// written. Meanwhile `next` is prefetched evenly; all at once it would hold up the loop.
template <class T>
static std::size_t gather_within(const T* numbers, std::size_t count, T from, T to, T* within,
                                 std::size_t& below,
                                 std::span<const std::byte> next = {}) noexcept {
  constexpr std::size_t block = 64, line = 64;
  const vec<T> lowest = all(from), highest = all(to);
  vec<std::make_signed_t<bits_of_number<T>>> under{};
  std::size_t found = 0;
  const std::size_t whole = count / block * block;
  const std::size_t fetched = whole == 0 ? 0 : next.size() / count * block;
  for (std::size_t first = 0; first < whole; first += block) {
    for (std::size_t k = 0; k < fetched; k += line)
      __builtin_prefetch(next.data() + first / block * fetched + k);
    found += gather_block<false, T>(numbers + first, lowest, highest, under, within + found, first,
                                    nullptr);
  }
  below = static_cast<std::size_t>(sum_of_lanes(under));
  for (std::size_t j = whole; j < count; ++j) {
    below += numbers[j] < from;
    if (!(numbers[j] < from) && numbers[j] <= to) within[found++] = numbers[j];
  }
  return found;
}

// Selects among a few numbers. The threshold is the highest one that has fewer than `rank` below
// it.
template <class T>
static cut<T> cut_few(const T* numbers, std::size_t count, std::size_t rank) noexcept {
  const std::size_t whole = count / lanes<T> * lanes<T>;
  cut<T> best{numbers[0], 0, 0};
  bool is_found = false;
  for (std::size_t i = 0; i < count; ++i) {
    const vec<T> number = all(numbers[i]);
    vec<std::make_signed_t<bits_of_number<T>>> under{};
    for (std::size_t j = 0; j < whole; j += lanes<T>) under -= load(numbers + j) < number;
    auto below = static_cast<std::size_t>(sum_of_lanes(under));
    for (std::size_t j = whole; j < count; ++j) below += numbers[j] < numbers[i];
    const bool is_better = below < rank && (!is_found || below > best.below);
    best.threshold = is_better ? numbers[i] : best.threshold;
    best.below = is_better ? below : best.below;
    is_found |= is_better;
  }
  for (std::size_t i = 0; i < count; ++i) best.equal += numbers[i] == best.threshold;
  return best;
}

template <class T>
struct bracket {
  T from, to;
};

// Returns the lowest and the highest of at least a vector of numbers.
template <class T>
static bracket<T> extremes(const T* numbers, std::size_t count) noexcept {
  vec<T> low = load(numbers), high = low;
  for (std::size_t j = 0; j < count; j += lanes<T>) {
    const vec<T> v = load(numbers + (std::min)(j, count - lanes<T>));
    low = v < low ? v : low;
    high = v > high ? v : high;
  }
  bracket<T> found{low[0], high[0]};
  for (std::size_t k = 1; k < lanes<T>; ++k)
    found = {(std::min)(found.from, low[k]), (std::max)(found.to, high[k])};
  return found;
}

// Estimates a bracket for the rank-th lowest number. Out of many numbers, a sample is sorted, and
// the bracket is within two standard deviations of the rank in it. Few numbers, which all lie
// within `range`, are taken to be evenly spread.
template <class T>
static bracket<T> guess(const T* numbers, std::size_t count, std::size_t rank,
                        bracket<T> range) noexcept {
  constexpr std::size_t sampled = 64;
  const double place = (static_cast<double>(rank) - 0.5) / static_cast<double>(count);
  const double variance = place * (1 - place);
  if (count > 8 * sampled) {
    T sample[sampled];
    for (std::size_t k = 0; k < sampled; ++k) sample[k] = numbers[count / sampled * k];
    std::sort(sample, sample + sampled);
    const double middle = place * sampled, reach = 2 * std::sqrt(variance * sampled) + 1;
    const auto at = [&](double k) {
      return sample[static_cast<std::size_t>(std::clamp(k, 0.0, sampled - 1.0))];
    };
    return {middle < reach ? range.from : at(middle - reach),
            middle + reach > sampled ? range.to : at(middle + reach)};
  }
  const double reach =
      1.5 * std::sqrt(variance / static_cast<double>(count)) + 1 / static_cast<double>(count);
  const T span = range.to - range.from;
  return {range.from + span * static_cast<T>((std::max)(place - reach, 0.0)),
          place + reach < 1 ? range.from + span * static_cast<T>(place + reach) : range.to};
}

// Selects the rank-th lowest number, counted from 1. The numbers are reordered. `other` needs as
// much room, and both need room for one vector more.
template <class T>
static cut<T> cut_among(T* numbers, std::size_t count, std::size_t rank, T* other) noexcept {
  constexpr std::size_t few = 32;
  std::size_t below = 0;  // numbers known to lie below all that are left
  for (std::size_t before = 2 * count; count > few && count < before;) {
    const bracket<T> range = extremes(numbers, count);
    if (range.from == range.to) return {range.from, below, count};
    bracket<T> wanted = guess(numbers, count, rank, range);
    std::size_t under = 0;
    std::size_t found = gather_within(numbers, count, wanted.from, wanted.to, other, under);
    if (rank <= under || under + found < rank) {
      wanted =
          rank <= under ? bracket<T>{range.from, wanted.from} : bracket<T>{wanted.to, range.to};
      found = gather_within(numbers, count, wanted.from, wanted.to, other, under);
    }
    if (rank <= under || under + found < rank) break;  // sums that overflow make no bracket
    if (found > count / 2) {  // possibly ties at the lowest or the highest, as in pruned weights
      found = gather_within(numbers, count, next_higher(range.from), next_lower(range.to), other,
                            under);
      if (rank <= under) return {range.from, below, under};
      if (under + found < rank) return {range.to, below + under + found, count - under - found};
      if (found > count / 2) break;
    }
    below += under;
    rank -= under;
    before = count;
    count = found;
    std::swap(numbers, other);
  }
  if (count > few) {  // far from evenly spread
    T* const nth = numbers + (rank - 1);
    std::nth_element(numbers, nth, numbers + count);
    cut<T> result{*nth, below, 0};
    for (std::size_t i = 0; i < count; ++i) {
      result.below += numbers[i] < result.threshold;
      result.equal += numbers[i] == result.threshold;
    }
    return result;
  }
  cut<T> result = cut_few(numbers, count, rank);
  result.below += below;
  return result;
}

// Selects the `drop`-th lowest score of a row. `scratch` needs room for cut_scratch(row.size())
// numbers.
template <class T>
static cut<T> cut_row(const scored_row<T>& row, std::size_t drop, cut_forecast<T>& forecast,
                      T* scratch) noexcept {
  const std::size_t count = row.size();
  static_assert(lanes<T> <= vector_room);
  T* const other = scratch + count + vector_room;
  const T mean = row.sum / static_cast<T>(count);
  if (forecast.is_known()) {
    std::size_t below = 0;
    const std::size_t found = gather_within(row.data(), count, forecast.lowest(mean),
                                            forecast.highest(mean), scratch, below, row.next);
    if (below < drop && drop <= below + found) {
      cut<T> result = cut_among(scratch, found, drop - below, other);
      result.below += below;
      forecast.learn(mean, result.threshold, true);
      return result;
    }
  }
  std::copy(row.begin(), row.end(), scratch);
  const cut<T> result = cut_among(scratch, count, drop, other);
  forecast.learn(mean, result.threshold, false);
  return result;
}
