// A program of units with different flags. It prints what the unit without flags says, and looks
// whether the others agree with it.
#include <cstdio>
#include <string>

#include "results.hpp"

namespace {

bool agrees = true;

void compare(const char* unit, const std::string& found, const std::string& expected) {
  if (found == expected) return;
  agrees = false;
  std::fprintf(stderr, "the unit %s does not agree:\n%s", unit, found.c_str());
}

bool has_vectors() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

}  // namespace

int main() {
  const results found = plain();
  std::printf("%s%s%s", found.masks.c_str(), found.sums.c_str(), found.refusals.c_str());
  if (found.refusals.find("not refused") != std::string::npos) {
    agrees = false;
    std::fprintf(stderr, "the unit without flags accepts a number that is wrong\n");
  }
  const auto check = [&](const char* unit, const results& others) {
    compare(unit, others.masks, found.masks);
    if (!others.refusals.empty()) compare(unit, others.refusals, found.refusals);
    if (*others.standard != *found.standard) {
      agrees = false;
      std::fprintf(stderr, "the unit %s has another execute::standard\n", unit);
    }
  };
  const results threads = with_openmp(), aborting = without_exceptions();
  check("with OpenMP", threads);
  compare("with OpenMP", threads.sums, found.sums);
  check("without exceptions", aborting);
  compare("without exceptions", aborting.sums, found.sums);
  if (has_vectors()) check("with -mavx2 -mfma", with_vectors());
  check("with -ffast-math", with_fast_math());
  return agrees ? 0 : 1;
}
