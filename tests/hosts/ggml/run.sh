# Sourced by tests/run.sh and bench/run.sh: the adapter of ggml, with the sources that the sdist of ggml-python has.
need python3-venv libboost-test-dev
ggml=$PWD/build/hosts/ggml_python-0.0.45/vendor/ggml
if ! [ -d "$ggml" ]; then
  python3 -m venv build/hosts/python
  build/hosts/python/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
    --dest build/hosts ggml-python==0.0.45
  tar -xzf build/hosts/ggml_python-0.0.45.tar.gz -C build/hosts
fi
use_host ggml -DGGML="$ggml" -DCMAKE_C_COMPILER=gcc-12 -DCMAKE_CXX_COMPILER=g++-12
