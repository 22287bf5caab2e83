// Runs the benchmarks, unless they were compiled in a way that makes their figures worthless.

#include <benchmark/benchmark.h>

#include <cstdio>

#include "optimised.hpp"

int main(int argc, char** argv) {
  if (const char* const problem = bench::why_not_measured()) {
    std::fprintf(stderr, "tamp_bench: %s\n", problem);
    return 1;
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
