#!/usr/bin/env bash
# Installs what is missing, builds the tests and runs them. Warnings are errors. What the compilers print
# is in build/*.log; at the end every step says how long it took and what its tests found.
#
#     bash tests/run.sh             what continuous integration runs: format, cuda, programs, asan
#                                   and ggml
#     bash tests/run.sh format      the formatting
#     bash tests/run.sh programs    study, teaching steps, units of different flags and the installed
#                                   package, with GCC 12
#     bash tests/run.sh asan        tests of each header, and of the CUDA kernels on an emulator, with
#                                   clang 19 under the address and undefined behaviour sanitizers; golden
#                                   vectors; programs of the documentation; what must not compile
#     bash tests/run.sh ggml        the adapter of ggml against ggml itself, which is fetched into build/hosts
#     bash tests/run.sh cuda        compiles the CUDA kernels with nvcc for one kind of GPU
#     bash tests/run.sh fuzz 10     each fuzz target for ten minutes, on from where it was (default 3)
#     bash tests/run.sh gpu         the CUDA tests on this machine's GPU, and, where it is installed,
#                                   under compute-sanitizer
#
# Before a release, hours:
#
#     bash tests/run.sh before_release    continuous integration's steps, and the following
#     bash tests/run.sh optimised         everything with GCC 12 as users compile it, -O3, and tests that
#                                         take too long for every change
#     bash tests/run.sh processors        compiles everything for x86-64-v2, -v3 and -v4; runs nothing
#     bash tests/run.sh architectures     nvcc for every kind of GPU, and the emulator without sanitizers
#     bash tests/run.sh kills             tamp_prune, killed and resumed again and again until 100 models
#                                         are done, and 50 by mpirun; programs does so for five and four
#     bash tests/run.sh compressed_tensors
#                                         sparse files against the Python package that has their layout,
#                                         which comes with PyTorch (6 GB in build/)
#     bash tests/run.sh gguf              blocks of quantised weights against llama.cpp's Python package
#     bash tests/run.sh packages          the Conan recipe and Bazel's targets; programs builds all other packages
#     bash tests/run.sh hosts             every tests/hosts/*/run.sh: ggml, LibTorch, and libc++
#     bash tests/run.sh transformers      tiny models of many architectures, pruned in their files and run by
#                                         transformers, which comes with the same package
#     bash tests/run.sh python            the Python package: installs it into a virtual environment in build/
#                                         and runs its tests
#     bash tests/run.sh engine            the example engine against transformers, which comes with PyTorch
set -euo pipefail
cd "$(dirname "$0")/.."
. cmake/steps.sh

continuous_integration=(format cuda programs asan ggml)
steps=("${@:-all}")
case ${steps[0]} in
  all) steps=("${continuous_integration[@]}") ;;
  before_release) steps=("${continuous_integration[@]}" optimised processors architectures gguf hosts
    compressed_tensors transformers engine python packages kills fuzz) ;;
  fuzz) steps=(fuzz) ;;
esac
minutes=3
[ "${1:-}" = fuzz ] && minutes=${2:-3}
[ -d /usr/local/cuda/bin ] && PATH=$PATH:/usr/local/cuda/bin

need "${build_packages[@]}" g++-12 git libxtensor-dev libdlpack-dev libboost-test-dev libbenchmark-dev \
  libopenmpi-dev openmpi-bin clang-19 clang-format-19 libclang-rt-19-dev libomp-19-dev libc++-19-dev \
  libc++abi-19-dev libarmadillo-dev libopencv-core-dev meson pkg-config dpkg-dev python3 python3-matplotlib

# run_tests PRESET [ARGUMENT...]: ctest, whose last words are kept for the summary.
run_tests() {
  ctest --preset "$@" --no-tests=error 2>&1 | tee "build/$1.tests.log"
  found=$(grep -E 'tests passed|tests failed' "build/$1.tests.log")
}

# use_host NAME [ARGUMENT...]: builds the project tests/hosts/NAME with these arguments, and runs its tests.
use_host() {
  local folder=build/hosts/$1 log=build/hosts/$1.log
  echo "Building $folder"
  mkdir -p "$folder"
  cmake -G Ninja -S "tests/hosts/$1" -B "$folder" "${@:2}" >"$log" 2>&1 || failed "Configuring $folder" "$log"
  cmake --build "$folder" 2>&1 | progress "$log" || failed "Building $folder" "$log"
  ctest --test-dir "$folder" --output-on-failure --no-tests=error 2>&1 | tee "$folder/tests.log"
  found+="$1: $(grep -E 'tests passed|tests failed' "$folder/tests.log") "
}

