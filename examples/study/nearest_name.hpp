#pragma once

// The name that a mistyped one stands for.

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace study {

// The fewest typing errors that make one text of the other: a letter too many, too few or wrong, or
// two neighbours exchanged (the optimal string alignment distance).
//
//     d(i, j) = the errors between the first i letters of a and the first j of b
inline std::size_t typing_errors(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i)
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      const std::size_t is_wrong = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + is_wrong});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

// The name with the fewest typing errors, the first of several; nothing if more than every third
// letter, rounded up, would be wrong. Then the only name that begins so. Without a letter nothing is
// near: 3:4 is no mistyped 2:4.
inline std::optional<std::string> nearest_name(std::string_view typed,
                                               const std::vector<std::string>& names) {
  const auto is_letter = [](unsigned char c) { return std::isalpha(c) != 0; };
  if (std::none_of(typed.begin(), typed.end(), is_letter)) return std::nullopt;
  const std::string* nearest = nullptr;
  std::size_t fewest = 0;
  for (const std::string& name : names) {
    const std::size_t errors = typing_errors(typed, name);
    const auto [shorter, longer] = std::minmax({typed.size(), name.size()});
    if (errors > (longer + 2) / 3 || errors >= shorter) continue;
    if (nearest != nullptr && fewest <= errors) continue;
    nearest = &name;
    fewest = errors;
  }
  if (nearest != nullptr) return *nearest;
  const auto begins_so = [&](const std::string& name) { return name.starts_with(typed); };
  if (std::count_if(names.begin(), names.end(), begins_so) != 1) return std::nullopt;
  return *std::find_if(names.begin(), names.end(), begins_so);
}

}  // namespace study
