# Sourced by tests/run.sh and bench/run.sh: the library with libc++. It has no benchmark.
[ "${what:-}" = hosts ] || use_host libcxx -DCMAKE_CXX_COMPILER=clang++-19
