// expects: sparse weights are stored as float, tamp::f16, tamp::bf16 or std::int8_t: name the one to convert
// to, as in sparse::pack_as<float>(W, keep)
#include <tamp/tamp.hpp>
#include <vector>

auto wrong(const std::vector<double>& numbers) {
  return tamp::sparse::pack_as<double>(tamp::view(numbers, 2, 4));
}
