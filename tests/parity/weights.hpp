#pragma once

// Parts that the tests of weight methods share: the parts of an input that several methods have.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tamp/allocate/uniform.hpp>
#include <tamp/mask/bitmask.hpp>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/pattern/per_tensor.hpp>
#include <tamp/prune/compose.hpp>
#include <tamp/tensor/view.hpp>
#include <utility>
#include <vector>

#include "vectors.hpp"

namespace parity {

// True where a weight is kept, row by row.
using kept = std::vector<bool>;

inline kept published_keep(const example& given, const std::string& part = "published_keep") {
  const auto flags = given.values<std::uint8_t>(part);
  return {flags.begin(), flags.end()};
}

inline kept flags_of(const tamp::mask::bitmask& mask) {
  kept flags;
  for (std::size_t i = 0; i < mask.rows(); ++i)
    for (std::size_t j = 0; j < mask.cols(); ++j) flags.push_back(mask(i, j));
  return flags;
}

// A statistic of the inputs of a layer: part "input" has the samples one below the other, and
// "tokens" says how many tokens each has.
template <class Statistic>
Statistic observed(const example& given, const std::string& part = "input") {
  Statistic seen;
  const auto all = given.matrix(part);
  std::size_t first = 0;
  for (const std::size_t tokens : given.indices("tokens")) {
    seen.add(tamp::matrix_view<const float>(&all(first, 0), tokens, all.cols()));
    first += tokens;
  }
  BOOST_TEST(first == all.rows());
  return seen;
}

// Calls use(recipe) with a score and the n:m pattern of an input.
template <class Score, class Use>
void with_n_of_m(const example& given, const Score& score, Use&& use) {
  const std::pair<std::size_t, std::size_t> pattern{given.count("keep_n"), given.count("of_m")};
  const auto call = [&]<std::size_t N, std::size_t M>(tamp::pattern::n_of_m<N, M> shape) {
    if (pattern == std::pair(N, M)) use(tamp::compose(score, shape));
    return pattern == std::pair(N, M);
  };
  using tamp::pattern::n_of_m;
  if (!(call(n_of_m<2, 4>{}) || call(n_of_m<4, 8>{}) || call(n_of_m<1, 4>{}) ||
        call(n_of_m<3, 4>{}) || call(n_of_m<2, 8>{})))
    throw std::invalid_argument("a pattern that this test does not know");
}

// The mask of code that drops all weights of the `drop` + 1 smallest scores, and all that are equal
// to the last of them: score <= sorted score [drop].
template <class Score>
kept kept_above_threshold(std::span<const Score> scores, std::size_t drop) {
  std::vector<Score> sorted(scores.begin(), scores.end());
  std::sort(sorted.begin(), sorted.end());
  kept flags;
  for (const Score score : scores) flags.push_back(score > sorted.at(drop));
  return flags;
}

// Drops the `count` smallest of the scores of places begin ... end - 1, of equals the lower place.
template <class Score>
void drop_smallest(kept& flags, std::span<const Score> scores, std::size_t begin, std::size_t end,
                   std::size_t count) {
  std::vector<std::pair<Score, std::size_t>> order;
  for (std::size_t j = begin; j < end; ++j) order.emplace_back(scores[j], j);
  std::sort(order.begin(), order.end());
  for (std::size_t k = 0; k < count; ++k) flags[order.at(k).second] = false;
}

// The mask of code that drops m - n of the last group of fewer than m columns, as of every other,
// from a mask that keeps ceil(n * r / m) of its r.
template <class Score>
kept drop_more_of_last_group(kept flags, std::span<const Score> scores, std::size_t cols,
                             std::size_t n, std::size_t m) {
  const std::size_t width = cols % m;
  if (width == 0) return flags;
  for (std::size_t begin = cols - width; begin < flags.size(); begin += cols)
    drop_smallest(flags, scores, begin, begin + width, m - n);
  return flags;
}

inline const char* const off_by_one = "drops floor(n s) + 1 and all equals of the last";
inline const char* const last_group = "drops m - n of a last group of fewer than m columns, too";

// Real numbers to a relative tolerance.
template <class Ours, class Theirs>
void check_close(const Ours& ours, const Theirs& theirs, double tolerance) {
  BOOST_REQUIRE(ours.size() == theirs.size());
  for (std::size_t k = 0; k < ours.size(); ++k) {
    const auto mine = static_cast<double>(ours[k]), published = static_cast<double>(theirs[k]);
    if (!(std::abs(mine - published) <= tolerance * std::abs(published)))
      BOOST_ERROR("number " << k << " is " << mine << ", and published is " << published);
  }
}

}  // namespace parity