summary=()
for step in "${steps[@]}"; do
  echo "== $step"
  started=$SECONDS
  found=
  case $step in
    format)
      git ls-files '*.h' '*.c' '*.hpp' '*.inl' '*.cpp' '*.cuh' '*.cu' | xargs clang-format-19 --dry-run --Werror
      ;;
    programs | asan | optimised)
      build "$step" "build/$step"
      run_tests "$step"
      ;;
    fuzz)
      build fuzz build/fuzz -- tamp_fuzz
      python3 tests/fuzz/run.py build/fuzz/tests/fuzz/tamp_fuzz build/fuzz --seconds $((60 * minutes))
      ;;
    cuda | architectures | gpu)
      if ! command -v nvcc >/dev/null; then
        echo "There is no nvcc: the CUDA kernels are not compiled"
        [ "$step" = gpu ] && exit 1
        found="no nvcc"
      elif [ "$step" = gpu ]; then
        build gpu build/gpu -- test_cuda
        run_tests gpu
        for tool in memcheck racecheck; do
          command -v compute-sanitizer >/dev/null || continue
          compute-sanitizer --tool "$tool" --error-exitcode 1 build/gpu/tests/cuda/gpu/test_cuda
        done
      elif [ "$step" = cuda ]; then
        build cuda build/cuda -- test_cuda
        run_tests cuda
      else
        build architectures build/architectures -- test_cuda test_cuda_emulated tamp_bench_cuda \
          tamp_compare_cuda
        run_tests architectures
      fi
      ;;
    compressed_tensors)
      install_python_packages
      build programs build/programs -- tamp_exchange
      $python tests/compressed_tensors/check.py \
        build/programs/tests/compressed_tensors/tamp_exchange build/compressed_tensors
      ;;
    engine)
      install_python_packages
      build programs build/programs -- tamp_engine
      $python tests/engine/check.py build/programs/tests/engine/tamp_engine build/engine
      ;;
    gguf)
      need python3-venv
      packages=build/gguf/packages
      [ -x $packages/bin/python ] || python3 -m venv $packages
      $packages/bin/python -m pip install --quiet --disable-pip-version-check gguf==0.19.0
      build programs build/programs -- tamp_ggml_blocks
      $packages/bin/python tests/gguf/check.py build/programs/tests/gguf/tamp_ggml_blocks build/gguf
      ;;
    packages)
      need python3-venv bazel-bootstrap
      packages=build/packages
      [ -x $packages/python/bin/conan ] || python3 -m venv $packages/python
      $packages/python/bin/python -m pip install --quiet --disable-pip-version-check conan==2.34.0
      for kind in conan bazel; do
        PATH=$PWD/$packages/python/bin:$PATH python3 tests/packages/check.py $kind $packages/$kind --compiler g++-12
      done
      ;;
    ggml)
      . tests/hosts/ggml/run.sh
      ;;
    hosts)
      for host in tests/hosts/*/run.sh; do
        . "$host"
      done
      ;;
    transformers)
      install_python_packages
      build programs build/programs -- tamp_prune
      for each in structure experts vocabulary; do
        $python tests/transformers/check_$each.py build/programs/examples/prune/tamp_prune "build/$each"
      done
      $python tests/transformers/check.py build/programs/examples/prune/tamp_prune build/transformers |
        tee build/transformers.log
      found=$(tail -n 1 build/transformers.log)
      ;;
    python)
      need python3-venv python3-dev
      packages=build/python_package
      rm -rf $packages/wheels
      [ -x $packages/bin/python ] || python3 -m venv $packages
      echo "Building the package"
      $packages/bin/python -m pip wheel --disable-pip-version-check --no-deps --wheel-dir $packages/wheels \
        ./python >build/python_package.log 2>&1 || failed "Building the package" build/python_package.log
      # PyTorch is no part of what the package needs. Where another step has it, its tests run, too.
      pythons=($packages/bin/python)
      if [ -x $python ] && $python -c 'import torch' 2>/dev/null; then pythons+=($python); fi
      # The notebook of the course is run by the first.
      $packages/bin/python -m pip install --quiet --disable-pip-version-check matplotlib nbclient ipykernel
      for each in "${pythons[@]}"; do
        $each -m pip install --quiet --disable-pip-version-check 'numpy>=1.23' 'pytest>=7'
        $each -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall $packages/wheels/*.whl
        $each -m pytest -q -rs python/tests | tee build/python_package.tests.log
      done
      found=$(tail -n 1 build/python_package.tests.log)
      ;;
    kills)
      build optimised build/optimised -- tamp_prune
      python3 tests/prune_files/kills.py build/optimised/examples/prune/tamp_prune build/kills 100
      python3 tests/prune_files/ranks.py build/optimised/examples/prune/tamp_prune build/ranks 50
      ;;
    processors)
      for processor in x86-64-v2 x86-64-v3 x86-64-v4; do
        build processors "build/$processor" -DTAMP_PROCESSOR=$processor
      done
      ;;
    *)
      echo "tests/run.sh knows the steps that its first lines list, not '$step'" >&2
      exit 2
      ;;
  esac
  summary+=("$(printf '%-14s %5d s  %s' "$step" $((SECONDS - started)) "$found")")
done
echo
printf '%s\n' "${summary[@]}"
