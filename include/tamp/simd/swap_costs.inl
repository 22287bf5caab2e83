// Costs of dropping, restoring and exchanging weights of a row, in double.
//
// Arrays whose length is called `padded` end with numbers that do nothing, up to a multiple of
// swap_padding. Rows of the Gram matrix do not, and their end is copied. Each product is rounded by
// itself, so that the bits are the same for any length of vectors.

static constexpr std::size_t swap_padding = 8;

// Loads numbers of a row that has `left` of them left; the rest are zero.
static vec<double> load_up_to(const double* at, std::size_t left) noexcept {
  if (left >= lanes<double>) return load(at);
  double room[lanes<double>] = {};
  std::copy_n(at, left, room);
  return load(room);
}

// The cost of weight j is squares[j] + slopes[j] * products[j]. It is written to `drop` where
// sides[j] > 0 and to `restore` where sides[j] < 0; the other one is no_cost.
static extreme_costs costs(const double* squares, const double* slopes, const double* sides,
                           const double* products, const double* lengths, std::size_t padded,
                           double* drop, double* restore) noexcept {
  const vec<double> none = all(no_cost), zero{};
  vec<double> least_drop = none, least_restore = none, largest = zero, longest = zero;
  for (std::size_t j = 0; j < padded; j += lanes<double>) {
    const vec<double> cost =
        load(squares + j) + rounded_product<double>(load(slopes + j), load(products + j));
    const vec<double> side = load(sides + j), size = cost < zero ? -cost : cost;
    const vec<double> dropping = side > zero ? cost : none;
    const vec<double> restoring = side < zero ? cost : none;
    store<double>(drop + j, dropping);
    store<double>(restore + j, restoring);
    least_drop = dropping < least_drop ? dropping : least_drop;
    least_restore = restoring < least_restore ? restoring : least_restore;
    largest = largest < size ? size : largest;
    const vec<double> length = side < zero ? load(lengths + j) : zero;
    longest = longest < length ? length : longest;
  }
  extreme_costs found{least_drop[0], least_restore[0], largest[0], longest[0]};
  for (std::size_t k = 1; k < lanes<double>; ++k)
    found = {(std::min)(found.drop, least_drop[k]), (std::min)(found.restore, least_restore[k]),
             (std::max)(found.largest, largest[k]), (std::max)(found.length, longest[k])};
  return found;
}

// Returns the first place of the least of some numbers, which is known.
static std::size_t place_of_least(const double* numbers, double least,
                                  std::size_t padded) noexcept {
  constexpr std::uint32_t all_lanes = (std::uint32_t{1} << lanes<double>)-1;
  for (std::size_t j = 0; j < padded; j += lanes<double>)
    if (const std::uint32_t bits = ~bits_below<double>(all(least), load(numbers + j)) & all_lanes;
        bits != 0)
      return j + static_cast<std::size_t>(std::countr_zero(bits));
  return padded;
}

// Adds first * row_first - second * row_second to `products`.
static void exchange(double first, const double* row_first, double second, const double* row_second,
                     std::size_t count, double* products) noexcept {
  const vec<double> a = all(first), b = all(second);
  for (std::size_t j = 0; j < count; j += lanes<double>) {
    const vec<double> change = rounded_product<double>(a, load_up_to(row_first + j, count - j)) -
                               rounded_product<double>(b, load_up_to(row_second + j, count - j));
    store<double>(products + j, load(products + j) + change);
  }
}

// Returns the least cost of exchanging one weight, whose own cost is `cost`, for any other. `row` is
// that of the Gram matrix for the one.
static double least_exchange(double cost, double weight, const double* row, const double* costs,
                             const double* weights, std::size_t count) noexcept {
  const vec<double> own = all(cost), factor = all(weight);
  vec<double> least = all(no_cost);
  for (std::size_t j = 0; j < count; j += lanes<double>) {
    const vec<double> pair = rounded_product<double>(factor, load(weights + j));
    const vec<double> sum = (own + load(costs + j)) -
                            rounded_product<double>(pair + pair, load_up_to(row + j, count - j));
    least = sum < least ? sum : least;
  }
  double result = least[0];
  for (std::size_t k = 1; k < lanes<double>; ++k) result = (std::min)(result, least[k]);
  return result;
}

// Writes the places j at which costs[j] - reaches[j] * reach is at most `limit`, in ascending
// order. Returns their number.
static std::size_t places_within(const double* costs, const double* reaches, double reach,
                                 double limit, std::size_t padded, std::uint32_t* places) noexcept {
  const vec<double> factor = all(reach), most = all(limit);
  constexpr std::uint32_t all_lanes = (std::uint32_t{1} << lanes<double>)-1;
  std::size_t found = 0;
  for (std::size_t j = 0; j < padded; j += lanes<double>) {
    const vec<double> bound = load(costs + j) - load(reaches + j) * factor;
    for (std::uint32_t bits = ~bits_below<double>(most, bound) & all_lanes; bits != 0;
         bits &= bits - 1)
      places[found++] =
          static_cast<std::uint32_t>(j + static_cast<std::size_t>(std::countr_zero(bits)));
  }
  return found;
}
