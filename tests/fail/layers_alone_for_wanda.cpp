// expects: this recipe reads what layers see of samples, and the host has layers alone
#include <tamp/tamp.hpp>
#include <vector>

struct host {
  std::vector<float> numbers;
  std::size_t blocks() const { return 1; }
  void visit_layers(std::size_t, auto&& visit) { visit("layer", tamp::view(numbers, 2, 4)); }
};

void wrong(host& model) {
  tamp::prune_model(model, tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{}));
}
