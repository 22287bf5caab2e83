// expects: this weight is const and cannot be pruned in place
#include <tamp/tamp.hpp>
#include <vector>

struct host {
  std::vector<float> numbers;
  std::size_t blocks() const { return 1; }
  void visit_layers(std::size_t, auto&& visit) {
    visit("layer", tamp::matrix_view<const float>(numbers.data(), 2, 4));
  }
  void observe_block(std::size_t, auto&) {}
  void advance(std::size_t) {}
};

void wrong(host& model) {
  tamp::prune_model(model, tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{}));
}
