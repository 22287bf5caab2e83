#pragma once

// Selections in golden files: tokens that stay, their order, and of which each is part.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tamp/element.hpp>
#include <tamp/tensor/traits.hpp>
#include <tamp/token/published_order.hpp>
#include <tamp/token/select.hpp>
#include <vector>

#include "tally.hpp"

namespace golden {

// The numbers of a key, "3.1.4" or "3_1_4".
inline std::vector<std::size_t> numbers_of(std::string text) {
  std::replace(text.begin(), text.end(), '_', '.');
  std::vector<std::size_t> numbers;
  for (const std::string& number : split(text, text.size())) numbers.push_back(std::stoul(number));
  return numbers;
}

// Of each token the one that it is part of, -1 if it was dropped.
inline std::vector<std::int64_t> destinations(const tamp::token::selection& s) {
  std::vector<std::int64_t> all;
  for (const std::size_t place : s.into)
    all.push_back(place == s.nowhere ? -1 : static_cast<std::int64_t>(s.kept[place]));
  return all;
}

// A decision on rows, held against `into`, `order` and `rows` of a golden file, as far as it has
// them. Both sides compute in double.
template <class Policy>
void check_merged(const std::string& what, const safetensors_file& file, const std::string& method,
                  const std::string& key, const std::string& rows, const tamp::token::context& c,
                  const Policy& policy, std::size_t keep, tally& results) {
  const auto name = [&](const char* part) { return "out." + method + "." + part + "." + key; };
  const auto selected = tamp::token::select(c, policy, {.keep = keep});
  results.verdict(what + " into",
                  compare(destinations(selected), file.values<std::int64_t>(name("into")), 0));
  const auto made = tamp::token::in_published_order(selected);
  if (file.contains(name("order")))
    results.verdict(what + " order",
                    compare(made.kept, file.values<std::int64_t>(name("order")), 0));
  const auto given = file.matrix<float>(rows);
  std::vector<double> merged;
  for (std::size_t t = 0; t < given.rows(); ++t)
    for (std::size_t j = 0; j < given.cols(); ++j)
      merged.push_back(static_cast<double>(given(t, j)));
  policy.merge_rows(tamp::view(merged, given.rows(), given.cols()), made, c);
  merged.resize(made.kept.size() * given.cols());
  results.verdict(what + " rows", compare(merged, file.values<double>(name("rows")), 1e-12));
}

}  // namespace golden
