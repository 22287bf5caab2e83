#pragma once

// Bipartite soft matching as it is defined, with lists that are made anew in each round.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace support {

/// A token of some round: which tokens it is made of, its place, its size and its numbers.
struct merged_token {
  std::size_t place;
  std::vector<std::size_t> members;
  double size;
  std::vector<double> numbers;

  double cosine(const merged_token& other) const {
    double product = 0, a = 0, b = 0;
    for (std::size_t j = 0; j < numbers.size(); ++j) {
      product += numbers[j] * other.numbers[j];
      a += numbers[j] * numbers[j];
      b += other.numbers[j] * other.numbers[j];
    }
    return product / std::sqrt(a * b);
  }
};

/// One round: `count` of the tokens at even places merge into their most similar ones at odd
/// places.
inline std::vector<merged_token> matching_round(const std::vector<merged_token>& tokens,
                                                std::size_t count) {
  std::vector<merged_token> a, b;
  for (std::size_t k = 0; k < tokens.size(); ++k) (k % 2 == 0 ? a : b).push_back(tokens[k]);
  const auto partner = [&](const merged_token& of) {
    return std::max_element(b.begin(), b.end(), [&](const auto& x, const auto& y) {
      return of.cosine(x) < of.cosine(y);
    });
  };
  std::sort(a.begin(), a.end(), [&](const merged_token& x, const merged_token& y) {
    const double of_x = x.cosine(*partner(x)), of_y = y.cosine(*partner(y));
    return of_x > of_y || (of_x == of_y && x.place < y.place);
  });
  std::vector<std::size_t> into;
  for (std::size_t k = 0; k < count; ++k)
    into.push_back(static_cast<std::size_t>(partner(a[k]) - b.begin()));
  for (std::size_t k = 0; k < count; ++k) {
    merged_token& to = b[into[k]];
    for (std::size_t j = 0; j < to.numbers.size(); ++j)
      to.numbers[j] =
          (to.size * to.numbers[j] + a[k].size * a[k].numbers[j]) / (to.size + a[k].size);
    to.size += a[k].size;
    to.members.insert(to.members.end(), a[k].members.begin(), a[k].members.end());
  }
  b.insert(b.end(), a.begin() + static_cast<std::ptrdiff_t>(count), a.end());
  std::sort(b.begin(), b.end(), [](const auto& x, const auto& y) { return x.place < y.place; });
  return b;
}

}  // namespace support
