#!/usr/bin/env bash
# Installs what is missing, then builds and runs every test with GCC 12 in Release, and those of the
# library once more with clang 19 under the address and undefined behaviour sanitizers. Where there is
# nvcc it compiles the CUDA kernels too, and runs their tests on an emulator. Warnings are errors.
#
#     bash tests/run.sh             everything
#     bash tests/run.sh release     GCC only
#     bash tests/run.sh asan        clang only
#     bash tests/run.sh cuda        nvcc and the emulator only
#     bash tests/run.sh format      the formatting only
#     bash tests/run.sh fuzz 10     each fuzz target for ten minutes, on from where it was (default 3)
#     bash tests/run.sh gpu         the CUDA tests on this machine's GPU, and, where it is installed,
#                                   under compute-sanitizer
#     bash tests/run.sh processors  compiles everything for x86-64-v2, -v3 and -v4 and runs nothing: a
#                                   step of a release, about an hour
set -euo pipefail
cd "$(dirname "$0")/.."
. cmake/packages.sh

steps=("${@:-all}")
[ "${steps[0]}" = all ] && steps=(format release asan cuda)
[ "${steps[0]}" = fuzz ] && minutes=${steps[1]:-3} && steps=(fuzz)
[ -d /usr/local/cuda/bin ] && PATH=$PATH:/usr/local/cuda/bin

need "${build_packages[@]}" g++-12 git libxtensor-dev libboost-test-dev libbenchmark-dev \
  clang-19 clang-format-19 libclang-rt-19-dev libomp-19-dev python3

for step in "${steps[@]}"; do
  echo "== $step"
  case $step in
    format)
      git ls-files '*.hpp' '*.inl' '*.cpp' '*.cuh' '*.cu' | xargs clang-format-19 --dry-run --Werror
      ;;
    release | asan)
      cmake --preset "$step" --log-level=WARNING
      cmake --build --preset "$step"
      ctest --preset "$step" --no-tests=error
      ;;
    fuzz)
      cmake --preset fuzz --log-level=WARNING
      cmake --build --preset fuzz
      python3 tests/fuzz/run.py build/fuzz/tests/fuzz/tamp_fuzz build/fuzz --seconds $((60 * minutes))
      ;;
    cuda | gpu)
      if ! command -v nvcc >/dev/null; then
        echo "There is no nvcc: the CUDA kernels are not compiled"
        [ "$step" = cuda ] && continue
        exit 1
      fi
      cmake --preset cuda --log-level=WARNING
      if [ "$step" = cuda ]; then
        cmake --build --preset cuda
        ctest --preset cuda --no-tests=error
      else
        cmake --build --preset cuda --target test_cuda
        ctest --preset gpu --no-tests=error
        for tool in memcheck racecheck; do
          command -v compute-sanitizer >/dev/null || continue
          compute-sanitizer --tool "$tool" --error-exitcode 1 build/cuda/tests/cuda/gpu/test_cuda
        done
      fi
      ;;
    processors)
      for processor in x86-64-v2 x86-64-v3 x86-64-v4; do
        cmake --preset processors -B "build/$processor" -DTAMP_PROCESSOR=$processor \
          --log-level=WARNING
        cmake --build "build/$processor"
      done
      ;;
    *)
      echo "tests/run.sh knows format, release, asan, fuzz, cuda, gpu and processors, not '$step'" >&2
      exit 2
      ;;
  esac
done
