// The threshold below which a row loses its weights: exact selection at about the speed of reading.
//
// The thresholds of a weight's rows are much the same multiple of their rows' mean scores. The rows
// so far therefore give a bracket for the threshold. One pass counts the scores below the bracket
// and gathers those within it, a few percent of the row. Selection continues among those by
// interpolation, since they are evenly spread. If the bracket misses the threshold, the counts show
// on which side, and a wider one next to it is tried. If that one misses, too, selection begins
// anew with the whole row. The forecast decides the speed, never the result.

// Writes the numbers within [from, to] to `within` and counts those below. If `from` is NaN, none
// is below it. `within` needs room for one vector more than those numbers. Returns how many were
// written. Meanwhile `next` is prefetched evenly; all at once it would hold up the loop.
template <class T>
static std::size_t gather_within(const T* numbers, std::size_t count, T from, T to, T* within,
                                 std::size_t& below,
                                 std::span<const std::byte> next = {}) noexcept {
  constexpr std::size_t block = 64;
  const vec<T> lowest = all(from), highest = all(to);
  vec<std::make_signed_t<bits_of_number<T>>> under{};
  std::size_t found = 0, j = 0;
  const std::size_t fetched = count < block ? 0 : next.size() / count * block;
  for (; j + block <= count; j += block) {
    fetch_lines(next.data() + j / block * fetched, fetched);
    found += gather_block<block, T>(numbers + j, lowest, highest, under, within + found);
  }
  for (; j + lanes<T> <= count; j += lanes<T>)
    found += gather_block<lanes<T>, T>(numbers + j, lowest, highest, under, within + found);
  below = static_cast<std::size_t>(sum_of_lanes(under));
  for (; j < count; ++j) {
    within[found] = numbers[j];
    below += numbers[j] < from;
    found +=
        static_cast<std::size_t>(!(numbers[j] < from)) & static_cast<std::size_t>(numbers[j] <= to);
  }
  return found;
}

static constexpr std::size_t few = 32;
static_assert(few <= vector_room);

