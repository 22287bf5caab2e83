// expects: this recipe looks at the attention of the last query, and the host does not show it:
// call observer.attention and add observable::last_query to the host's `shows`, or use a score that
// does without
#include <tamp/tamp.hpp>
#include <vector>

struct host {
  std::vector<float> numbers;
  static constexpr tamp::observable shows = tamp::observable::input | tamp::observable::output;
  std::size_t blocks() const { return 1; }
  void visit_layers(std::size_t, auto&& visit) { visit("layer", tamp::view(numbers, 2, 4)); }
  void observe_block(std::size_t, auto&) {}
  void advance(std::size_t) {}
  void rewind() {}
};

struct statistic {
  static constexpr tamp::observable reads = tamp::observable::output | tamp::observable::last_query;
  statistic& add(const auto&...) { return *this; }
  statistic& combine(const statistic&) { return *this; }
  std::uint64_t tokens() const { return 0; }
  friend bool operator==(const statistic&, const statistic&) = default;
};

void wrong(host& model) {
  tamp::calibration<statistic> seen;
  tamp::calibrate(model, seen);
}
