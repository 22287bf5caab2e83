// expects: the accessor of this mdspan makes its elements as they are read: only those of
// std::default_accessor can be viewed in memory
#include <cstddef>
#include <mdspan>
#include <tamp/adapt/mdspan.hpp>
#include <tamp/prune/apply.hpp>

struct negated {
  using offset_policy = negated;
  using element_type = const float;
  using reference = float;
  using data_handle_type = const float*;

  constexpr float access(const float* data, std::size_t k) const noexcept { return -data[k]; }
  constexpr const float* offset(const float* data, std::size_t k) const noexcept {
    return data + k;
  }
};

using matrix = std::mdspan<const float, std::dextents<int, 2>, std::layout_right, negated>;

void wrong(matrix weight) { tamp::apply(weight, tamp::mask::bitmask(2, 4)); }
