#!/usr/bin/env bash
# Installs what is missing, then builds and runs every test twice: with GCC 12 in Release, and with
# clang 19 under the address and undefined behaviour sanitizers. Warnings are errors.
#
#     bash tests/run.sh             everything
#     bash tests/run.sh release     GCC only
#     bash tests/run.sh asan        clang only
#     bash tests/run.sh format      the formatting only
set -euo pipefail
cd "$(dirname "$0")/.."
. cmake/packages.sh

steps=("${@:-all}")
[ "${steps[0]}" = all ] && steps=(format release asan)

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
    *)
      echo "tests/run.sh knows format, release and asan, not '$step'" >&2
      exit 2
      ;;
  esac
done
