// expects: tamp does not know this type of number: specialise tamp::element_traits for it
#include <span>
#include <tamp/tamp.hpp>
#include <vector>

void wrong(std::span<std::vector<float>> rows) {
  tamp::prune(rows, tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{}));
}
