// expects: tamp does not know this type of number: specialise tamp::element_traits for it
#include <tamp/tamp.hpp>
#include <vector>

void wrong(std::vector<short>& numbers) {
  tamp::select(tamp::matrix_view<short>(numbers.data(), 2, 4),
               tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{}));
}
