// expects: this tensor can only be read: to be pruned it needs zero(i, keep) or write_row(i, row),
// and must not be const
#include <cstddef>
#include <span>
#include <tamp/tamp.hpp>

struct host_rows {
  std::size_t rows() const { return 2; }
  std::size_t cols() const { return 4; }
  void read_row(std::size_t, std::span<float>) const {}
};

void wrong(host_rows& weight) { tamp::apply(weight, tamp::mask::bitmask(2, 4)); }
