// expects: reach follows samples through all blocks, and the host cannot show that: give it
// observe_samples(first, observer) and rewind() (see tamp::model), or weights of tokens of its own
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
  tamp::prune_model(model, tamp::compose(tamp::score::wanda{}, tamp::stat::reach{},
                                         tamp::pattern::per_row{}, tamp::allocate::uniform{0.5}));
}
