// expects: this score changes the weights that stay, and this tensor can only drop some: give it a
// write_row
#include <cstddef>
#include <cstdint>
#include <span>
#include <tamp/score/sparsegpt.hpp>
#include <tamp/tamp.hpp>

struct quantised {
  std::size_t rows() const { return 4; }
  std::size_t cols() const { return 8; }
  void read_row(std::size_t, std::span<float>) const {}
  void zero(std::size_t, std::span<const std::uint64_t>) {}
};

void wrong(quantised& weight, const tamp::stat::gram& gram) {
  tamp::prune(weight, gram, tamp::compose(tamp::score::sparsegpt{}, tamp::pattern::n_of_m<2, 4>{}));
}
