// expects: tamp/adapt/mdspan.hpp needs std::mdspan: C++23, and a standard library that has <mdspan>
#include <version>
#undef __cpp_lib_mdspan
#include <tamp/adapt/mdspan.hpp>
