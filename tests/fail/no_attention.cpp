// expects: this recipe looks at the attention of the last query, and the host does not show it:
// call observer.attention and add signal::attention to the host's `shows`, or use a score that does
// without
#include <tamp/tamp.hpp>
#include <vector>

struct host {
  std::vector<float> numbers;
  static constexpr tamp::signal shows = tamp::signal::input | tamp::signal::output;
  std::size_t blocks() const { return 1; }
  void visit_layers(std::size_t, auto&& visit) { visit("layer", tamp::view(numbers, 2, 4)); }
  void observe_block(std::size_t, auto&) {}
  void advance(std::size_t) {}
  void rewind() {}
};

struct statistic {
  static constexpr tamp::signal reads = tamp::signal::attention;
};

void wrong(host& model) {
  tamp::calibration<statistic> seen;
  tamp::calibrate(model, seen);
}
