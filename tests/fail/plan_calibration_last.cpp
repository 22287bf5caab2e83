// expects: plan(host, seen, recipe): the calibration comes before the recipe
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

void wrong(host& model, const tamp::calibration<tamp::stat::column_norm>& seen) {
  static_cast<void>(
      tamp::plan(model, tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{}), seen));
}