// Selects among at most `few` numbers. Each is compared to vectors of all, whose lanes count what
// is below them. The threshold is the highest number that has less than `rank` below it. `room` is
// for `few` numbers.
template <class T>
static cut<T> cut_few(const T* numbers, std::size_t count, std::size_t rank, T* room) noexcept {
  using integer = std::make_signed_t<bits_of_number<T>>;
  constexpr std::size_t parts = few / lanes<T>;
  for (std::size_t k = 0; k < few; ++k) room[k] = numbers[k < count ? k : 0];
  vec<integer> below[parts] = {};
  for (std::size_t i = 0; i < count; ++i) {
    const vec<T> number = all(room[i]);
    TAMP_SIMD_UNROLL
    for (std::size_t p = 0; p < parts; ++p)
      count_below<T>(number, load(room + p * lanes<T>), below[p]);
  }
  integer ranks[few];
  std::memcpy(ranks, below, sizeof ranks);
  integer most = 0;
  std::size_t place = 0;
  for (std::size_t k = 0; k < count; ++k) {
    const bool is_better = ranks[k] >= most && ranks[k] < static_cast<integer>(rank);
    most = is_better ? ranks[k] : most;
    place = is_better ? k : place;
  }
  cut<T> result{room[place], static_cast<std::size_t>(most), 0};
  for (std::size_t k = 0; k < count; ++k) result.equal += ranks[k] == most;
  return result;
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
// the bracket is within two standard deviations of the rank in it. Fewer numbers, which all lie
// within `range`, are taken to be evenly spread, and the bracket is one of two and a half.
template <class T>
static bracket<T> guess(const T* numbers, std::size_t count, std::size_t rank,
                        bracket<T> range) noexcept {
  constexpr std::size_t sampled = 64;
  const double share = 1 / static_cast<double>(count);
  const double place = (static_cast<double>(rank) - 0.5) * share;
  const double variance = place * (1 - place);
  if (count > 8 * sampled) {
    T sample[sampled];
    for (std::size_t k = 0; k < sampled; ++k) sample[k] = numbers[count / sampled * k];
    std::sort(sample, sample + sampled);
    const double middle = place * sampled, reach = 2 * square_root(variance * sampled) + 1;
    const auto at = [&](double k) {
      return sample[static_cast<std::size_t>(std::clamp(k, 0.0, sampled - 1.0))];
    };
    return {middle < reach ? range.from : at(middle - reach),
            middle + reach > sampled ? range.to : at(middle + reach)};
  }
  const double reach = 2.5 * square_root(variance * share) + share;
  const T span = range.to - range.from;
  return {range.from + span * static_cast<T>((std::max)(place - reach, 0.0)),
          place + reach < 1 ? range.from + span * static_cast<T>(place + reach) : range.to};
}

// Selects the rank-th lowest number, counted from 1. All numbers are within `range`. `room` and
// `other` each need room for all numbers and vector_room more. `other` may be the memory of the
// numbers, which are then lost.
template <class T>
static cut<T> cut_among(const T* numbers, std::size_t count, std::size_t rank, T* room, T* other,
                        bracket<T> range) noexcept {
  std::size_t below = 0;  // numbers known to lie below all that are left
  while (count > few) {
    bracket<T> wanted = guess(numbers, count, rank, range);
    std::size_t under = 0;
    std::size_t found = gather_within(numbers, count, wanted.from, wanted.to, room, under);
    if (rank <= under || under + found < rank) {
      wanted =
          rank <= under ? bracket<T>{range.from, wanted.from} : bracket<T>{wanted.to, range.to};
      found = gather_within(numbers, count, wanted.from, wanted.to, room, under);
    }
    if (rank <= under || under + found < rank) break;  // sums that overflow make no bracket
    if (found > count - count / 4) {  // ties at the lowest or the highest, as in pruned weights
      range = extremes(numbers, count);
      if (range.from == range.to) return {range.from, below, count};
      wanted = {next_higher(range.from), next_lower(range.to)};
      found = gather_within(numbers, count, wanted.from, wanted.to, room, under);
      if (rank <= under) return {range.from, below, under};
      if (under + found < rank) return {range.to, below + under + found, count - under - found};
      if (found > count - count / 4) break;
    }
    below += under;
    rank -= under;
    count = found;
    range = wanted;
    numbers = room;
    std::swap(room, other);
  }
  if (count > few) {  // far from evenly spread
    std::copy(numbers, numbers + count, room);
    T* const nth = room + (rank - 1);
    std::nth_element(room, nth, room + count);
    cut<T> result{*nth, below, 0};
    for (std::size_t i = 0; i < count; ++i) {
      result.below += room[i] < result.threshold;
      result.equal += room[i] == result.threshold;
    }
    return result;
  }
  cut<T> result = cut_few(numbers, count, rank, room);
  result.below += below;
  return result;
}

// The same for numbers within any range.
template <class T>
static cut<T> cut_among(const T* numbers, std::size_t count, std::size_t rank, T* room,
                        T* other) noexcept {
  const bracket<T> range =
      count > few ? extremes(numbers, count) : bracket<T>{numbers[0], numbers[0]};
  return cut_among(numbers, count, rank, room, other, range);
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
    bracket<T> range{forecast.lowest(mean), forecast.highest(mean)};
    std::span<const std::byte> next = row.next;
    for (const bool is_first : {true, false}) {
      std::size_t below = 0;
      const std::size_t found =
          gather_within(row.data(), count, range.from, range.to, scratch, below, next);
      if (below < drop && drop <= below + found) {
        cut<T> result = cut_among(scratch, found, drop - below, other, scratch, range);
        result.below += below;
        forecast.learn(mean, result.threshold, is_first);
        return result;
      }
      const T wider = 3 * (range.to - range.from);
      range = drop <= below ? bracket<T>{range.from - wider, range.from}
                            : bracket<T>{range.to, range.to + wider};
      next = {};
    }
  }
  const cut<T> result = cut_among(row.data(), count, drop, scratch, other);
  forecast.learn(mean, result.threshold, false);
  return result;
}
