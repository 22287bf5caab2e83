// A program of units without flags.
#include <cstdio>

#include "results.hpp"

int main() {
  const results found = plain();
  std::printf("%s%s%s", found.masks.c_str(), found.sums.c_str(), found.refusals.c_str());
  return found.masks.empty() || found.sums.empty() || found.refusals.empty();
}
