# Sourced by tests/run.sh and bench/run.sh: the adapter of LibTorch, with Debian's.
need libtorch-dev libboost-test-dev
use_host torch -DCMAKE_CXX_COMPILER=g++-12 -DCMAKE_BUILD_TYPE=Debug
