// expects: a matrix has 2 dimensions and a single row 1: make an mdspan of one matrix of this tensor,
// with std::layout_stride if it has gaps
#include <mdspan>
#include <tamp/adapt/mdspan.hpp>
#include <tamp/prune/apply.hpp>

void wrong(std::mdspan<float, std::dextents<int, 3>> weight) {
  tamp::apply(weight, tamp::mask::bitmask(2, 4));
}
