// expects: std::vector<bool> has no elements in memory that could be viewed: use std::vector<char>,
// or a tamp::mask::bitmask
#include <tamp/tamp.hpp>
#include <vector>

void wrong(std::vector<bool>& flags) { tamp::mask::bitmask::from(tamp::view(flags, 2, 4)); }
