// expects: this calibration does not have what the recipe's score needs: make it with
// tamp::calibration_for(the score)
#include <tamp/tamp.hpp>
#include <vector>

struct host {
  std::vector<float> numbers;
  std::size_t blocks() const { return 1; }
  void visit_layers(std::size_t, auto&& visit) { visit("layer", tamp::view(numbers, 2, 4)); }
};

void wrong(host& model) {
  const tamp::calibration<> seen;
  tamp::prune_model(model, seen,
                    tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{}));
}
