// expects: the host's observe_block shows the observer something that is no tensor that tamp can
// read: give a view, include the adapter of its library (tamp/adapt/), or specialise
// tamp::tensor_traits
#include <tamp/tamp.hpp>

struct foreign_tensor {};

struct host {
  std::size_t blocks() const { return 1; }
  void visit_layers(std::size_t, auto&& visit) { visit("layer", weight); }
  void observe_block(std::size_t, auto& observer) { observer.input(0, foreign_tensor{}); }
  void advance(std::size_t) {}

  tamp::matrix_view<float> weight;
};

void wrong(host& model) {
  tamp::prune_model(model, tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{}));
}
