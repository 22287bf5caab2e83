// expects: looking at the dense model first takes a pass of its own: give the host a rewind() that
// puts the samples back to where the first block takes them
#include <tamp/tamp.hpp>
#include <vector>

struct host {
  std::vector<float> numbers;
  std::size_t blocks() const { return 1; }
  void visit_layers(std::size_t, auto&& visit) { visit("layer", tamp::view(numbers, 2, 4)); }
  void observe_block(std::size_t, auto&) {}
  void advance(std::size_t) {}
};

void wrong(host& model) {
  tamp::calibration<tamp::stat::column_norm> seen;
  tamp::calibrate(model, seen);
}
