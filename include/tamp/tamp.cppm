// tamp as a C++20 module: everything that tamp.hpp has, but macros. It works with clang 19.
//
//     clang++ -std=c++20 -Iinclude --precompile include/tamp/tamp.cppm -o tamp.pcm
//     clang++ -std=c++20 -fmodule-file=tamp=tamp.pcm -c program.cpp
//
// The entities belong to no module (extern "C++"), so that a program may import tamp in one unit and
// include headers of tamp in another. Headers of the C++ library come first, in the global module.
module;

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cfenv>
#include <charconv>
#include <cmath>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <iomanip>
#include <iosfwd>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <numbers>
#include <numeric>
#include <optional>
#include <ostream>
#include <queue>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>
#if defined(__x86_64__) || defined(__i386__)
#  include <immintrin.h>
#endif
#if defined(_OPENMP)
#  include <omp.h>
#endif
#if defined(__linux__)
#  include <sys/mman.h>
#endif
#include <time.h>

export module tamp;

// Guards keep the headers of the C++ library, which came before, out of what follows.
#pragma clang diagnostic ignored "-Winclude-angled-in-module-purview"
export extern "C++" {
#include "tamp.hpp"
}
