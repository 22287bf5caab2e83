// expects: this calibration does not have what the recipe's allocation needs: make it with
// tamp::calibration_for(the allocation)
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
  const auto recipe =
      tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{}, tamp::allocate::owl<>{0.5});
  const tamp::calibration<> seen;
  tamp::plan(model, seen, recipe);
}
