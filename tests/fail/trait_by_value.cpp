// expects: tensor_traits::view takes this tensor by value, and would show the elements of a copy:
// let it take a reference (T& and const T&)
#include <tamp/tamp.hpp>
#include <vector>

struct host_tensor {
  std::vector<float> numbers;
};

template <>
struct tamp::tensor_traits<host_tensor> {
  static matrix_view<float> view(host_tensor t) { return {t.numbers.data(), 2, 4}; }
};

void wrong(host_tensor& weight) { tamp::apply(weight, tamp::mask::bitmask(2, 4)); }
