// expects: token policies read tensors with strides, and this one shows rows alone
#include <span>
#include <tamp/tamp.hpp>

struct quantised_cache {
  int rows() const;
  int cols() const;
  void read_row(std::size_t, std::span<float>) const;
};

void wrong(const quantised_cache& keys) {
  tamp::token::context c;
  c.keys = keys;
}
