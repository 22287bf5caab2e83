#pragma once

// Bipartite soft matching as it is defined, with lists that are made anew in each round.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace support {

/// A token of some round: which tokens it is made of, which of them it is, its size and its numbers.
/// One that only takes a place in front has no members.
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
/// places. The first `protected_tokens` of the sequence do neither. What is left is in its order if
/// that is kept; if not, tokens at even places come first, by falling similarity, or in their order
/// behind protected ones.
inline std::vector<merged_token> matching_round(const std::vector<merged_token>& tokens,
                                                std::size_t count, std::size_t protected_tokens = 0,
                                                bool keeps_order = false) {
  std::vector<std::size_t> a, b;  // places
  for (std::size_t k = protected_tokens; k < tokens.size(); ++k) (k % 2 == 0 ? a : b).push_back(k);
  std::vector<merged_token> after = tokens;
  const auto merge = [&](std::size_t from, std::size_t to) {
    const merged_token& lost = tokens[from];
    merged_token& made = after[to];
    for (std::size_t j = 0; j < made.numbers.size(); ++j)
      made.numbers[j] =
          (made.size * made.numbers[j] + lost.size * lost.numbers[j]) / (made.size + lost.size);
    made.size += lost.size;
    made.members.insert(made.members.end(), lost.members.begin(), lost.members.end());
  };
  if (count == 0) return tokens;
  if (a.empty() || b.empty()) {  // one token and protected ones
    std::size_t first = 0;
    while (tokens[first].members.empty()) ++first;
    merge(tokens.size() - 1, first);
    after.pop_back();
    return after;
  }
  const auto partner = [&](std::size_t of) {
    return *std::max_element(b.begin(), b.end(), [&](std::size_t x, std::size_t y) {
      return tokens[of].cosine(tokens[x]) < tokens[of].cosine(tokens[y]);
    });
  };
  std::sort(a.begin(), a.end(), [&](std::size_t x, std::size_t y) {
    const double of_x = tokens[x].cosine(tokens[partner(x)]),
                 of_y = tokens[y].cosine(tokens[partner(y)]);
    return of_x > of_y || (of_x == of_y && x < y);
  });
  const auto end = a.begin() + static_cast<std::ptrdiff_t>(count);
  for (auto from = a.begin(); from != end; ++from) merge(*from, partner(*from));
  a.erase(a.begin(), end);
  std::vector<std::size_t> left(protected_tokens);
  for (std::size_t k = 0; k < protected_tokens; ++k) left[k] = k;
  if (protected_tokens != 0) std::sort(a.begin(), a.end());
  left.insert(left.end(), a.begin(), a.end());
  left.insert(left.end(), b.begin(), b.end());
  if (keeps_order) std::sort(left.begin(), left.end());
  std::vector<merged_token> next;
  for (const std::size_t k : left) next.push_back(after[k]);
  return next;
}

}  // namespace support
