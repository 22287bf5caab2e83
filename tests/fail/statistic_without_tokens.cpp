// expects: this statistic does not count: give it std::uint64_t tokens() const
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

struct statistic {
  static constexpr const char* label() { return "statistic"; }
  statistic& add(const auto&...) { return *this; }
  statistic& combine(const statistic&) { return *this; }
  friend bool operator==(const statistic&, const statistic&) = default;
};

void wrong(host& model) {
  tamp::calibration<statistic> seen;
  tamp::calibrate(model, seen);
}
