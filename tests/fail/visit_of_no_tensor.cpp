// expects: the host's visit_layers calls visit(name, weight) with a weight that is no tensor
// that tamp can read: give a view, include the adapter of its library (tamp/adapt/), or
// specialise tamp::tensor_traits
#include <string_view>
#include <tamp/tamp.hpp>

struct foreign_tensor {};

struct host {
  std::size_t blocks() const { return 1; }
  void visit_layers(std::size_t, auto&& visit) { visit("layer", foreign_tensor{}); }
  void observe_block(std::size_t, auto&) {}
  void advance(std::size_t) {}
};

void wrong(host& model) {
  tamp::prune_model(model, tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{}));
}
