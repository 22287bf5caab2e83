// expects: this recipe takes the weights of tokens from the host, and the host gives none: call
// observer.weights and add observable::weights to the host's `shows`, or give the operation
// tamp::with_weights(host, weights)
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
  tamp::prune_model(model, tamp::compose(tamp::score::wanda{}, tamp::stat::given_weights{},
                                         tamp::pattern::per_row{}, tamp::allocate::uniform{0.5}));
}
