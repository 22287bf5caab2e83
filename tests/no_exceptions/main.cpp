// Compiled with -fno-exceptions -fno-rtti: prunes a matrix, then provokes an error, which must
// print its sentence and abort.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <tamp/tamp.hpp>
#include <vector>

int main() {
  std::vector<float> numbers{4, -1, 2, -3, 0.5f, -8, -7, 3};
  const auto weight = tamp::view(numbers, 2, 4);
  const auto recipe =
      tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
  const auto norms = tamp::observe<tamp::stat::column_norm>(weight);
  const auto keep = tamp::select(weight, norms, recipe);
  if (tamp::prune(weight, norms, recipe).kept != keep.count()) return 1;

  numbers[6] = std::numeric_limits<float>::quiet_NaN();
  std::signal(SIGABRT, [](int) { std::_Exit(0); });
  (void)tamp::select(weight, norms, recipe);
  std::puts("nothing was refused");
  return 1;
}
