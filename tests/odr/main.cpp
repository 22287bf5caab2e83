// Two files that see tamp differently must do the same with it.
#include <cstdio>
#include <string>

std::string plain();
std::string hostile();

int main() {
  const std::string a = plain(), b = hostile();
  if (a == b && !a.empty()) return 0;
  std::printf("without OpenMP and foreign macros:\n%s\nwith them:\n%s\n", a.c_str(), b.c_str());
  return 1;
}
