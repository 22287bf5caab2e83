// expects: statistics from a file must belong to the host's calibration set: give the host a
// fingerprint() that tells one set from another (see tamp::fingerprint)
#include <tamp/io/calibration.hpp>
#include <tamp/tamp.hpp>
#include <vector>

struct host {
  std::vector<float> numbers;
  std::size_t blocks() const { return 1; }
  void visit_layers(std::size_t, auto&& visit) { visit("layer", tamp::view(numbers, 2, 4)); }
  void observe_block(std::size_t, auto&) {}
  void advance(std::size_t) {}
  void rewind() {}
};

void wrong(host& model) {
  tamp::calibration<tamp::stat::column_norm> seen;
  tamp::io::load("seen.safetensors", model, seen);
}
