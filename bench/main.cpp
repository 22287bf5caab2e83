// Runs the benchmarks, unless they were compiled in a way that makes their figures worthless.

#include <benchmark/benchmark.h>

#include <cstdio>

int main(int argc, char** argv) {
#if !defined(__OPTIMIZE__) || !defined(NDEBUG)
  std::fprintf(stderr,
               "tamp_bench was compiled without optimisation or with assertions, and its figures "
               "would mean nothing. Configure with: cmake --preset bench\n");
  return 1;
#endif
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
