// expects: the argument in the place of the model is none: a model has blocks(),
// visit_layers(block, visit)
#include <tamp/tamp.hpp>
#include <vector>

struct no_host {};

void wrong(no_host& host) {
  tamp::prune_model(host, tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{}));
}
