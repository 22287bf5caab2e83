#pragma once

// Parts that the checks of tamp_golden share.

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/io/safetensors.hpp>
#include <vector>

namespace golden {

using tamp::io::safetensors_file;

enum class outcome { passed, failed, skipped };

class tally {
 public:
  void add(const std::string& check, outcome result, const std::string& why = {}) {
    ++count_[static_cast<std::size_t>(result)];
    if (result == outcome::failed) std::printf("FAILED  %s: %s\n", check.c_str(), why.c_str());
    if (result == outcome::skipped) skipped_.insert(why);
  }
  // One check, passed if there is no complaint.
  void verdict(const std::string& check, const std::string& complaint) {
    add(check, complaint.empty() ? outcome::passed : outcome::failed, complaint);
  }
  int report() const {
    for (const std::string& why : skipped_) std::printf("skipped: %s\n", why.c_str());
    std::printf("%zu passed, %zu failed, %zu skipped\n", count_[0], count_[1], count_[2]);
    return count_[1] == 0 && count_[0] != 0 ? 0 : 1;
  }

 private:
  std::size_t count_[3] = {};
  std::set<std::string> skipped_;
};

// "a.b.c" is {"a", "b", "c"}, at most `parts` of them: the last keeps its dots.
inline std::vector<std::string> split(std::string_view name, std::size_t parts) {
  std::vector<std::string> pieces;
  while (pieces.size() + 1 < parts && name.find('.') != name.npos) {
    pieces.emplace_back(name.substr(0, name.find('.')));
    name.remove_prefix(name.find('.') + 1);
  }
  pieces.emplace_back(name);
  return pieces;
}

// The fault of our numbers, to a tolerance relative to each of theirs; nothing if it is
// empty.
template <class Ours, class Theirs>
std::string compare(const Ours& ours, const Theirs& theirs, double tolerance) {
  if (ours.size() != theirs.size()) return "another number of values";
  for (std::size_t k = 0; k < ours.size(); ++k) {
    const auto mine = static_cast<double>(ours[k]), golden = static_cast<double>(theirs[k]);
    if (!(std::abs(mine - golden) <= tolerance * std::abs(golden)))
      return tamp::detail::sentence("value ", k, " is ", mine, ", not ", golden);
  }
  return {};
}

}  // namespace golden
